"""What is told: an item is one alarm's news for one route, a letter the items that leave as one message."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from processors.maths.combined import standing
from streams.contract.level import Level  # at run time: msgspec reads the types of the fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

What: TypeAlias = Literal["raised", "risen", "waiting", "ended", "passed"]
"""`waiting`: nobody has taken it any more, or what covered it is gone; `passed`: it was over before its raise was told,
as the route's key was refused."""

HIGHEST = 1


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """Of an alarm, what a message says."""

    alarm: str
    domain: str
    kind: str
    entity: str
    zone: str
    level: Level
    raised_at_ms: int
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    column: str = ""
    """What the value is of; "" = of no column of a sensor."""
    of: str = ""
    """What its rule has judged: its kind, "" = the value itself; so `over_s`."""
    over_s: float = 0.0
    stands: dict[str, str] = {}
    """Of a combination: each rule that stands, and where."""
    incident: str = ""
    is_cause: bool = True
    """It began its incident, or stands alone; False = it is folded under another."""

    @property
    def group(self) -> str:
        """What belongs together: an incident, else a kind in a zone."""
        return self.incident or f"{self.domain}/{self.zone}/{self.kind}"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm's news for one route."""

    route: str
    number: int
    """Of this alarm's items for this route: the same after any restart."""
    what: What
    face: Face
    waiting_since_ms: int
    """Of the alarm then."""
    due_ms: int
    """When it may leave; later than now for the later steps of a chain, and for an end, which a raise may follow."""
    held: bool = False
    """Its route's key was refused: it waits until that is mended, and leaves with all others that do."""

    @property
    def id(self) -> str:
        """Name it among the route's."""
        return f"{self.face.alarm}#{self.number}"

    @property
    def is_over(self) -> bool:
        """Whether it says that the alarm is over."""
        return self.what in {"ended", "passed"}

    @property
    def is_urgent(self) -> bool:
        """Whether it waits for nothing."""
        return self.face.level == HIGHEST and not self.is_over


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way."""

    id: str
    route: str
    items: tuple[Item, ...]
    made_ms: int
    summary: bool = False
    """It holds what the route's limit kept back."""
    tries: int = 0
    next_ms: int = 0

    @property
    def is_urgent(self) -> bool:
        """Whether it goes past others."""
        return any(item.is_urgent for item in self.items)


def letter(route: str, items: Sequence[Item], now_ms: int, *, summary: bool = False) -> Letter:
    """Make a letter, worst and cause first; its id is that of its items, so that they always have the same."""
    ordered = tuple(sorted(items, key=_rank))
    text = "\n".join([route, *(item.id for item in ordered)])
    number = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Letter(id=number, route=route, items=ordered, made_ms=now_ms, summary=summary, next_ms=now_ms)


def joined(queue: Sequence[Item], item: Item) -> list[Item]:
    """Return what waits of an alarm with an item more.

    A raise stands for all that waited: it says how the alarm stands now, and is no later for it. An end follows a
    raise; where that is held, one line says both.
    """
    if item.is_over:
        if not any(one.held for one in queue):
            return [*queue, item]
        what: What = "passed" if any(one.what in {"raised", "passed"} for one in queue) else "ended"
        return [msgspec.structs.replace(item, what=what, held=True)]
    waited = [one for one in queue if not one.is_over]
    return [
        msgspec.structs.replace(
            item,
            what="raised" if any(one.what == "raised" for one in waited) else item.what,
            due_ms=min([item.due_ms, *(one.due_ms for one in waited)]),
        )
    ]


def _rank(item: Item) -> tuple[bool, int, bool, int, str]:
    face = item.face
    return item.is_over, face.level, not face.is_cause, face.raised_at_ms, item.id


def face(row: Mapping[str, Any]) -> Face:
    """Take from an alarm's row what a message says."""
    evidence = row.get("evidence") or {}
    return Face(
        alarm=row["id"],
        domain=row["domain"],
        kind=row["kind"],
        entity=row["entity"],
        zone=row["zone"],
        level=row["level"],
        raised_at_ms=row["raised_at_ms"],
        value=row.get("value"),
        limit=row.get("limit"),
        unit=row.get("unit") or "",
        column=str(evidence.get("column") or ""),
        of=str(evidence.get("of") or ""),
        over_s=float(evidence.get("over_s") or 0.0),
        stands=standing(evidence),
        incident=row.get("incident") or "",
        is_cause=row.get("under") is None,
    )
