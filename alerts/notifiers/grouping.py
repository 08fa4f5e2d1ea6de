"""Which waiting items leave together, now: groups, the route's limit, and its one summary. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alerts.notifiers.letters import Item
    from alerts.notifiers.routes import Route

MINUTE_MS = 60_000


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
            groups[item.face.group, item.what == "ended"].append(item)
    urgent = [Batch(tuple(group)) for group in groups.values() if any(item.is_urgent for item in group)]
    ordinary = [group for group in groups.values() if not any(item.is_urgent for item in group)]
    wait_ms = route.group_wait_s * 1000
    ready = [group for group in ordinary if min(item.due_ms for item in group) + wait_ms <= now_ms]
    recent = sum(now_ms - at_ms < MINUTE_MS for at_ms in sent_ms)
    free = max(route.per_minute - recent - len(urgent), 0)
    if busy or not ready or not free:
        return urgent
    if len(ready) <= free:
        return [*urgent, *(Batch(tuple(group)) for group in ready)]
    return [*urgent, Batch(tuple(item for group in ready for item in group), summary=True)]
