"""The city clock as its records tell it."""

from __future__ import annotations

import msgspec
import pytest

from streams.city.clock import ClockSetting, read_clock
from streams.contract.stage import Record

WALL_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("appended_ms", "counts_from_ms"),
    [
        pytest.param(WALL_MS + 2_000, WALL_MS + 2_000, id="appended two seconds later"),
        pytest.param(WALL_MS + 3_600_000, WALL_MS + 3_600_000, id="by a clock an hour behind"),
        pytest.param(WALL_MS - 3_600_000, WALL_MS - 3_600_000, id="by one an hour ahead"),
        pytest.param(-1, WALL_MS, id="a record without a time: its sender's word is all there is"),
    ],
)
def test_a_setting_counts_from_its_records_arrival(appended_ms: int, counts_from_ms: int) -> None:
    """Ten times the speed: ten seconds later it is a hundred seconds later in event time."""
    setting = msgspec.json.encode(ClockSetting(at_ms=0, wall_ms=WALL_MS, speed=10.0))
    clock = read_clock([Record(0, None, setting, appended_ms, ())])
    assert clock.at(counts_from_ms + 10_000) == 100_000
    assert clock.at(counts_from_ms - 1) == counts_from_ms - 1  # not in force yet: event time is wall time
