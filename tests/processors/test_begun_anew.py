"""A processor that begins anew while an alarm of before stands: whatever it cannot know, it says how it ends.

PM2.5 with IV at 115 and III at 150, dead band 10, two minutes up, three down, as in `test_threshold`.
"""

import asyncio

import pytest

from processors.threshold import Config, State, step
from streams.contract.records import Detection
from tests.alerts.staging import lived, projected
from tests.fakes import FakeBus
from tests.processors import contract
from tests.processors.contract import CITY, START_MS, Row
from tests.processors.test_threshold import MINUTE_MS, NAN, PM

BEFORE = (120, 120)
"""Level IV."""


def told(means: tuple[float, ...], begins: tuple[int, ...] = (0,), frame_minutes: int = 1) -> list[Detection]:
    """Return what is found of a sensor's minutes, with an empty state at each of those minutes."""
    names = contract.load_schemas()[PM.domain].names
    state, found = State(), list[Detection]()
    minute = 0
    while minute < len(means):
        state = State() if minute in begins else state
        end = min([minute + frame_minutes, len(means), *(one for one in begins if one > minute)])
        rows = [
            Row(
                0, START_MS + MINUTE_MS * at, False, tuple(means[at] if name == PM.column else NAN for name in names), 0
            )
            for at in range(minute, end)
        ]
        frame = contract.frame_of(PM.domain, rows, START_MS + MINUTE_MS * end)
        result = step(state, frame, CITY, Config(rules=(PM,)))
        state = contract.decode(State, contract.encode(result.state))
        found += result.detections
        minute = end
    return found


def levels(found: list[Detection]) -> list[tuple[int, int]]:
    """Return (minute of `at`, level) of each."""
    return [((one.at_ms - START_MS) // MINUTE_MS, one.level) for one in found]


@pytest.mark.parametrize(
    ("means", "found"),
    [
        pytest.param((106, 106, 104, 104, 104), [(4, 0)], id="behind the dead band for three minutes: it is over"),
        pytest.param((106, 104, 104, 106, 104, 104, 106), [], id="never for three minutes: it stands"),
        pytest.param((106, 120, 120), [(3, 4)], id="it reaches the limit: that is news, it may be the first time"),
        pytest.param((106, 120, 106, 104, 104, 104), [(5, 0)], id="not for two minutes, and then it is over"),
        pytest.param((106, 120, 120, 104, 104, 104), [(3, 4), (5, 0)], id="up, and down again"),
        pytest.param((80, 106, 80, 80, 80), [], id="it began normal: nothing may stand"),
    ],
)
def test_a_first_value_in_the_dead_band_may_be_of_an_alarm_of_before(means, found):
    assert levels(told((*BEFORE, *means), begins=(0, 2))) == [(0, 4), *found]


@pytest.mark.parametrize("begins", [(0,), (0, 2), (0, 3), (0, 4), (0, 2, 3, 4)])
@pytest.mark.parametrize("frame_minutes", [1, 2, 9])
def test_whenever_it_begins_anew_within_the_dead_band_the_alarm_ends_at_the_same_time(begins, frame_minutes):
    found = told((*BEFORE, 106, 109, 112, 104, 104, 104), begins, frame_minutes)
    assert levels(found) == [(0, 4), (5, 0)]
    bus = FakeBus()
    asyncio.run(lived(bus, *found))
    (alarm,) = projected(bus).values()
    assert alarm["standing"] == "returned_unacknowledged"
