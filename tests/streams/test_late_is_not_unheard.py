"""design.md 6.3: one sensor's clock or gateway silences nobody, and what comes late may still raise an alarm.

Panels of the fire department in one inbox partition, disorder 15 s; the shipped rules: III from 1, I from 2, at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.streams.sources import MINUTE_MS, START_MS, Reading, run, town

if TYPE_CHECKING:
    from pathlib import Path

ALARMED, DEPTH = "alarmed_count", "depth_cm"


def panels(minutes: int, ahead_s: int = 0, delay_s: int = 0) -> list[Reading]:
    """Each 10 s: panel-a, 0 and from minute 2 on 3, through a gateway that takes so long; panel-b, its clock ahead."""
    readings = []
    for at_ms in range(START_MS, START_MS + minutes * MINUTE_MS, 10_000):
        value = 3.0 if at_ms >= START_MS + 2 * MINUTE_MS else 0.0
        readings.append(Reading(at_ms + delay_s * 1000, "panel-a", at_ms, value))
        readings.append(Reading(at_ms + 1, "panel-b", at_ms + ahead_s * 1000, 0.0))
    return readings


@pytest.mark.parametrize(("ahead_s", "cut"), [(0, 1), (6, 10**6), (6, 1), (270, 7)])
def test_a_panel_whose_clock_is_ahead_silences_no_other(tmp_path: Path, ahead_s: int, cut: int) -> None:
    """I since minute 2, known at the end of that minute, whatever the neighbour's clock says."""
    folder = town(tmp_path / "city", "fire", "panel-a,10,,,", "panel-b,10,,,")
    told = run(folder, ALARMED, panels(6, ahead_s=ahead_s), cut=cut)
    assert told.found("fire_alarm") == [("panel-a", 2, 3, 1)]
    assert [one for one in told.found("sensor_silent") if one[0] == "panel-a"] == []


@pytest.mark.parametrize(("delay_s", "known", "cut"), [(4, 3, 7), (12, 3, 1), (61, 3, 7), (200, 4, 1), (200, 4, 10**6)])
def test_a_gateway_that_is_late_is_heard(tmp_path: Path, delay_s: int, known: int, cut: int) -> None:
    """At most later by the delay: with 200 s minute 2 comes from 5:20 on, when its source has passed 5:10 less 15 s."""
    folder = town(tmp_path / "city", "fire", "panel-a,10,,,", "panel-b,10,,,")
    told = run(folder, ALARMED, panels(9, delay_s=delay_s), cut=cut)
    assert told.found("fire_alarm") == [("panel-a", 2, known, 1)]


@pytest.mark.parametrize("cut", [1, 10**6])
def test_ten_minutes_of_deep_water_each_reading_late(tmp_path: Path, cut: int) -> None:
    """30 cm in an underpass, each reading a quarter of an hour behind its neighbour's: III after the rule's minute."""
    folder = town(tmp_path / "city", "weather", "gauge,60,,,", "other,60,,,")
    times = range(START_MS, START_MS + 30 * MINUTE_MS, MINUTE_MS)
    deep = [Reading(at_ms + 15 * MINUTE_MS, "gauge", at_ms, 30.0) for at_ms in times[:10]]
    told = run(folder, DEPTH, [*(Reading(at_ms, "other", at_ms, 0.0) for at_ms in times), *deep], cut=cut)
    assert {(entity, since) for entity, since, _, _ in told.found("underpass_flooding")} == {("gauge", 0)}


def test_a_clock_that_is_ahead_is_found_and_forgotten_when_it_is_right(tmp_path: Path) -> None:
    """panel-b 270 s ahead until minute 20: said after the first quarter of an hour, over with the third.

    In the second its times from 15:00 to 24:30 are ahead, the 33 behind them right: a mean of 57 · 270 / 90 = 171 s.
    """
    folder = town(tmp_path / "city", "fire", "panel-a,10,,,", "panel-b,10,,,")
    wrong, right = panels(20, ahead_s=270), panels(48)
    readings = [*wrong, *(one for one in right if one.at_ms >= START_MS + 20 * MINUTE_MS)]
    assert run(folder, ALARMED, readings, cut=50).found("sensor_clock_wrong") == [
        ("panel-b", 0, 15, 4),
        ("panel-b", 30, 45, 0),
    ]


@pytest.mark.parametrize("cut", [1, 7, 10**6])
@pytest.mark.parametrize(("delay_s", "behind"), [(200, 4), (900, 16)])
def test_an_alarm_ends_although_each_reading_is_late(tmp_path: Path, delay_s: int, behind: int, cut: int) -> None:
    """3 from minute 2 to 6, then 0: over for the 2 min of the rule with minute 7, heard of when minute 8 is spoken of.

    Minute 8 comes `delay_s` after it; its source has then passed it by as much less 15 s of disorder.
    """
    folder = town(tmp_path / "city", "fire", "panel-a,10,,,", "panel-b,10,,,")
    over_ms = START_MS + 6 * MINUTE_MS
    readings = [one._replace(value=0.0) if one.at_ms >= over_ms else one for one in panels(40, delay_s=delay_s)]
    told = run(folder, ALARMED, readings, cut=cut)
    assert told.found("fire_alarm") == [("panel-a", 2, behind, 1), ("panel-a", 6, behind + 6, 0)]
