"""From a command to the history's row: a closed alarm keeps what happened to it last, whoever crashes on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from alerts.moving import UNDO_MS
from streams.broker.topics import ALARMS
from streams.contract.alarm_events import AlarmsWanted
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from streams.sinks.history.sqlite import SqliteHistory
from tests.alerts.staging import Crash, crash_at, given_to, go_on, lived, started
from tests.alerts.writing import Wait, acknowledge, detection, opened_at
from tests.fakes import FakeBus, FakeHost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AT_10 = opened_at(10)
ACKNOWLEDGED_THEN_CLEARED = (detection(3, 10), acknowledge(AT_10), UNDO_MS, detection(0, 20))
CLEARED_THEN_ACKNOWLEDGED = (detection(3, 10), detection(0, 20), acknowledge(AT_10), UNDO_MS)
ORDERS = pytest.mark.parametrize(
    "inputs", [ACKNOWLEDGED_THEN_CLEARED, CLEARED_THEN_ACKNOWLEDGED], ids=["acknowledged first", "cleared first"]
)


def stored(bus: FakeBus, folder: Path) -> dict[str, Any]:
    """Let a history take what stands on the bus → the one alarm in it."""

    async def story() -> None:
        host = FakeHost(HistorySink(lambda: SqliteHistory(folder / "history.sqlite"), spill), bus)
        await host.start()
        await host.drain()
        await host.tick()

    spill = Spill(folder / "spill", 2**20)
    asyncio.run(story())
    spill.close()
    history = SqliteHistory(folder / "history.sqlite")
    (alarm,) = history.alarms(AlarmsWanted(), 100)
    history.close()
    return alarm


def is_whole(alarm: dict[str, Any]) -> bool:
    return (alarm["closed"], alarm["state"], alarm["cleared_at_ms"]) == (True, "cleared", 20) and (
        alarm["acknowledged"],
        alarm["acknowledged_by"],
    ) == (True, acknowledge(AT_10).who)


@ORDERS
def test_a_closed_alarm_is_stored_as_it_ended(tmp_path: Path, inputs: Sequence[object]) -> None:
    bus = FakeBus()
    asyncio.run(lived(bus, *inputs))
    assert is_whole(stored(bus, tmp_path))


@ORDERS
@pytest.mark.parametrize("kept", [False, True], ids=["tombstone not sent", "tombstone sent"])
def test_also_after_a_crash_at_its_tombstone(tmp_path: Path, inputs: Sequence[object], kept: bool) -> None:
    bus = FakeBus()

    async def story() -> None:
        host = await lived(bus, *inputs[:-1])
        crash_at(bus, ALARMS, stored=kept)
        with pytest.raises(Crash):
            await go_on(host, inputs[-1])
        await (await started(bus)).drain()

    asyncio.run(story())
    assert is_whole(stored(bus, tmp_path))


def test_what_happened_within_one_record_is_stored_too(tmp_path: Path) -> None:
    bus = FakeBus()

    async def story() -> None:
        host = await started(bus)
        given_to(bus, detection(3, 10), acknowledge(AT_10), Wait(UNDO_MS), detection(0, 20))
        await host.drain()

    asyncio.run(story())
    assert is_whole(stored(bus, tmp_path))
