"""Gives a day to a city, minute by minute and as fast as it is told, and acts as its dispatcher on the way."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from alerts.signing import signed
from streams.broker import topics
from streams.broker.bus import KafkaBus
from streams.contract.stage import Message
from streams.errors import UnreachableError
from tests.alerts.writing import chain
from tests.faults import day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SEEN_WITHIN_S = 180.0
LOOK_EVERY_S = 0.3


class Feeder(threading.Thread):
    """Sends `minutes` of the day. Before each minute it calls `pace`, which blocks until the minute may go out.

    `key` signs what the dispatcher decides.
    """

    def __init__(self, kafka: str, minutes: int, pace: Callable[[int], None], key: bytes = b"") -> None:
        super().__init__(name="feeder", daemon=True)
        self.error: BaseException | None = None
        self.minute = 0
        self._minutes, self._pace, self._key = minutes, pace, key
        self._bus = KafkaBus(kafka)

    def run(self) -> None:
        """Send all of it; an error waits in `error`."""
        try:
            asyncio.run(self._send())
        except BaseException as exc:  # noqa: BLE001 - the main thread reports it
            self.error = exc

    async def _send(self) -> None:
        await self._bus.start()
        try:
            await self._give([_clock(self._minutes)])
            for minute, (items, marks) in enumerate(day.minutes(self._minutes)):
                self.minute = minute
                await asyncio.to_thread(self._pace, minute)
                for order in day.ORDERS:
                    if order.minute == minute:
                        await self._act(order)
                await self._give(_messages(items))
                await self._give(_messages(marks))
        finally:
            await self._bus.stop()

    async def _give(self, messages: Iterable[Message]) -> None:
        await self._bus.send(messages)

    async def _act(self, order: day.Order) -> None:
        """Wait for the alarm, give the command twice, wait until the journal has it and what it closes is closed."""
        alarm = await self._wait(order, lambda events: _alarm(order, events))
        command = {
            "id": order.id,
            "city": "small",
            "action": "acknowledge",
            "alarm": alarm,
            "who": order.who,
            "desk": "2 号台",
            "role": "operator",
            "why": "已派警",
            "at_ms": day.end_ms(order.minute),
            "seen_level": order.seen_level,
        }
        for _ in range(2):
            value = signed(json.dumps(command).encode(), self._key)
            await self._give([Message(topics.COMMANDS, b"small", value, 0)])
        await self._wait(order, lambda events: any(_is_answer(one, order) for one in events))
        await self._wait(order, lambda events: not _is_closing(alarm, events))

    async def _wait(self, order: day.Order, find: Callable[[list[dict[str, Any]]], Any]) -> Any:
        until = time.monotonic() + SEEN_WITHIN_S
        while not (found := find(await self._events())):
            if time.monotonic() > until:
                raise TimeoutError(f"the journal does not show what {order} waits for")
            await asyncio.sleep(LOOK_EVERY_S)
        return found

    async def _events(self) -> list[dict[str, Any]]:
        try:
            records = await self._bus.read_all(topics.JOURNAL, 0)
        except UnreachableError:  # the broker is being started again
            return []
        values = [record.value for record in records if record.value is not None]
        return [event for record in chain(values) for event in record["events"]]


def _alarm(order: day.Order, events: list[dict[str, Any]]) -> str | None:
    """The alarm's id, once its newest finding has the level."""
    if order.entity == "nowhere":
        return "no-such-alarm"
    for event in reversed(events):
        found = event.get("detection", {})
        if (found.get("entity"), found.get("kind")) == (order.entity, order.kind):
            return event["alarm"] if found["level"] == order.stands else None
    return None


def _clock(minutes: int) -> Message:
    """A city clock that stands at the day's end, so that no record is ahead of it."""
    end_ms = day.end_ms(minutes)
    clock = {"at_ms": end_ms, "wall_ms": time.time_ns() // 1_000_000, "speed": 0.0, "until_ms": end_ms}
    return Message(topics.CLOCK, b"small", json.dumps(clock).encode(), 0)


def _messages(items: list[day.Item]) -> list[Message]:
    return [Message(one.topic, b"", one.value, one.partition, one.headers) for one in items]


def _is_answer(event: dict[str, Any], order: day.Order) -> bool:
    return bool((event.get("command") or {}).get("id") == order.id)


def _is_closing(alarm: str, events: list[dict[str, Any]]) -> bool:
    """Tell whether an alarm that has returned was acknowledged and has not closed yet."""
    told = [one.get("change") or one["type"] for one in events if one.get("alarm") == alarm]
    state = [one for one in told if one in ("raised", "returned", "cleared", "time_reached")]
    return told[-1:] == ["done"] and state[-1:] == ["cleared"]
