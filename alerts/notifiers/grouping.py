"""Which waiting items leave together, now: groups, the route's limit, and its one summary; which letters go. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence, Set

    from alerts.notifiers.letters import Item, Letter
    from alerts.notifiers.routes import Route

MINUTE_MS = 60_000
HELD = ""
"""The group of all that was held."""
URGENT_MOST = 8
"""Letters with a level I that are on their way at once …"""
AGAIN_MOST = 4
"""… of which so many for another try: a new one does not wait for those that a receiver hangs on."""


class Batch(NamedTuple):
    """Items that leave as one message."""

    items: tuple[Item, ...]
    summary: bool = False


def batches(route: Route, items: Iterable[Item], sent_ms: Sequence[int], now_ms: int, *, busy: bool) -> list[Batch]:
    """Pick what leaves now; the rest waits.

    Args:
        route: its limits.
        items: what waits for it, none of which must wait for a message on its way.
        sent_ms: when its last messages were made.
        now_ms: now.
        busy: one of its ordinary messages is on its way; what comes meanwhile goes behind it, together.
    """
    groups: defaultdict[tuple[str, bool], list[Item]] = defaultdict(list)
    for item in items:
        if item.due_ms <= now_ms:
            groups[(HELD, False) if item.held else (item.face.group, item.is_over)].append(item)
    urgent = [_batch(group) for group in groups.values() if any(item.is_urgent for item in group)]
    ordinary = [group for group in groups.values() if not any(item.is_urgent for item in group)]
    wait_ms = route.group_wait_s * 1000
    ready = [group for group in ordinary if min(item.due_ms for item in group) + wait_ms <= now_ms]
    recent = sum(now_ms - at_ms < MINUTE_MS for at_ms in sent_ms)
    free = max(route.per_minute - recent - len(urgent), 0)
    if busy or not ready or not free:
        return urgent
    if len(ready) <= free:
        return [*urgent, *map(_batch, ready)]
    return [*urgent, Batch(tuple(item for group in ready for item in group), summary=True)]


def _batch(group: Sequence[Item]) -> Batch:
    return Batch(tuple(group), summary=group[0].held and len(group) > 1)


def firsts(queues: Iterable[Sequence[Item]], letters: Iterable[Letter], *, closed: bool) -> list[Item]:
    """Return the first that waits of each alarm, where nothing of it that is on its way must come before.

    A rise goes past a raise; nothing goes past an end, and no end past anything. `closed`: what is held waits on.
    """
    held: dict[str, bool] = {}
    for one in letters:
        for item in one.items:
            held[item.face.alarm] = held.get(item.face.alarm, False) or item.is_over
    found = (queue[0] for queue in queues if not (closed and queue[0].held))
    return [item for item in found if item.face.alarm not in held or not (item.is_over or held[item.face.alarm])]


def leaving(letters: Collection[Letter], sending: Set[str], now_ms: int) -> list[Letter]:
    """Return the letters to send now: those with a level I, new ones first, and the first of the others.

    All others wait behind that one. `sending` are on their way.
    """
    urgent = [one for one in letters if one.is_urgent]
    ordinary = [one for one in letters if not one.is_urgent][:1]
    going = [one for one in urgent if one.id in sending]
    ready = [one for one in (*urgent, *ordinary) if one.id not in sending and one.next_ms <= now_ms]
    room_again = max(AGAIN_MOST - sum(one.tries > 0 for one in going), 0)
    new = [one for one in ready if one.is_urgent and one.tries == 0]
    again = [one for one in ready if one.is_urgent and one.tries > 0][:room_again]
    room = max(URGENT_MOST - len(going), 0)
    return [*[*new, *again][:room], *(one for one in ready if not one.is_urgent)]
