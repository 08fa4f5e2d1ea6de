"""A source from which for a minute only such records come that move nothing holds nobody: it is as good as quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.streams.sources import MINUTE_MS, START_MS, Reading, run, town

if TYPE_CHECKING:
    from pathlib import Path

PM10 = "pm10_ug_m3"
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("sensor", "behind_ms", "reason"),
    [("stranger", 0, "unknown_sensor"), ("slow", DAY_MS, "too_late"), ("slow", -DAY_MS, "future")],
)
@pytest.mark.parametrize("cut", [1, 7])
def test_windows_close_behind_what_is_refused(
    tmp_path: Path, sensor: str, behind_ms: int, reason: str, cut: int
) -> None:
    """One good reading in the first minute; then for four minutes, every ten seconds, nothing that can be used.

    Environment's disorder is 60 s: the first minute closes 120 s after it began, once the source has stood for 60 s.
    """
    folder = town(tmp_path / "city", "environment", "quick,60,,,", "slow,60,,,")
    comes = range(START_MS + 30_000, START_MS + 4 * MINUTE_MS, 10_000)
    useless = [Reading(at_ms, sensor, at_ms - behind_ms) for at_ms in comes]
    told = run(folder, PM10, [Reading(START_MS + 20_000, "quick", START_MS + 20_000), *useless], cut=cut)
    assert set(told.refused) == {reason}
    assert told.of("quick") == [(0, 0, 40.0)]


def test_a_source_that_moves_is_taken_at_its_word(tmp_path: Path) -> None:
    """Readings half an hour old that rise: no clock closes a window before them."""
    folder = town(tmp_path / "city", "environment", "quick,60,,,", "slow,60,,,")
    comes = range(START_MS + 30 * MINUTE_MS, START_MS + 40 * MINUTE_MS, 10_000)
    told = run(folder, PM10, [Reading(at_ms, "slow", at_ms - 30 * MINUTE_MS) for at_ms in comes], cut=3)
    assert not told.refused
    assert {revision for _, revision, _ in told.of("slow")} == {0}


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_no_cut_refuses_what_is_late_within_the_limit(tmp_path: Path, cut: int) -> None:
    """For two and a half minutes nothing comes but readings 59:35 behind what a punctual source has reached."""
    folder = town(tmp_path / "city", "environment", "quick,60,,,", "slow,60,,,")
    begin_ms = START_MS + 90 * MINUTE_MS
    live = [Reading(at_ms, one, at_ms) for at_ms in range(START_MS, begin_ms, MINUTE_MS) for one in ("quick", "slow")]
    behind_ms = 60_000 + 3_575_000 - 7
    late = [Reading(at_ms, "quick", at_ms - behind_ms, 10.0) for at_ms in range(begin_ms, begin_ms + 150_000, 10_000)]
    told = run(folder, PM10, [*live, *late], cut=cut)
    assert not told.refused
    newest = {minute: (revision, value) for minute, revision, value in told.of("quick")}
    assert sum(revision for revision, _ in newest.values()) == len(late)
