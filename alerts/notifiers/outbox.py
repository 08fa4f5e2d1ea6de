"""One route: what it was told, what waits for it, and the letters on their way to it.

Invariants: an alarm's items leave in their order, each in one letter; between raise and end of one alarm the other has
been confirmed or given up; nothing is sent before `changes` has it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from alerts.notifiers import notes
from alerts.notifiers.grouping import MINUTE_MS, batches, firsts, leaving
from alerts.notifiers.letters import Item, Letter, joined, letter
from alerts.notifiers.told import AWAITED, COVERED, News, Told, news, over, taken_over, unheard
from alerts.notifiers.verdicts import Failed, Retry, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from alerts.notifiers.letters import What
    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Verdict

BACK_OFF_S = (1, 2, 4, 8, 16, 32, 64, 128, 256, 300)
"""After the first try, the second …; after all later ones as after the last."""
ITEMS_MOST = 10_000
"""Of a letter: some 4 MB, half of what its topic takes in a record."""
FAILING_TRIES = 3
"""A letter that was not confirmed so often makes the route failing."""
MENDED = frozenset({"unauthorised", "not_found"})
"""Refusals of the route, not of the message: what was refused is kept until that is mended."""


class Outbox:
    """One route's."""

    def __init__(self, route: Route, fits: Callable[[Letter], int], on_duty: Callable[[int], bool]) -> None:
        """Know nothing yet.

        Args:
            route: whom it tells.
            fits: tells how many of its items a letter can name.
            on_duty: tells whether somebody is there at a time, epoch ms.
        """
        self.route = route
        self.failing: Retry | Failed | None = None
        """Why its last try failed, if that is to be told."""
        self._fits = fits
        self._on_duty = on_duty
        self._closed = False
        """Its key is refused: what is held waits for a start, or for a letter that is delivered."""
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
        """Mend what a crash cut: what is in a letter does not wait."""
        self._letters = dict(sorted(self._letters.items(), key=lambda one: one[1].made_ms))
        for one in self._letters.values():
            self._made_ms.append(one.made_ms)
            self._leave_queue(one.items)

    def forget(self, but: Container[str], now_ms: int) -> None:
        """Take all alarms but these for closed: their rows are gone, and so is what said that they closed."""
        for alarm in [one for one in self._told if one not in but]:
            self.take(alarm, None, now_ms)

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

    def receive(self, items: Sequence[Item], now_ms: int) -> list[Item]:
        """Take over what another route could not deliver → what is not for this one: ends of what it never heard of.

        What it was told of itself is not told again; a step of its own that is not due yet comes now.
        """
        left = []
        for item in items:
            alarm = item.face.alarm
            told = self._told.get(alarm)
            queue = self._queue.get(alarm, [])
            if told is None and item.is_over:
                left.append(item)
            elif queue and not queue[0].is_over and not item.is_over:
                self._set_queue(alarm, [msgspec.structs.replace(queue[0], due_ms=min(queue[0].due_ms, now_ms))])
            elif taken := taken_over(told or unheard(item.face), item):
                self._put("told", alarm, self._told, taken)
                self._enqueue(self._item(taken, item.what, now_ms))
        return left

    def unattended(self, now_ms: int) -> Sequence[Item]:
        """Give up what is due while nobody is on duty → what the route's fallback is to take over."""
        if not self.route.hours or self._on_duty(now_ms):
            return ()
        items = [one for one in self._may_leave() if not one.is_over and one.due_ms <= now_ms]
        if not items:
            return ()
        self._leave_queue(items)
        self._notes.append(notes.unattended(items, self.route.name, now_ms))
        return self._let_go(items)

    def due(self, now_ms: int) -> list[Letter]:
        """Make letters of what may leave now → those to be sent, once `changes` is kept."""
        while self._made_ms and now_ms - self._made_ms[0] >= MINUTE_MS:
            self._made_ms.popleft()
        busy = any(not one.is_urgent for one in self._letters.values())
        for batch in batches(self.route, self._may_leave(), self._made_ms, now_ms, busy=busy):
            self._make(batch.items, now_ms, summary=batch.summary)
        going = leaving(self._letters.values(), self._sending, now_ms)
        self._sending |= {one.id for one in going}
        return going

    def done(self, number: str, verdict: Verdict, now_ms: int) -> Sequence[Item]:
        """Learn what became of a letter → what the route's fallback is to take over."""
        self._sending.discard(number)
        sent = self._letters[number]
        tried = msgspec.structs.replace(sent, tries=sent.tries + 1)
        if isinstance(verdict, Sent):
            self.failing, self._closed = None, False
            self._put("letter", number, self._letters, None)
            self._notes.append(notes.tried(tried, "delivered", now_ms))
            return ()
        if isinstance(verdict, Failed) or (self.route.fallback and tried.tries >= self.route.tries):
            self.failing = verdict
            return self._give_up(tried, verdict, now_ms)
        if tried.tries >= FAILING_TRIES:
            self.failing = verdict
        wait_s = max(verdict.after_s, BACK_OFF_S[min(tried.tries, len(BACK_OFF_S)) - 1])
        self._put("letter", number, self._letters, msgspec.structs.replace(tried, next_ms=now_ms + int(wait_s * 1000)))
        self._notes.append(notes.tried(tried, "not_confirmed", now_ms, verdict))
        return ()

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return what changed since the last call, key and value."""
        found, self._changed = self._changed, {}
        return list(found.items())

    def notes(self) -> list[Mapping[str, Any]]:
        """Return what became of each try, and of each step that was taken back, since the last call."""
        found, self._notes = self._notes, []
        return found

    def _tell(self, before: Told | None, found: News, row: Mapping[str, Any], now_ms: int) -> None:
        told, alarm = found.told, found.told.face.alarm
        if found.silent and self._withdraw(alarm, row, now_ms):
            told = msgspec.structs.replace(told, state="untold" if found.what is None else "over")
        elif found.what == "ended":
            if self.route.tell_end:
                self._enqueue(self._item(told, "ended", now_ms + round(self.route.end_wait_s * 1000)))
        elif what := self._again(before, found, row, now_ms):
            self._enqueue(self._item(told, what, max(found.after_ms, now_ms)))
        if before is not None and told.face != before.face:  # what waits says how the alarm stands when it leaves
            queue = self._queue.get(alarm, [])
            self._set_queue(alarm, [msgspec.structs.replace(item, face=told.face) for item in queue])
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

    def _again(self, before: Told | None, found: News, row: Mapping[str, Any], now_ms: int) -> What | None:
        """Take back an end that was not told when its alarm comes again → what is still news of that."""
        queue = self._queue.get(found.told.face.alarm, [])
        if before is None or found.what != "raised" or not queue or queue[0].what != "ended":
            return found.what
        self._notes.append(notes.withdrawn(queue[0], row, now_ms))
        self._set_queue(found.told.face.alarm, [])
        if found.told.face.level < queue[0].face.level:
            return "risen"
        return "waiting" if found.told.waiting_since_ms > before.waiting_since_ms else None

    def _withdraw(self, alarm: str, row: Mapping[str, Any], now_ms: int) -> bool:
        """Take back what need not be told any more → whether nothing was told of the alarm before it.

        That is what is not due yet, what is covered now, and the step of a chain that somebody was quicker than.
        """
        queue, standing = self._queue.get(alarm, []), row.get("standing", "closed")
        whole = standing in COVERED or (self.route.after_s > 0 and standing not in AWAITED)
        back = [item for item in queue if not item.is_over and (whole or item.due_ms > now_ms)]
        if not back:
            return False
        self._notes += [notes.withdrawn(item, row, now_ms) for item in back]
        untold = any(item.what == "raised" for item in back)
        self._set_queue(alarm, [] if untold else [item for item in queue if item not in back])
        return untold

    def _enqueue(self, item: Item) -> None:
        queue = self._queue.get(item.face.alarm, [])
        self._set_queue(item.face.alarm, joined(queue, item))

    def _may_leave(self) -> list[Item]:
        return firsts(self._queue.values(), self._letters.values(), closed=self._closed)

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
        """Let a letter go → what the fallback is to take over; without one it is held where that may help."""
        self._put("letter", tried.id, self._letters, None)
        if self.route.fallback:
            self._notes.append(notes.tried(tried, "passed_on", now_ms, verdict))
            return self._let_go(tried.items)
        if verdict.reason in MENDED:
            self._notes.append(notes.tried(tried, "held", now_ms, verdict))
            self.hold(tried.items)
        else:
            self._notes.append(notes.tried(tried, "given_up", now_ms, verdict))
            self._let_go(tried.items)
        return ()

    def hold(self, items: Sequence[Item]) -> None:
        """Keep items until the route delivers again, before what waits of the same alarms."""
        self._closed = True
        for item in items:
            queue = [msgspec.structs.replace(item, held=True)]
            for behind in self._queue.get(item.face.alarm, []):
                queue = joined(queue, behind)
            self._set_queue(item.face.alarm, queue)

    def _let_go(self, items: Sequence[Item]) -> list[Item]:
        """Return items with their ends: of an alarm whose raise was never told no end is."""
        ends: list[Item] = []
        for item in items:
            alarm = item.face.alarm
            told, queue = self._told.get(alarm), self._queue.get(alarm, [])
            if item.what == "raised":
                ends += [one for one in queue if one.is_over]
                self._set_queue(alarm, [one for one in queue if not one.is_over])
                if told is not None and told.count == item.number:
                    self._put("told", alarm, self._told, msgspec.structs.replace(told, state="untold"))
        return [*items, *ends]

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
