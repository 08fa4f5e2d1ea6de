"""Rules of absence, worked out by hand: chlorine that is not told for 5 minutes (IV), or 10 (III); pressure goes on."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.maths.rules import Rule, problems
from processors.threshold import Config, State, step
from streams.city.registry import City
from streams.contract.records import Detection
from tests.processors import contract
from tests.processors.contract import CITY, START_MS, Row

MINUTE_MS, NAN = 60_000, float("nan")
NAMES = contract.load_schemas()["water"].names
MISSING = Rule(
    name="chlorine_missing", domain="water", column="chlorine_mg_l", kind="absence", iv=300, iii=600,
    basis="local", reference="own choice",
)  # fmt: skip
BOTH, REST, NOTHING = "b", "p", "."
"""A minute in which a sensor tells chlorine and pressure, pressure alone, nothing."""


def row(minute: float, what: str, sensor: int = 0, behind_ms: int = 0) -> Row:
    values = {"chlorine_mg_l": 0.3 if what == BOTH else NAN, "pressure_mpa": 0.3}
    at_ms = START_MS + round(MINUTE_MS * minute)
    return Row(sensor, at_ms, behind_ms > 0, tuple(values.get(name, NAN) for name in NAMES), 0, behind_ms)


def run(
    told: str, every: int = 1, rules: tuple[Rule, ...] = (MISSING,), city: City = CITY, sensor: int = 0
) -> list[Detection]:
    state, found = State(), list[Detection]()
    for first in range(0, len(told), every):
        until = min(first + every, len(told))
        rows = [row(minute, told[minute], sensor) for minute in range(first, until) if told[minute] != NOTHING]
        frame = contract.frame_of("water", rows, START_MS + MINUTE_MS * until)
        found += step(state, frame, city, Config(rules=rules)).detections
    return found


def short(found: list[Detection]) -> list[tuple[int, int, float | None]]:
    """(minute at the end of which it was told, level, seconds without a value)."""
    return [((one.known_ms - START_MS) // MINUTE_MS, one.level, one.value) for one in found]


@pytest.mark.parametrize("every", [1, 3, 100], ids=["a minute each", "three", "all at once"])
@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param("bbbbbbbbbbbb", [], id="it is told"),
        pytest.param("bpppp", [], id="four minutes"),
        pytest.param("bppppp", [(6, 4, 300)], id="five, the sensor speaks"),
        pytest.param("b.....", [(6, 4, 300)], id="five, the sensor is silent"),
        pytest.param("b..........", [(6, 4, 300), (11, 3, 600)], id="ten"),
        pytest.param("bpppppb", [(6, 4, 300), (7, 0, 0)], id="the first value ends it"),
        pytest.param("bpppppbpppppb", [(6, 4, 300), (7, 0, 0), (12, 4, 300), (13, 0, 0)], id="again"),
        pytest.param("bppppbppppbpppp", [], id="never for five"),
        pytest.param("ppppppppppppppp", [], id="a column that was never told"),
        pytest.param("...............", [], id="a sensor that never spoke"),
    ],
)
def test_how_long_a_column_was_not_told(told: str, expected: object, every: int) -> None:
    assert short(run(told, every)) == expected


def test_the_detection_says_what_is_missing_since_when_and_for_how_long() -> None:
    (found,) = run("bppppp")
    assert (found.kind, found.entity, found.value, found.limit, found.unit) == (
        "chlorine_missing", "water-north-0", 300, 300, "s",
    )  # fmt: skip
    assert found.evidence == {"column": "chlorine_mg_l", "basis": "local", "of": "absence"}
    assert found.at_ms == START_MS + 6 * MINUTE_MS


def test_a_limit_below_a_sensors_interval_is_not_judged_there() -> None:
    """Of the fourth sensor a reading comes each 300 s: IV at 240 s means nothing, III at 600 s does."""
    rule = msgspec.structs.replace(MISSING, iv=240)
    assert short(run("b.......................", rules=(rule,), sensor=3)) == [(11, 3, 600)]


def test_a_value_that_came_late_counts_at_its_time() -> None:
    """Minute 0 was the last; at 11 minute 8 comes late: three minutes are missing, at 13 five are."""
    state, found = State(), list[Detection]()
    log = [row(0, BOTH), *(row(minute, REST) for minute in range(1, 11)), row(8, BOTH, behind_ms=3 * MINUTE_MS)]
    log += [row(11, REST), row(12, REST), row(13, REST), row(14, REST)]
    for one in log:
        frame = contract.frame_of("water", [one], START_MS)
        found += step(state, frame, CITY, Config(rules=(MISSING,))).detections
    assert short(found) == [(6, 4, 300), (11, 3, 600), (11, 0, 120), (14, 4, 300)]


def test_one_that_left_ends_it_and_counts_anew_when_it_is_back() -> None:
    without = replace(CITY, sensors=tuple(one for one in CITY.sensors if one.id != "water-north-0"))
    state, found = State(), list[Detection]()

    def minute(number: int, city: City, what: str) -> None:
        rows = [] if what == NOTHING else [row(number, what)]
        frame = contract.frame_of("water", rows, START_MS + MINUTE_MS * (number + 1))
        found.extend(step(state, frame, city, Config(rules=(MISSING,))).detections)

    for number, what in enumerate("bppppp"):
        minute(number, CITY, what)
    for number in range(6, 20):
        minute(number, without, NOTHING)
    for number, what in enumerate("ppppppppbppppp", 20):
        minute(number, CITY, what)
    assert [(one.level, one.evidence.get("reason")) for one in found] == [(4, None), (0, "retired"), (4, None)]
    assert short(found)[-1] == (34, 4, 300)


def test_a_rule_that_comes_into_force_counts_from_then_and_one_that_goes_ends_what_it_raised() -> None:
    pressure = msgspec.structs.replace(
        MISSING, name="low", kind="level", column="pressure_mpa", sense="below", iv=0.1, iii=None
    )
    state, found = State(), list[Detection]()
    for number in range(40):
        in_force = (MISSING,) if 20 <= number < 30 else (pressure,)
        frame = contract.frame_of("water", [row(number, REST if number else BOTH)], START_MS + MINUTE_MS * (number + 1))
        found += step(state, frame, CITY, Config(rules=in_force)).detections
        state = contract.decode(State, contract.encode(state))
    assert short(found) == [(25, 4, 300), (30, 3, 600), (31, 0, None)]
    assert found[-1].evidence["reason"] == "retired"


def test_what_a_raised_limit_no_longer_reaches_ends_at_once() -> None:
    state, found = State(), list[Detection]()
    for number, what in enumerate("bpppppppppp"):
        rule = MISSING if number < 7 else msgspec.structs.replace(MISSING, iv=540)
        frame = contract.frame_of("water", [row(number, what)], START_MS + MINUTE_MS * (number + 1))
        found += step(state, frame, CITY, Config(rules=(rule,))).detections
    assert short(found) == [(6, 4, 300), (8, 0, 420), (10, 4, 540), (11, 3, 600)]


def test_a_late_value_of_before_the_raise_ends_the_alarm_all_the_same() -> None:
    log = [row(0, BOTH), *(row(minute, REST) for minute in range(1, 7)), row(4, BOTH, behind_ms=2 * MINUTE_MS)]
    state, found = State(), list[Detection]()
    for one in log:
        found += step(state, contract.frame_of("water", [one], START_MS), CITY, Config(rules=(MISSING,))).detections
    assert [(one.level, (one.at_ms - START_MS) // MINUTE_MS) for one in found] == [(4, 6), (0, 6)]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_cut_and_no_restart_changes_what_is_found(data: st.DataObject) -> None:
    log = data.draw(contract.logs("water"))
    rule = msgspec.structs.replace(MISSING, iv=60, iii=180, ii=600)

    def told(cuts: Any, *, reload: bool) -> list[bytes]:
        state, found = State(), list[Detection]()
        for frame in contract.frames_of("water", log, cuts, contract.end_of(log)):
            state = contract.decode(State, contract.encode(state)) if reload else state
            found += step(state, frame, CITY, Config(rules=(rule,))).detections
        for entity in {one.entity for one in found}:
            course = [one for one in found if one.entity == entity]
            for before, after in pairwise(course):
                assert after.known_ms >= before.known_ms
                assert after.at_ms >= before.at_ms, "the alarm engine takes no end of before the raise"
        return sorted(msgspec.json.encode(one) for one in found)

    whole = told((), reload=False)
    assert told(range(len(log)), reload=False) == whole
    assert told(data.draw(st.sets(st.integers(0, 60))), reload=True) == whole


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"iv": 90}, ["iv: whole minutes in seconds, such as 600, are needed, not 90"]),
        ({"iv": 30}, ["iv: whole minutes in seconds, such as 600, are needed, not 30"]),
        ({"iv": 600, "iii": 300}, ["from iv to i the limits must get stricter (above), not iv = 600, iii = 300"]),
        ({"sense": "below"}, ["sense: kind absence has none; take below away"]),
        ({"dead_band": 1.0}, ["dead_band: kind absence has none; take 1 away"]),
        ({"over_s": 600}, ["over_s: kind absence is for kind = change or count alone"]),
    ],
)
def test_what_is_wrong_with_one_is_said(change: dict[str, Any], said: list[str]) -> None:
    found = list(problems(msgspec.structs.replace(MISSING, **change)))
    assert found[: len(said)] == [f"rule chlorine_missing: {one}" for one in said]
    assert bool(found) == bool(said)
