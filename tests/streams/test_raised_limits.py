"""A late limit or a delay that is raised: what was too late by the limits of before is nothing that windows remember.

A window of which all is forgotten must not become what one late reading of it says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streams.accounts import ledger
from streams.broker import topics
from streams.city.own_domains import take_in
from tests.streams.sources import HOUR_MS, MINUTE_MS, START_MS, Reading, Stages, Told, town

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PM10 = "pm10_ug_m3"
NOW_MS = START_MS + 4 * HOUR_MS
"""When the limit is raised: four hours of a reading a minute are there."""


@pytest.fixture(autouse=True)
def _shipped_domains(tmp_path: Path) -> Iterator[None]:
    yield
    take_in(tmp_path / "nowhere")


def raise_limit(folder: Path) -> None:
    (folder / "domains").mkdir()
    (folder / "domains" / "environment.toml").write_text("late_limit_s = 21600\n")


def raise_delay(folder: Path) -> None:
    town(folder, "environment", "quick,60,,,", "slow,60,,7200,")


def raised(folder: Path, edit: Callable[[Path], None], late: list[Reading]) -> tuple[Told, Stages]:
    """Two stations report each minute; then the folder is edited, everything starts anew, and this comes."""

    async def story() -> tuple[Told, Stages]:
        town(folder, "environment", "quick,60,,,", "slow,60,,,")
        stages = Stages(folder, PM10)
        await stages.begin(versioned=True)
        times = range(START_MS, NOW_MS, MINUTE_MS)
        await stages.take([Reading(at_ms, sensor, at_ms) for at_ms in times for sensor in ("quick", "slow")])
        edit(folder)
        take_in(folder)
        await stages.begin(versioned=True)
        await stages.take(late)
        return stages.told(), stages

    return asyncio.run(story())


def minutes_ago(minutes: int, after_minutes: int = 1) -> Reading:
    """A reading of `slow`, 10 where all before said 40; its mark is the newest time less the 60 s of disorder."""
    comes_ms = NOW_MS + after_minutes * MINUTE_MS
    return Reading(comes_ms, "slow", comes_ms - minutes * MINUTE_MS + 30_000, 10.0)


@pytest.mark.parametrize("edit", [raise_limit, raise_delay])
def test_what_was_too_late_when_a_limit_was_raised_stays_so(tmp_path: Path, edit: Callable[[Path], None]) -> None:
    """Of the last hour both readings are known: (40 + 10) / 2. Of what is older nothing is remembered."""
    told, _ = raised(tmp_path / "city", edit, [minutes_ago(59), minutes_ago(70), minutes_ago(150)])
    assert told.refused == {"too_late": 2}
    values = {(minute, revision): value for minute, revision, value in told.of("slow")}
    assert {key: value for key, value in values.items() if value != 40.0} == {(182, 1): 25.0}


def later(*sensors: str) -> list[Reading]:
    """Two hours more of a reading a minute."""
    times = range(NOW_MS, NOW_MS + 2 * HOUR_MS, MINUTE_MS)
    return [Reading(at_ms, sensor, at_ms) for at_ms in times for sensor in sensors]


def test_from_the_raise_on_so_much_is_taken_as_the_new_limit_says(tmp_path: Path) -> None:
    """Two hours later, a minute of after the raise is 110 minutes old: too late before, and known now."""
    told, _ = raised(tmp_path / "city", raise_limit, [*later("quick", "slow"), minutes_ago(110, 120)])
    assert told.refused == {}
    assert [row for row in told.of("slow") if row[1:] == (1, 25.0)] == [(250, 1, 25.0)]


def test_from_the_raise_on_so_much_is_taken_as_the_new_delay_says(tmp_path: Path) -> None:
    """The same of a sensor that has two hours now, and said nothing meanwhile."""
    told, _ = raised(tmp_path / "city", raise_delay, [*later("quick"), minutes_ago(110, 120)])
    assert told.refused == {}


def test_what_was_too_late_at_a_raise_is_so_in_the_books_too(tmp_path: Path) -> None:
    """Each reading counts in one hour, and none in one that is settled: its book has been written."""
    _, stages = raised(tmp_path / "city", raise_limit, [minutes_ago(59), minutes_ago(200), minutes_ago(230)])
    settled = {key.decode() for key in stages.bus.newest(topics.BOOKS)}
    open_hours = {
        int(start_ms)
        for host in stages.hosts[:2]
        for book in host.stage.books().values()
        for start_ms in book.get("hours", ())
    }
    assert settled
    assert {ledger.parse_key(key)[3] for key in settled} & open_hours == set()
