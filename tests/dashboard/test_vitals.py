from __future__ import annotations

import pytest

from dashboard.vitals import (
    Figure,
    State,
    Vital,
    choose,
    figure,
    is_left_behind,
    judge,
    rows_of,
    sensor_metrics,
    trends,
    vitals,
)
from deploy.config.components import discover
from streams.contract.spec import all_metrics
from streams.domains.schema import load_schemas


def vital(**changed: object) -> Vital:
    base = {"id": "v", "metric": "depth_cm", "domain": "weather", "of": "max", "basis": "own choice"}
    return Vital(**(base | changed))


def row(value: float | None, at_ms: int = 0, state: int = 1, domain: str = "weather", coverage: float = 1.0) -> dict:
    return {
        "at_ms": at_ms,
        "window_s": 60,
        "value": value,
        "state": state,
        "domain": domain,
        "coverage_ratio": coverage,
    }


ROWS = [("a", row(2.0)), ("b", row(5.0, state=0)), ("c", row(None))]


@pytest.mark.parametrize(("of", "value"), [("max", 5.0), ("min", 2.0), ("sum", 7.0)])
def test_a_fold_leaves_out_what_is_unknown(of, value):
    found = figure(vital(of=of), ROWS)
    assert found.value == value
    assert found.state == 0  # as provisional as its least final row


@pytest.mark.parametrize(("age_s", "value"), [(600, 7.0), (601, 5.0), (1800, 5.0)])
def test_a_row_counts_for_two_windows_of_five_minutes(age_s, value):
    rows = [("a", row(2.0, at_ms=-age_s * 1000)), ("b", row(5.0))]
    assert figure(vital(of="sum"), rows).value == value


@pytest.mark.parametrize(("age_s", "value"), [(1800, 7.0), (1801, 5.0)])
def test_the_row_of_a_slow_sensor_counts_for_two_of_its_intervals(age_s, value):
    rows = [("slow", row(2.0, at_ms=-age_s * 1000)), ("fast", row(5.0))]
    assert figure(vital(of="sum"), rows, {"slow": 900.0, "fast": 10.0}).value == value


def test_the_sensor_of_an_extreme_is_named():
    assert figure(vital(of="max"), ROWS).entity == "b"


def test_no_row_is_unknown_and_never_zero():
    found = figure(vital(), [("c", row(None))])
    assert found.value is None
    assert judge(vital(), found, source_is_late=False) is State.UNKNOWN


def test_a_row_of_an_older_window_is_not_added_to_the_newest():
    rows = [("a", row(3.0, at_ms=3_600_000)), ("b", row(100.0, at_ms=0))]
    assert figure(vital(of="sum"), rows).value == 3.0


def test_a_figure_of_the_city_on_thin_coverage_is_not_shown():
    thin = figure(vital(of="city"), [("city:x", row(1.0, coverage=0.59))])
    assert (thin.value, thin.coverage_ratio) == (None, 0.59)


@pytest.mark.parametrize(
    ("value", "late", "state"),
    [
        (3.0, False, State.OK),
        (3.1, False, State.WARN),
        (15.0, False, State.WARN),
        (15.1, False, State.ALARM),
        (15.1, True, State.STALE),
    ],
)
def test_states_come_from_the_limits_and_the_source(value, late, state):
    limits = vital(normal=(0, 3), alarm=(0, 15))
    assert judge(limits, Figure(value, 0, 1, 1.0, None), source_is_late=late) is state


@pytest.mark.parametrize(
    ("behind_min", "interval_s", "lag_min", "left"),
    [
        (10, 60.0, 0, False),  # two rounds, of five minutes at least
        (11, 60.0, 0, True),
        (20, 600.0, 0, False),  # two rounds of ten minutes
        (21, 600.0, 0, True),
        (200, 3600.0, 80, False),  # two hours and 80 minutes
        (201, 3600.0, 80, True),
    ],
)
def test_a_figure_that_its_domain_has_left_behind_is_known(behind_min, interval_s, lag_min, left):
    found = Figure(1.0, 7, 1, 1.0, None)
    assert is_left_behind(found, 7 + behind_min * 60_000, interval_s, lag_min * 60_000) is left
    assert not is_left_behind(found, None, interval_s, 0)
    assert not is_left_behind(Figure(None, None, 0, None, None), behind_min * 60_000, interval_s, 0)


def test_rows_of_another_domain_with_the_same_column_and_of_who_left_stay_out(city):
    others = {"det-1": row(9.0, domain="transit"), "zone:east": row(7.0), "underpass-9": row(8.0)}
    table = {"depth_cm": {"underpass-1": row(1.0), **others}}
    assert [entity for entity, _ in rows_of(vital(), table, city)] == ["underpass-1"]


def test_a_shared_column_of_the_city_carries_its_domain(city):
    load = vital(metric="load_ratio", domain="transit", of="city")
    table = {"transit_load_ratio": {"city:duo": row(0.5, domain="transit")}}
    assert rows_of(load, table, city) == [("city:duo", row(0.5, domain="transit"))]


def test_what_has_data_is_chosen_first_and_keeps_its_place():
    wanted = [vital(id=name) for name in "abcd"]
    chosen = choose(wanted, ["weather"], seen={"d", "b"}, count=3)
    assert [one.id for one in chosen] == ["a", "b", "d"]
    assert choose(wanted, ["traffic"], seen=set(), count=3) == ()


def test_every_tile_names_a_column_or_a_processors_metric_of_its_domain():
    schemas, specs = load_schemas(), discover().values()
    for one in vitals():
        computed = {metric.name for spec in specs if spec.takes(one.domain) for metric in all_metrics(spec)}
        assert one.metric in computed | {*schemas[one.domain].names}, one.id
        assert one.name.zh, one.id
        assert one.name.en, one.id
    assert len({one.id for one in vitals()}) == len(vitals())
    assert {one.id for one in trends()} <= {one.id for one in vitals()}
    assert "depth_cm" in sensor_metrics()
