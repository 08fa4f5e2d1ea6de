"""Rules of deviation, worked out by hand: a pressure of 0.4 MPa on workdays, 0.3 on days off, and what is not usual."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.maths import usual
from processors.maths.rules import Rule, problems
from processors.maths.usual import Days, Minute, Usual
from processors.threshold import Config, State, step
from streams.contract.records import Detection
from tests.processors import contract
from tests.processors.contract import CITY, Row

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
MONDAY_MS = 1_699_804_800_000
"""2023-11-13 00:00 in Shanghai."""
NAMES = contract.load_schemas()["water"].names
LOW = Rule(
    name="pressure_unusual", domain="water", column="pressure_mpa", kind="deviation", sense="below", iv=-0.1, ii=-0.2,
    dead_band=0.02, on_delay_s=0, off_delay_s=0, basis="local", reference="own choice",
)  # fmt: skip
HIGH = msgspec.structs.replace(LOW, name="pressure_surge", sense="above", iv=0.1, ii=None)


def run(means: dict[int, float], rules: tuple[Rule, ...] = (LOW,), every: int = 1, city: Any = CITY) -> list[Detection]:
    """What is found where a sensor's minutes, by start, have these means; so many come in a frame."""
    state, found = State(), list[Detection]()
    log = [
        Row(0, at_ms, False, tuple(mean if one == "pressure_mpa" else float("nan") for one in NAMES), 0)
        for at_ms, mean in sorted(means.items())
    ]
    for first in range(0, len(log), every):
        rows = log[first : first + every]
        state = contract.decode(State, contract.encode(state)) if first % 7 == 0 else state
        frame = contract.frame_of("water", rows, rows[-1].at_ms + MINUTE_MS)
        found += step(state, frame, city, Config(rules=rules)).detections
    return found


def hours(day: int, *means: float, hour: int = 8) -> dict[int, float]:
    """Minutes from that hour on of a day, 0 = the Monday."""
    begins_ms = MONDAY_MS + day * DAY_MS + hour * HOUR_MS
    return {begins_ms + MINUTE_MS * minute: mean for minute, mean in enumerate(means)}


def days(*means: float, first: int = 0) -> dict[int, float]:
    """Three minutes at eight and one at nine, that the first hour is over, a day each."""
    found: dict[int, float] = {}
    for day, mean in enumerate(means, first):
        found |= hours(day, mean, mean, mean) | hours(day, mean, hour=9)
    return found


def short(found: list[Detection]) -> list[tuple[int, int, float]]:
    """(day, level, value)."""
    return [((one.at_ms - MONDAY_MS) // DAY_MS, one.level, round(one.value or 0, 6)) for one in found]


@pytest.mark.parametrize("every", [1, 3, 1000], ids=["a minute each", "three", "all at once"])
@pytest.mark.parametrize(
    ("means", "expected"),
    [
        pytest.param(days(0.4, 0.4) | hours(2, 0.1), [], id="two days say nothing yet"),
        pytest.param(days(0.4, 0.4, 0.4) | hours(3, 0.31), [], id="near it"),
        pytest.param(days(0.4, 0.4, 0.4) | hours(3, 0.25), [(3, 4, -0.15)], id="far below"),
        pytest.param(days(0.4, 0.4, 0.4) | hours(3, 0.1), [(3, 2, -0.3)], id="very far"),
        pytest.param(days(0.4, 0.4, 0.4) | hours(3, 0.6), [], id="above is not below"),
        pytest.param(days(0.4, 0.4, 0.4) | hours(3, 0.25, hour=10), [], id="another hour is not known"),
        pytest.param(days(0.4, 0.4, 0.4) | hours(5, 0.25), [], id="nor is a day off"),
        pytest.param(days(0.4, 0.0, 0.4) | hours(3, 0.25), [(3, 4, -0.15)], id="one odd day of three"),
        pytest.param(
            days(0.4, 0.4, 0.4) | hours(3, 0.25, 0.31, 0.33), [(3, 4, -0.15), (3, 0, -0.07)], id="the dead band"
        ),
    ],
)
def test_what_is_not_usual(means: dict[int, float], expected: object, every: int) -> None:
    assert short(run(means, every=every)) == expected


def test_days_off_and_holidays_have_a_usual_of_their_own() -> None:
    weekends = days(0.3, 0.3, first=5) | days(0.3, first=12)
    means = days(0.4, 0.4, 0.4) | weekends | hours(14, 0.25)
    assert short(run(means)) == [(14, 4, -0.15)]
    holiday = replace(CITY, calendar={date(2023, 11, 27): "holiday"})
    assert short(run(means, city=holiday)) == []  # 0.25 is 0.05 below a day off


def test_incidents_of_hours_teach_nothing() -> None:
    """Four incidents at eight, over at nine, and no plain day at eight between them: 0.4 is usual still."""
    odd_days = (4, 9, 15, 21)
    odd = {at_ms: mean for day in odd_days for at_ms, mean in (hours(day, 0.25) | hours(day, 0.4, hour=9)).items()}
    found = short(run(days(0.4, 0.4, 0.4, 0.4) | odd))
    assert found == [one for day in odd_days for one in ((day, 4, -0.15), (day, 0, 0))]


@pytest.mark.parametrize("every", [1, 1000], ids=["a minute each", "all at once"])
def test_what_lasts_is_usual_within_days(every: int) -> None:
    """From the second Monday on 0.25: Tuesday to Thursday teach it, three of five; on Friday it is usual, not 0.4."""
    lasting = days(0.25, 0.25, 0.25, 0.25, 0.25, first=7)
    found = run(days(0.4, 0.4, 0.4) | lasting | hours(14, 0.4), (LOW, HIGH), every)
    assert [(one.kind, *short([one])[0]) for one in found] == [
        ("pressure_unusual", 7, 4, -0.15),
        ("pressure_unusual", 11, 0, 0),
        ("pressure_surge", 14, 4, 0.15),
    ]


def test_what_is_normal_at_night_and_odd_each_day_lasts_too() -> None:
    """Odd at eight, at nine as ever: each time the alarm is over at nine, and on Friday there is none."""
    odd = {at_ms: mean for day in range(7, 12) for at_ms, mean in (hours(day, 0.25) | hours(day, 0.4, hour=9)).items()}
    found = short(run(days(0.4, 0.4, 0.4, 0.4) | odd))
    assert found == [one for day in range(7, 11) for one in ((day, 4, -0.15), (day, 0, 0))]


def test_an_incident_of_two_days_moves_nothing() -> None:
    """Its second day teaches, which is one odd of four; so 0.25 is odd again a week later."""
    plain = days(0.4, 0.4, 0.4) | days(0.4, first=3)
    assert short(run(plain | days(0.25, 0.25, first=7) | days(0.4, first=9) | hours(14, 0.25))) == [
        (7, 4, -0.15),
        (9, 0, 0),
        (14, 4, -0.15),
    ]


def test_two_rules_of_a_column_learn_from_the_same() -> None:
    means = days(0.4, 0.4, 0.4) | hours(3, 0.55, 0.4, 0.25)
    found = [(one.kind, one.level, round(one.value or 0, 6)) for one in run(means, (LOW, HIGH))]
    assert found == [("pressure_surge", 4, 0.15), ("pressure_surge", 0, 0.0), ("pressure_unusual", 4, -0.15)]


def test_a_series_takes_no_more_than_is_said_and_begins_anew_after_four_weeks() -> None:
    of, days_of = Usual(), Days("Asia/Shanghai", {})
    usual.grow(of, 1000)
    cell = np.arange(1000)
    said = Minute(cell, np.full(1000, 7.0), np.zeros(1000, bool))
    for day in range(4):
        usual.teach(of, said, MONDAY_MS + day * DAY_MS, days_of)
    assert len(contract.encode(of)) / 1000 < 801  # 8 x 24 x 4 + 2 x 8 + 4 x 4 = 800, and some for the names of all
    later_ms = MONDAY_MS + 4 * DAY_MS
    assert usual.usual(of, cell[:1], later_ms, days_of).tolist() == [7.0]
    usual.teach(of, said, later_ms + 29 * DAY_MS, days_of)
    assert np.isnan(usual.usual(of, cell[:1], later_ms + 35 * DAY_MS, days_of)).all()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_cut_and_no_restart_changes_what_is_learnt(data: st.DataObject) -> None:
    log = data.draw(contract.logs("water"))

    def learnt(cuts: Any, *, reload: bool) -> dict[int, tuple[int, ...]]:
        state = State()
        for frame in contract.frames_of("water", log, cuts, contract.end_of(log)):
            state = contract.decode(State, contract.encode(state)) if reload else state
            step(state, frame, CITY, Config(rules=(LOW,)))
        of = state.levels.usual.get("pressure_mpa", Usual())
        cells = np.flatnonzero(of.number >= 0)
        told = zip(state.sensor_of[cells].tolist(), of.number[cells].tolist(), strict=True)
        return {place: (int(of.hour_ms[one]), int(of.total[one]), int(of.count[one])) for place, one in told}

    whole = learnt((), reload=False)
    assert learnt(range(len(log)), reload=False) == whole
    assert learnt(data.draw(st.sets(st.integers(0, 60))), reload=True) == whole


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"iv": 0.1, "ii": None}, ["iv: a number below 0, as far as it is below usual, is needed, not 0.1"]),
        ({"sense": "above", "iv": -0.1, "ii": 0.2}, ["iv: a number above 0 is needed, not -0.1"]),
        ({"grace_s": 5.0}, ["grace_s: kind deviation has none; take 5 away"]),
        ({"over_s": 600}, ["over_s: kind deviation is for kind = change or count alone"]),
    ],
)
def test_what_is_wrong_with_one_is_said(change: dict[str, Any], said: list[str]) -> None:
    assert list(problems(msgspec.structs.replace(LOW, **change))) == [f"rule pressure_unusual: {one}" for one in said]
