"""A rule over stored minutes finds what it found when they were readings."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from msgspec.structs import replace

from deploy.trial.backtest import judge
from processors.threshold import Config, State, step
from streams.contract.records import Rows
from streams.sinks.history.sqlite import SqliteHistory
from tests.processors import contract
from tests.processors.contract import CITY, START_MS, Row
from tests.processors.test_threshold import LOW, PM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from processors.maths.rules import Rule
    from streams.contract.records import Detection

MINUTE_MS, HOUR_MS, MINUTES = 60_000, 3_600_000, 240
PLAIN = {"dead_band": 0.0, "on_delay_s": 60.0, "off_delay_s": 120.0}
"""As a rule has them that says nothing of them."""


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqliteHistory]:
    opened = SqliteHistory(tmp_path / "history.sqlite")
    yield opened
    opened.close()


def lived(rule: Rule, history: SqliteHistory, middle: float, step_size: float) -> list[Detection]:
    """Let the sensors of two zones wander about a limit, with silences, a few readings a minute; store the minutes."""
    chance = random.Random(7)
    names = contract.load_schemas()[rule.domain].names
    found: list[Detection] = []
    for zone in range(2):
        state, values = State(), [middle] * 3
        for minute in range(MINUTES):
            rows = []
            for sensor in range(3):
                values[sensor] += chance.uniform(-step_size, step_size) + (middle - values[sensor]) * 0.05
                cells = tuple(values[sensor] if name == rule.column else float("nan") for name in names)
                if chance.random() > 0.2:  # every fifth minute it says nothing
                    at_ms = START_MS + MINUTE_MS * minute
                    rows += [Row(sensor, at_ms + ms, False, cells, 0) for ms in range(chance.randrange(1, 4))]
            frame = contract.frame_of(rule.domain, rows, START_MS + MINUTE_MS * (minute + 1), zone)
            result = step(state, frame, CITY, Config(rules=(rule,)))
            found += result.detections
            if len(result.rows):
                history.write(result.rows)
        last = contract.frame_of(rule.domain, [], START_MS + MINUTE_MS * (MINUTES + 60), zone)
        history.write(step(state, last, CITY, Config(rules=(rule,))).rows)
    return found


def told(detections: list[Detection]) -> list[tuple[object, ...]]:
    return sorted((one.entity, one.known_ms, one.at_ms, one.level) for one in detections)


@pytest.mark.parametrize(
    ("rule", "middle", "step_size"), [(PM, 118.0, 12.0), (LOW, 0.13, 0.03)], ids=["above", "below"]
)
def test_what_was_found_is_found_again(history: SqliteHistory, rule: Rule, middle: float, step_size: float):
    before = lived(rule, history, middle, step_size)
    assert len(before) > 20
    found = judge(rule, CITY, history, START_MS, START_MS + MINUTE_MS * MINUTES)
    assert told(found.detections) == told(before)
    assert len(found.sensors) == 6


def test_an_absence_that_was_found_is_found_again_up_to_the_end_of_the_time(history: SqliteHistory):
    rule = replace(PM, name="missing", kind="absence", iv=120, iii=240, **PLAIN)
    end_ms = START_MS + MINUTE_MS * MINUTES
    before = told([one for one in lived(rule, history, 118.0, 12.0) if one.known_ms <= end_ms])
    assert {level for *_, level in before} == {0, 3, 4}
    found = judge(rule, CITY, history, START_MS, end_ms).detections
    assert told([one for one in found if one.known_ms <= end_ms]) == before


def test_what_is_usual_is_learnt_from_the_time_before(history: SqliteHistory):
    rule = replace(PM, name="unusual", kind="deviation", iv=50, iii=None, dead_band=0, on_delay_s=0, off_delay_s=0)
    day_ms, begin_ms = 24 * HOUR_MS, START_MS - START_MS % HOUR_MS
    days = [0, 1, 2, 5, 6]  # the first is a Wednesday
    at_ms = [begin_ms + day * day_ms + minute * MINUTE_MS for day in days for minute in (0, 1, 60)]
    values = [100.0] * 12 + [160.0, 100.0, 100.0]
    size = len(at_ms)
    columns = {
        "entity": ["environment-north-0"] * size, "metric": ["pm2_5_ug_m3"] * size, "at_ms": at_ms,
        "window_s": [60] * size, "value": values, "numerator": [0] * size, "denominator": [0] * size,
        "count": [1] * size, "coverage_ratio": [1.0] * size, "revision": [0] * size,
    }  # fmt: skip
    history.write(Rows(**{name: np.array(column) for name, column in columns.items()}))
    from_ms = begin_ms + 6 * day_ms
    found = judge(rule, CITY, history, from_ms, from_ms + 2 * HOUR_MS)
    assert [(one.at_ms - from_ms, one.level, one.value) for one in found.detections] == [(0, 4, 60), (MINUTE_MS, 0, 0)]
    assert found.minutes_count == 3


def test_minutes_without_a_value_and_of_others_are_no_minutes(history: SqliteHistory):
    columns = {
        "entity": ["environment-north-0", "environment-north-1", "gone"], "metric": ["pm2_5_ug_m3"] * 3,
        "at_ms": [START_MS] * 3, "window_s": [60] * 3, "value": [900.0, np.nan, 900.0], "numerator": [0] * 3,
        "denominator": [0] * 3, "count": [1] * 3, "coverage_ratio": [1.0] * 3, "revision": [2, 0, 0],
    }  # fmt: skip
    history.write(Rows(**{name: np.array(column) for name, column in columns.items()}))
    found = judge(PM, CITY, history, START_MS, START_MS + MINUTE_MS)
    assert (found.minutes_count, found.corrected_count, found.detections) == (1, 1, [])
