"""The stages between alarms and receivers: route, group, de-duplicate, limit, retry. Pure but for what it remembers.

in      rows of alarms, verdicts on what was sent
out     letters to send, each only after `changes` has been kept; a note of each try
state   what each route was told of each open alarm, what waits for it, letters on their way: each under its own key
drops   nothing quietly: what a receiver refuses for good is noted with its alarms
source  own choice, docs/notifiers.md
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from alerts.notifiers.channels import channel
from alerts.notifiers.duty import on_duty
from alerts.notifiers.outbox import Outbox
from alerts.notifiers.texts import draft
from alerts.notifiers.verdicts import REASONS, Failed
from streams.health.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from alerts.notifiers.channels import Draft
    from alerts.notifiers.letters import Item, Letter
    from alerts.notifiers.routes import Route
    from alerts.notifiers.texts import Setting
    from alerts.notifiers.verdicts import Verdict


class Dispatch:
    """All routes."""

    def __init__(self, routes: Iterable[Route], setting: Callable[[], Setting]) -> None:
        """Know nothing yet; `setting` tells what the city is called now."""
        self._boxes = {route.name: _box(route, setting) for route in routes}
        self._changed: dict[bytes, bytes | None] = {}

    def begin(self, kept: Mapping[bytes, bytes]) -> None:
        """Go on from what `changes` gave."""
        for key, value in kept.items():
            kind, route, name = (*key.decode().split("/", 2), "", "")[:3]
            if route in self._boxes:
                self._boxes[route].begin(kind, name, value)
            elif kind in {"told", "queue", "letter"}:
                self._changed[key] = None
        for box in self._boxes.values():
            box.begun()

    def stood(self, rows: Mapping[str, bytes | None], later: Iterable[str], now_ms: int) -> None:
        """Learn how all alarms stood where the rows go on: a route is told what is new to it, and what is gone closed.

        `later` are the alarms of which rows are still to come.
        """
        decoded = {key: msgspec.json.decode(value) for key, value in rows.items() if value is not None}
        for box in self._boxes.values():
            for key, row in decoded.items():
                box.take(key, row, now_ms)
        there = decoded.keys() | set(later)
        for box in self._boxes.values():
            box.forget(there, now_ms)

    def alarm(self, key: str, value: bytes | None, now_ms: int) -> None:
        """Take an alarm's newest row, None = it is closed."""
        row: dict[str, Any] | None = None if value is None else msgspec.json.decode(value)
        for box in self._boxes.values():
            box.take(key, row, now_ms)

    def due(self, now_ms: int) -> Sequence[Letter]:
        """Return the letters to send now, once `changes` is kept; where nobody is on duty the next is told."""
        for box in self._boxes.values():
            self._pass_on(box, box.unattended(now_ms), now_ms)
        return [one for box in self._boxes.values() for one in box.due(now_ms)]

    def done(self, one: Letter, verdict: Verdict, now_ms: int) -> None:
        """Learn what became of a letter; what was given up goes to the fallback."""
        box = self._boxes[one.route]
        self._pass_on(box, box.done(one.id, verdict, now_ms), now_ms)

    def _pass_on(self, box: Outbox, items: Sequence[Item], now_ms: int) -> None:
        if items and (left := self._boxes[box.route.fallback].receive(items, now_ms)):
            box.hold(left)

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return what has to be kept, key and value, in this order.

        A letter comes before what it was made of goes, and goes after what is made of it has come.
        """
        found, self._changed = self._changed, {}
        all_found = [*found.items(), *(one for box in self._boxes.values() for one in box.changes())]
        return sorted(all_found, key=_order)

    def notes(self) -> list[bytes]:
        """Return what became of each try since the last call."""
        return [msgspec.json.encode(note) for box in self._boxes.values() for note in box.notes()]

    def notices(self) -> list[Notice]:
        """Name the routes that do not deliver, and why."""
        return [_failing(box) for box in self._boxes.values() if box.failing is not None]


def written(route: Route, setting: Setting, one: Letter) -> tuple[Draft, int]:
    """Put a letter into the words of its route's channel → (they, how many of its alarms they name)."""
    return draft(one, setting, route.language, channel(route.channel).limit_bytes)


def _box(route: Route, setting: Callable[[], Setting]) -> Outbox:
    return Outbox(route, partial(_named, route, setting), partial(_on_duty, route, setting))


def _on_duty(route: Route, setting: Callable[[], Setting], at_ms: int) -> bool:
    return on_duty(route.hours, setting().time_zone, at_ms)


def _order(change: tuple[bytes, bytes | None]) -> int:
    key, value = change
    if not key.startswith(b"letter/"):
        return 1
    return 0 if value is not None else 2


def _named(route: Route, setting: Callable[[], Setting], one: Letter) -> int:
    return written(route, setting(), one)[1]


def _failing(box: Outbox) -> Notice:
    verdict = box.failing
    assert verdict is not None  # noqa: S101 - tells mypy what notices() has looked at
    why = REASONS[verdict.reason]
    detail = f" ({verdict.detail})" if verdict.detail else ""
    then = "" if isinstance(verdict, Failed) else "; it is tried again"
    then_zh = "" if isinstance(verdict, Failed) else "；会再次尝试"
    return Notice(
        zh=f"通知路由 {box.route.name} 发送失败：{why.zh}{detail}{then_zh}",
        en=f"notifier route {box.route.name} is failing: {why.en}{detail}{then}",
        degraded=True,
    )
