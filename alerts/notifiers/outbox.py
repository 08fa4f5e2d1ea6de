"""One route: what it was told, what waits for it, and the letters on their way to it.

Invariants: an alarm's items leave in their order, each in one letter; between raise and end of one alarm the other has
been confirmed or given up; nothing is sent before `changes` has it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from alerts.notifiers.grouping import MINUTE_MS, batches
from alerts.notifiers.letters import HIGHEST, Item, Letter, letter
from alerts.notifiers.told import News, Told, news, over, unheard
from alerts.notifiers.verdicts import Failed, Retry, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alerts.notifiers.letters import What
    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Verdict

BACK_OFF_MOST_S = 300.0
URGENT_MOST = 4
"""Letters with a level I that are on their way at once."""
ITEMS_MOST = 10_000
"""Of a letter: some 4 MB, half of what its topic takes in a record."""
FAILING_TRIES = 3
"""A letter that was not confirmed so often makes the route failing."""
NOTED_MOST = 100
"""Alarms that a note names."""


class Outbox:
    """One route's."""

    def __init__(self, route: Route, fits: Callable[[Letter], int]) -> None:
        """Know nothing yet; `fits` tells how many of its items a letter can name."""
        self.route = route
        self.failing: Retry | Failed | None = None
        """Why its last try failed, if that is to be told."""
        self._fits = fits
        self._told: dict[str, Told] = {}
        self._queue: dict[str, list[Item]] = {}
        """Alarm → what waits: a raise, an end behind it, or either."""
        self._letters: dict[str, Letter] = {}
        self._sending: set[str] = set()
        self._made_ms: deque[int] = deque(maxlen=1_000)
        self._changed: dict[bytes, bytes | None] = {}
        self._notes: list[Mapping[str, Any]] = []

    def begin(self, kind: str, name: str, value: bytes) -> None:
        """Take one of the things that `changes` gave before this start."""
        if kind == "told":
            self._told[name] = msgspec.json.decode(value, type=Told)
        elif kind == "queue":
            self._queue[name] = msgspec.json.decode(value, type=list[Item])
        elif kind == "letter":
            self._letters[name] = msgspec.json.decode(value, type=Letter)

    def begun(self) -> None:
        """Mend what a crash cut: what is in a letter waits no longer."""
        self._letters = dict(sorted(self._letters.items(), key=lambda one: one[1].made_ms))
        for one in self._letters.values():
            self._made_ms.append(one.made_ms)
            self._leave_queue(one.items)

    def take(self, alarm: str, row: Mapping[str, Any] | None, now_ms: int) -> None:
        """Take an alarm's newest row, None = it is closed."""
        before = self._told.get(alarm)
        if row is not None:
            found = news(self.route, before, row)
        else:
            found = None if before is None else over(before)
        if found is not None:
            self._tell(before, found, row or {}, now_ms)
        if row is None and before is not None:
            self._put("told", alarm, self._told, None)

    def receive(self, items: Sequence[Item], now_ms: int) -> None:
        """Take over what another route could not deliver, unless it was told as much itself."""
        for item in items:
            told = self._told.get(item.face.alarm) or unheard(item.face)
            is_end = item.what == "ended"
            if (told.state == "open") if is_end else (item.waiting_since_ms > told.waiting_since_ms):
                since_ms = max(told.waiting_since_ms, item.waiting_since_ms)
                state: Literal["open", "over"] = "over" if is_end else "open"
                told = Told(face=item.face, count=told.count + 1, waiting_since_ms=since_ms, state=state)
                self._put("told", item.face.alarm, self._told, told)
                self._enqueue(self._item(told, item.what, now_ms))

    def due(self, now_ms: int) -> list[Letter]:
        """Make letters of what may leave now → those to be sent, once `changes` is kept."""
        while self._made_ms and now_ms - self._made_ms[0] >= MINUTE_MS:
            self._made_ms.popleft()
        busy = any(not one.is_urgent for one in self._letters.values())
        for batch in batches(self.route, self._may_leave(), self._made_ms, now_ms, busy=busy):
            self._make(batch.items, now_ms, summary=batch.summary)
        urgent = [one for one in self._letters.values() if one.is_urgent]
        first = [one for one in self._letters.values() if not one.is_urgent][:1]  # all wait behind it
        room = max(URGENT_MOST - sum(one.id in self._sending for one in urgent), 0)
        leaving = [*self._ready(urgent, now_ms)[:room], *self._ready(first, now_ms)]
        self._sending |= {one.id for one in leaving}
        return leaving

    def _ready(self, letters: Sequence[Letter], now_ms: int) -> list[Letter]:
        return [one for one in letters if one.id not in self._sending and one.next_ms <= now_ms]

    def done(self, number: str, verdict: Verdict, now_ms: int) -> Sequence[Item]:
        """Learn what became of a letter → what the route's fallback is to take over."""
        self._sending.discard(number)
        sent = self._letters[number]
        tried = msgspec.structs.replace(sent, tries=sent.tries + 1)
        if isinstance(verdict, Sent):
            self.failing = None
            self._put("letter", number, self._letters, None)
            self._notes.append(_note(tried, "delivered", now_ms))
            return ()
        if isinstance(verdict, Failed) or tried.tries >= self.route.tries:
            self.failing = verdict
            return self._give_up(tried, verdict, now_ms)
        if tried.tries >= FAILING_TRIES:
            self.failing = verdict
        wait_s = max(verdict.after_s, min(2.0 ** (tried.tries - 1), BACK_OFF_MOST_S))
        self._put("letter", number, self._letters, msgspec.structs.replace(tried, next_ms=now_ms + int(wait_s * 1000)))
        self._notes.append(_note(tried, "not_confirmed", now_ms, verdict))
        return ()

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return what changed since the last call, key and value; letters before what they were made of."""
        found, self._changed = self._changed, {}
        return sorted(found.items(), key=lambda one: not one[0].startswith(b"letter/"))

    def notes(self) -> list[Mapping[str, Any]]:
        """Return what became of each try, and of each step that was taken back, since the last call."""
        found, self._notes = self._notes, []
        return found

    def _tell(self, before: Told | None, found: News, row: Mapping[str, Any], now_ms: int) -> None:
        told, alarm = found.told, found.told.face.alarm
        if found.silent and self._withdraw(alarm, row, now_ms):
            told = msgspec.structs.replace(told, state="untold" if found.what is None else "over")
        elif found.what is not None and (found.what != "ended" or self.route.tell_end):
            self._enqueue(self._item(told, found.what, max(found.after_ms, now_ms)))
        if told != before:
            self._put("told", alarm, self._told, told)

    def _item(self, told: Told, what: What, due_ms: int) -> Item:
        return Item(
            route=self.route.name,
            number=told.count,
            what=what,
            face=told.face,
            waiting_since_ms=told.waiting_since_ms,
            due_ms=due_ms,
        )

    def _withdraw(self, alarm: str, row: Mapping[str, Any], now_ms: int) -> bool:
        """Take back a raise that is not due yet → whether nothing was told of the alarm before it."""
        queue = self._queue.get(alarm, [])
        early = [item for item in queue if item.what != "ended" and item.due_ms > now_ms]
        if not early:
            return False
        self._notes += [_withdrawn(item, row, now_ms) for item in early]
        self._set_queue(alarm, [item for item in queue if item not in early])
        return any(item.what == "raised" for item in early)

    def _enqueue(self, item: Item) -> None:
        """Add an item; a raise stands for all that waited: it says how the alarm stands now."""
        queue = self._queue.get(item.face.alarm, [])
        if item.what == "ended":
            self._set_queue(item.face.alarm, [*queue, item])
            return
        what = "raised" if any(one.what == "raised" for one in queue) else item.what
        self._set_queue(item.face.alarm, [msgspec.structs.replace(item, what=what)])

    def _may_leave(self) -> list[Item]:
        """Return the first that waits of each alarm, where nothing of it that is on its way must come before.

        A rise goes past a raise; nothing goes past an end, and no end past anything.
        """
        held: dict[str, bool] = {}
        for one in self._letters.values():
            for item in one.items:
                held[item.face.alarm] = held.get(item.face.alarm, False) or item.what == "ended"
        firsts = (queue[0] for queue in self._queue.values())
        return [
            item
            for item in firsts
            if item.face.alarm not in held or (item.what != "ended" and not held[item.face.alarm])
        ]

    def _make(self, items: Sequence[Item], now_ms: int, *, summary: bool) -> None:
        """Make a letter, or several where one cannot name every level I, or would be too large to keep."""
        rest = letter(self.route.name, items, now_ms, summary=summary).items
        while rest:
            made = letter(self.route.name, rest[:ITEMS_MOST], now_ms, summary=summary)
            highest = sum(item.is_urgent for item in made.items)
            named = max(self._fits(made), 1) if highest > 1 else 1
            if named < highest:
                made = letter(self.route.name, made.items[:named], now_ms, summary=summary)
            rest = rest[len(made.items) :]
            self._put("letter", made.id, self._letters, made)
            self._made_ms.append(now_ms)
            self._leave_queue(made.items)

    def _leave_queue(self, items: Sequence[Item]) -> None:
        for item in items:
            queue = self._queue.get(item.face.alarm, [])
            if any(one.number == item.number for one in queue):
                self._set_queue(item.face.alarm, [one for one in queue if one.number != item.number])

    def _give_up(self, tried: Letter, verdict: Retry | Failed, now_ms: int) -> Sequence[Item]:
        """Let a letter go → what the fallback is to take over; of an alarm whose raise was never told no end is."""
        self._put("letter", tried.id, self._letters, None)
        ends: list[Item] = []
        for item in tried.items:
            alarm = item.face.alarm
            told, queue = self._told.get(alarm), self._queue.get(alarm, [])
            if item.what == "raised":
                ends += [one for one in queue if one.what == "ended"]
                self._set_queue(alarm, [one for one in queue if one.what != "ended"])
                if told is not None and told.count == item.number:
                    self._put("told", alarm, self._told, msgspec.structs.replace(told, state="untold"))
        if self.route.fallback:
            self._notes.append(_note(tried, "passed_on", now_ms, verdict))
            return [*tried.items, *ends]
        self._notes.append(_note(tried, "given_up", now_ms, verdict))
        return ()

    def _set_queue(self, alarm: str, queue: list[Item]) -> None:
        if queue != self._queue.get(alarm, []):
            self._put("queue", alarm, self._queue, queue or None)

    def _put(self, kind: str, name: str, into: dict[str, Any], value: object | None) -> None:
        """Set one thing here and among the changes; None takes it out."""
        if value is None:
            into.pop(name, None)
        else:
            into[name] = value
        key = f"{kind}/{self.route.name}/{name}".encode()
        self._changed[key] = None if value is None else msgspec.json.encode(value)


def _withdrawn(item: Item, row: Mapping[str, Any], now_ms: int) -> Mapping[str, Any]:
    """Say why a step of a chain was not told: how the alarm stands now, and who has it."""
    return {
        "message": "",
        "route": item.route,
        "state": "withdrawn",
        "reason": row.get("standing", "closed"),
        "detail": row.get("acknowledged_by") or "",
        "tries": 0,
        "count": 1,
        "level": item.face.level,
        "alarms": [item.face.alarm],
        "made_ms": item.due_ms,
        "at_ms": now_ms,
    }


def _note(one: Letter, state: str, now_ms: int, verdict: Retry | Failed | None = None) -> Mapping[str, Any]:
    """Say what became of a try: for the record, without any secret."""
    return {
        "message": one.id,
        "route": one.route,
        "state": state,
        "reason": None if verdict is None else verdict.reason,
        "detail": "" if verdict is None else verdict.detail,
        "tries": one.tries,
        "count": len(one.items),
        "level": min((item.face.level for item in one.items), default=HIGHEST),
        "alarms": [item.face.alarm for item in one.items[:NOTED_MOST]],
        "made_ms": one.made_ms,
        "at_ms": now_ms,
    }
