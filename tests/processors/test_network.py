"""Zones, city and hours, by hand."""

import numpy as np
import pytest

from processors.network import Config, State, step
from streams.city.registry import City, Segment, Sensor, Zone
from streams.contract.records import MetricFrame, Rows

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
LINE = ((0.0, 0.0), (0.0, 1.0))


def town() -> City:
    segments = tuple(Segment(f"s{n}", n, "", "", "local", 1, 1000.0, 60.0, (), LINE) for n in range(2))
    sensors = tuple(Sensor(f"d{n}", "traffic", n, n, 0.0, 0.0, 60.0, "", "") for n in range(2))
    buses = tuple(Sensor(f"b{n}", "transit", n, -1, 0.0, 0.0, 60.0, "", "") for n in range(2))
    return City("c", "", "", "UTC", "", (Zone("a", "", ""), Zone("b", "", "")), segments, (*sensors, *buses))


def tti(zone: int, at_ms: int, vht: float, free_vht: float, *, coverage: float = 1.0, revision: int = 0) -> Rows:
    return row(f"s{zone}", "tti_ratio", at_ms, round(vht * 1e12), round(free_vht * 1e12), coverage, revision)


def row(entity: str, metric: str, at_ms: int, top: int, bottom: int, coverage: float = 1.0, revision: int = 0) -> Rows:
    return Rows(
        entity=np.array([entity], object),
        metric=np.array([metric], object),
        at_ms=np.array([at_ms]),
        window_s=np.array([60], np.int32),
        value=np.array([np.nan]),
        numerator=np.array([top]),
        denominator=np.array([bottom]),
        count=np.array([1]),
        coverage_ratio=np.array([coverage]),
        imputed_ratio=np.zeros(1),
        revision=np.array([revision]),
    )


class Watcher:
    """Feeds frames to the processor and keeps the newest value of each identity."""

    def __init__(self) -> None:
        self.state = State()
        self.held: dict[tuple[str, str, int, int], tuple[float, int, float]] = {}

    def take(self, zone: int, watermark_ms: int, *rows: Rows, domain: str = "traffic") -> dict[str, int]:
        result = step(self.state, MetricFrame(domain, zone, Rows.concat(list(rows)), watermark_ms), town(), Config())
        self.state, new = result.state, result.rows
        keys = zip(new.entity, new.metric, new.at_ms.tolist(), new.window_s.tolist(), strict=True)
        rest = zip(new.value.tolist(), new.revision.tolist(), new.coverage_ratio.tolist(), strict=True)
        self.held.update(zip(keys, rest, strict=True))
        return dict(result.dropped)


def test_the_city_divides_sums_never_means_of_ratios():
    city = Watcher()
    city.take(0, MINUTE_MS, tti(0, 0, 3.0, 1.0))
    assert city.held == {}  # the other zone has not passed yet
    city.take(1, MINUTE_MS, tti(1, 0, 9.0, 7.0))
    assert city.held["zone:a", "tti_ratio", 0, 60][0] == 3.0
    assert city.held["city:c", "tti_ratio", 0, 60][0] == 1.5  # (3 + 9) / (1 + 7)
    assert city.held["city:c", "tpi", 0, 60][0] == pytest.approx(2 + 2 * (1 / 3 - 0.3) / 0.2)


def test_a_correction_replaces_and_a_repeat_changes_nothing():
    city = Watcher()
    city.take(0, MINUTE_MS, tti(0, 0, 3.0, 1.0))
    city.take(1, MINUTE_MS, tti(1, 0, 9.0, 7.0))
    city.take(0, MINUTE_MS, tti(0, 0, 7.0, 1.0, revision=2))
    assert city.held["city:c", "tti_ratio", 0, 60] == (2.0, 2, 1.0)  # (7 + 9) / (1 + 7)
    held = dict(city.held)
    assert city.take(0, MINUTE_MS, tti(0, 0, 3.0, 1.0), tti(0, 0, 7.0, 1.0, revision=2)) == {"repeat": 2}
    assert city.held == held


def test_an_hour_sums_its_minutes_and_folds_only_the_difference_of_a_correction():
    city = Watcher()
    for zone in (0, 1):
        city.take(zone, HOUR_MS, tti(zone, 0, 3.0, 1.0), tti(zone, 59 * MINUTE_MS, 1.0, 3.0))
    assert city.held["s0", "tti_ratio", 0, 3600] == (1.0, 0, 1.0)  # (3 + 1) / (1 + 3): a fast minute makes up for it
    city.take(0, HOUR_MS, tti(0, 0, 7.0, 1.0, revision=1))
    assert city.held["s0", "tti_ratio", 0, 3600] == (2.0, 1, 1.0)  # (7 + 1) / (1 + 3)
    assert city.held["city:c", "tti_ratio", 0, 3600] == (1.5, 1, 1.0)  # (8 + 4) / (4 + 4)


@pytest.mark.parametrize(("coverage", "known"), [(0.6, True), (0.59, False)])
def test_no_index_below_the_least_coverage(coverage, known):
    city = Watcher()
    for zone in (0, 1):
        city.take(zone, MINUTE_MS, tti(zone, 0, 2.0, 1.0, coverage=coverage))
    value, _, told = city.held["city:c", "tpi", 0, 60]
    assert told == pytest.approx(coverage)
    assert (value == 4.0) if known else np.isnan(value)  # DTP 0.5
    assert city.held["city:c", "tti_ratio", 0, 60][0] == 2.0


def test_a_column_that_two_domains_share_gets_the_domains_name_for_the_city():
    city = Watcher()
    for zone, total in ((0, 500_000), (1, 1_500_000)):
        city.take(zone, MINUTE_MS, row(f"b{zone}", "load_ratio", 0, total, 1), domain="transit")
    assert city.held["city:c", "transit_load_ratio", 0, 60][0] == 1.0  # (0.5 + 1.5) / 2


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param(row("nowhere", "tti_ratio", 0, 1, 1), "unknown_entity", id="an entity of another city"),
        pytest.param(row("s0", "tti_ratio", 0, 1, 1, revision=-1), "provisional", id="provisional"),
    ],
)
def test_rows_that_are_not_used_say_why(rows, reason):
    assert Watcher().take(0, 0, rows) == {reason: 1}


def test_what_nothing_can_correct_any_more_is_too_late():
    city = Watcher()
    for zone in (0, 1):
        city.take(zone, 2 * HOUR_MS)
    assert city.take(0, 2 * HOUR_MS, tti(0, HOUR_MS - MINUTE_MS, 1.0, 1.0)) == {"too_late": 1}
    assert city.take(0, 2 * HOUR_MS, tti(0, HOUR_MS, 1.0, 1.0, revision=1)) == {}
