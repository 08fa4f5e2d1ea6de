"""A plain model of one alarm's life, by the sentences of docs/alarms.md: slow, and without the engine's tables.

One condition of one city; it latches if told so. Every second something comes, or time passes.
"""

from dataclasses import dataclass, field

UNDO_MS, MINUTE_MS = 5_000, 60_000


@dataclass
class Shelf:
    until: int
    level: int


@dataclass
class One:
    """The alarm that is open."""

    level: int
    raised: int
    waiting: int
    active: bool = True
    latched: bool = False
    by: str = ""
    lapses: int | None = None
    closing: tuple[str, int] | None = None
    revision: int = 1
    covered: bool = False
    unseen: bool = False
    over: bool = False
    calm: int | None = None
    taken: int = 0
    fell: int | None = None
    """When its level fell from where it has not come back to."""
    newest: int | None = None
    """What the newest finding says, while it is held at a worse level."""


@dataclass
class Plain:
    latches: bool
    one: One | None = None
    shelf: Shelf | None = None
    window: int | None = None
    """Until when the place is suppressed."""
    muted: int | None = None
    changes: list[int] = field(default_factory=list)

    # --- time -------------------------------------------------------------------------------------------------------

    def pass_until(self, now: int) -> None:
        while (due := self._next()) is not None and due[0] <= now:
            self._reach(*due)

    def _next(self) -> tuple[int, str] | None:
        one, found = self.one, []
        if self.shelf is not None:
            found.append((self.shelf.until, "shelf"))
        if self.window is not None:
            found.append((self.window, "window"))
        if one is not None and one.closing is not None:
            found.append((one.closing[1], "alarm"))
        elif one is not None:
            found += [(at, "alarm") for at in (one.lapses, one.calm) if at is not None]
        return min(found, key=lambda due: (due[0], due[1] != "alarm"), default=None)

    def _reach(self, at: int, what: str) -> None:
        one = self.one
        if what == "shelf":
            self.shelf = None
        elif what == "window":
            self.window = None
        elif one.closing is not None:
            if one.active and not one.over:
                self.muted = one.level
            self.one = None
        elif one.calm == at:
            one.calm = None
            if one.over:
                self._return(at)
            elif one.newest is not None:
                one.level, one.newest = one.newest, None
        else:
            one.by, one.lapses, one.waiting = "", None, at
            self._revise(one)
        self._cover(at)

    # --- findings ---------------------------------------------------------------------------------------------------

    def find(self, level: int, now: int) -> None:
        one = self.one
        if level == 0:
            self.muted = None
            if one is not None and one.active and not one.over:
                self._turn(now)
                one.over, one.newest = True, None
                if one.calm is None:
                    self._return(now)
            return
        if one is None:
            if self.muted is not None and level >= self.muted:
                return
            self.muted = None
            self.one = one = One(level, now, now)
            self._turn(now)
            self._break_shelf()
            one.unseen = one.covered = self._covers()
            return
        rises = level < one.level
        known = one.newest or one.level
        if not one.active or one.over:
            self._turn(now)
        elif one.fell is not None and level < known:
            self._turn(one.fell, now)
        if level > known:
            one.fell = now
        if one.latched and one.by and not rises:
            one.by, one.lapses, one.waiting = "", None, now
            self._revise(one)
        held = one.active and level > one.level and one.calm is not None
        one.over, one.active, one.latched = False, True, False
        one.level, one.newest = (one.level, level) if held else (level, None)
        if rises:
            one.by, one.lapses, one.closing, one.waiting = "", None, None, now
            self._revise(one)
            self._break_shelf()
            self._cover(now)
        elif one.closing is not None and one.closing[0] != "end":
            one.closing = None

    def _turn(self, *times: int) -> None:
        now = times[-1]
        self.changes += times
        self.one.fell = None
        lately = [at for at in self.changes if at >= now - 10 * MINUTE_MS]
        calm = None
        if len(lately) >= 3 and now - lately[-3] <= MINUTE_MS:
            calm = now + MINUTE_MS
        if len(lately) >= 6:
            calm = max(calm or 0, now + max(MINUTE_MS, 2 * (now - lately[-6]) // 5))
        if calm is not None:
            self.one.calm = max(calm, self.one.calm or 0)

    def _return(self, now: int) -> None:
        one = self.one
        one.over = False
        if self.latches:
            one.active, one.latched = False, True
            return
        one.active = False
        if one.by and one.closing is None and now < one.taken + UNDO_MS:
            one.closing = ("acknowledge", one.taken + UNDO_MS)
        elif one.closing is None and (one.by or one.unseen):
            self.one = None

    # --- what covers it ---------------------------------------------------------------------------------------------

    def _covers(self) -> bool:
        shelved = self.shelf is not None and self.one.level >= self.shelf.level
        return shelved or self.window is not None

    def _break_shelf(self) -> None:
        if self.shelf is not None and self.one.level < self.shelf.level:
            self.shelf = None

    def _names(self) -> tuple[bool, bool]:
        return self.window is not None, self.shelf is not None and self.one.level >= self.shelf.level

    def _cover(self, now: int) -> None:
        if self.one is None:
            return
        covers = self._covers()
        if self.one.covered and not covers:
            self.one.waiting, self.one.unseen = now, False
        self.one.covered = covers

    def _revise(self, one: One) -> None:
        one.revision += 1

    def shown(self) -> str:
        one = self.one
        if one is None:
            return "normal"
        window, shelf = self._names()
        if window or shelf:
            return "suppressed" if window else "shelved"
        acknowledged = bool(one.by)
        if one.active:
            return "acknowledged" if acknowledged else "unacknowledged"
        if one.latched:
            return "latched_acknowledged" if acknowledged else "latched_unacknowledged"
        return "returned_unacknowledged"

    # --- people -----------------------------------------------------------------------------------------------------

    def acknowledge(self, who: str, now: int, for_ms: int | None) -> bool:
        one = self.one
        if one is None or one.closing is not None or one.by:
            return False
        one.taken = now
        if one.active or one.latched:
            one.by, one.lapses = who, None if for_ms is None else now + for_ms
        else:
            one.by, one.lapses, one.closing = (
                who,
                None if for_ms is None else now + for_ms,
                ("acknowledge", now + UNDO_MS),
            )
        self._revise(one)
        return True

    def unacknowledge(self, now: int) -> bool:
        one = self.one
        if one is None or one.closing is not None or not one.by or not (one.active or one.latched):
            return False
        one.by, one.lapses, one.waiting = "", None, now
        self._revise(one)
        return True

    def end(self, now: int) -> bool:
        one = self.one
        if one is None or one.closing is not None:
            return False
        one.closing = ("end", now + UNDO_MS)
        self._revise(one)
        return True

    def reset(self, now: int) -> bool:
        one = self.one
        if one is None or one.closing is not None or not one.latched or not one.by:
            return False
        one.closing = ("reset", now + UNDO_MS)
        self._revise(one)
        return True

    def shelve(self, now: int, for_ms: int) -> bool:
        if self.one is None or self.one.closing is not None or self.shelf is not None:
            return False
        self.shelf = Shelf(now + for_ms, self.one.level)
        self._cover(now)
        return True

    def unshelve(self, now: int) -> bool:
        if self.one is None or self.one.closing is not None or self.shelf is None:
            return False
        self.shelf = None
        self._cover(now)
        return True

    def suppress(self, now: int, for_ms: int) -> bool:
        if self.window is not None:
            return False
        self.window = now + for_ms
        self._cover(now)
        return True
