"""The order in which alarms stood when somebody began to read them page by page.

Alarms change places while the pages are read; who goes on in the order of his first page meets each of them once.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboard.alarm_book import Place

MOST = 100
"""So many of the last that were used: 16 MB with 20,000 open alarms."""


class OrdersKept:
    """Invariant: at most `MOST`, the last that was used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, list[Place]] = OrderedDict()

    def keep(self, order: list[Place]) -> str:
        """Keep an order → its name; one that is as the newest is that."""
        newest = next(reversed(self._kept), None)
        if newest is not None and self._kept[newest] == order:
            return newest
        name = secrets.token_urlsafe(6)
        self._kept[name] = order
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return name

    def find(self, name: str) -> list[Place] | None:
        """Return an order, None = nobody knows it any more."""
        if name in self._kept:
            self._kept.move_to_end(name)
        return self._kept.get(name)


def behind(order: list[Place], place: Place | None) -> list[Place]:
    """Return what stands behind a place, None = all."""
    return order if place is None else order[bisect_right(order, place) :]
