"""What the versions of the city have, as the alarm stage reads them from `city.cities.v1`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streams.city import versions
from streams.city.scope import Scope, scope_of
from streams.errors import CityFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.city.versions import Stored
    from streams.contract.stage import Record

log = logging.getLogger("citywall")


class Followed:
    """Reads versions in the order of the topic. Invariant: `newest` is the number of the newest read."""

    def __init__(self) -> None:
        self.newest = 0
        self.next_offset = 0
        """One above the last record seen."""
        self._parts: list[Record] = []
        """Of a version of which not all parts have come."""

    async def begin(self, records: Sequence[Record], covered: int) -> list[tuple[int, Scope]]:
        """Read where the journal stands → (offset, what it has) of the newest version below `covered`, if there is one.

        `records` are all of the topic.
        """
        self.next_offset = covered
        below = {offset: stored for offset, stored in versions.placed(records).items() if offset < covered}
        return await self._loaded({max(below): below[max(below)]}) if below else []

    async def take(self, records: Sequence[Record]) -> list[tuple[int, Scope]]:
        """Return (offset, what it has) of each version that these records make whole."""
        self.next_offset = max(self.next_offset, records[-1].offset + 1)
        self._parts += [one for one in records if one.value is not None]
        places = versions.placed(self._parts)
        if places:
            self._parts = [one for one in self._parts if one.offset > max(places)]
        return await self._loaded(places)

    async def _loaded(self, places: dict[int, Stored]) -> list[tuple[int, Scope]]:
        found = [(offset, await asyncio.to_thread(_scope, stored)) for offset, stored in places.items()]
        self.newest = max([self.newest, *(scope.number for _, scope in found)])
        return found


def first_that_counts(records: Sequence[Record]) -> int:
    """Return where to begin beside a journal that knows no versions: the newest. Older ones ended what it still has."""
    newest = max((stored.number for stored in versions.placed(records).values()), default=None)
    parts = [one.offset for one in records if newest is not None and versions.number_of(one) == newest]
    return min(parts, default=0)


def _scope(stored: Stored) -> Scope:
    try:
        version = versions.load(stored)
    except CityFileError as exc:
        log.error("alarms: version %d of the city cannot be used by this build: %s", stored.number, exc)
        return Scope(stored.number)
    return scope_of(version.city, version.rules)
