"""The versions of the city that a stage knows: read from `city.cities.v1`, each when a frame names it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streams.broker import topics
from streams.city import versions
from streams.city.registry import load_city
from streams.city.versions import Version
from streams.contract.stage import TopicPartition
from streams.domains.schema import late_limit_ms
from streams.errors import CityFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Set
    from pathlib import Path

    from streams.city.registry import City
    from streams.city.versions import Stored
    from streams.contract.frames import FrameHeader
    from streams.contract.stage import Bus

SOURCE = TopicPartition(topics.CITIES, 0)

KEPT = 4
"""Versions kept in memory, and besides whatever is in use: frames on the way name the last ones."""

KEPT_STRANGE = 64

log = logging.getLogger("citywall")


class Cities:
    """Versions by the name that frames give them. Invariant: `newest` is one of them, once it has begun."""

    def __init__(self, folder: Path, in_use: Callable[[], Set[int]] = frozenset) -> None:
        """Know none yet; those whose numbers `in_use` gives stay in memory, however many come."""
        self._folder = folder
        self._in_use = in_use
        self._known: dict[str, Version] = {}
        self._lacking: set[str] = set()
        self._end = 0
        self._with_zones: dict[tuple[int, str], City] = {}
        self._strange: dict[tuple[int, str, tuple[str, ...]], City] = {}
        self.newest: Version

    async def begin(self, bus: Bus) -> None:
        """Learn the newest version; where the topic has none, the folder at hand is the city (version 0).

        Raises CityFileError when there is neither.
        """
        await self.follow(bus)
        if not self._known:
            self._keep(Version(load_city(self._folder), {}))

    async def follow(self, bus: Bus) -> bool:
        """Learn what the topic has got since → whether `newest` changed."""
        end = (await bus.ends([SOURCE]))[SOURCE]
        if end <= self._end:
            return False
        before = getattr(self, "newest", None)
        for found in reversed((await self._read(bus)).values()):
            if str(found.number) in self._known:
                break
            if await self._load(found) is not None:
                break
        self._end = end
        return getattr(self, "newest", None) is not before

    async def of(self, name: str, bus: Bus) -> Version | None:
        """Return the version of that name, None where there is none (any more)."""
        found = self._known.pop(name, None)
        if found is not None:
            self._known[name] = found  # the last: what is asked for least goes first
        if found is not None or name in self._lacking:
            return found
        stored = (await self._read(bus)).get(int(name)) if name.isascii() and name.isdigit() else None
        found = None if stored is None else await self._load(stored)
        if found is None:
            self._lacking.add(name)
        return found

    def named(self, number: int) -> Version:
        """Return the version of that number if it is in memory, else the newest."""
        return self._known.get(str(number), self.newest)

    def limit_ms(self, domain: str) -> int:
        """Return how long after their hour readings of a domain may come: its late limit, and its longest lag."""
        return late_limit_ms(domain) + self.newest.city.longest_lag_ms.get(domain, 0)

    def ever_had(self, domain: str, zone: str) -> bool:
        """Tell whether a version up to the newest has that zone, or it stands for all of them."""
        return not zone or zone in self.newest.city.zone_code or zone in self.newest.partitions.get(domain, {})

    def with_zone(self, version: Version, zone: str) -> City:
        """Return the version's city, in which that zone has an index even if it has left."""
        if zone in version.city.zone_code:
            return version.city
        key = (version.number, zone)
        if key not in self._with_zones:
            self._with_zones[key] = versions.with_zone(version.city, zone)
        return self._with_zones[key]

    def reading(self, version: Version | None, header: FrameHeader, domain: str) -> City:
        """Return the city that a frame was made with."""
        return self.with_all_of(header, domain) if version is None else version.city

    def with_all_of(self, header: FrameHeader, domain: str) -> City:
        """Return the newest city with the zone and sensors of a frame whose version nobody has any more.

        So no backlog stops anything: whom nobody knows is counted under the id that the frame gives.
        """
        known = self.newest.city
        if header.zone in known.zone_code and all(name in known.sensor_code for name in header.sensors):
            return known
        key = (self.newest.number, header.zone, header.sensors)
        if key not in self._strange:
            if len(self._strange) >= KEPT_STRANGE:
                self._strange.clear()
            self._strange[key] = versions.with_strangers(known, domain, header.zone, header.sensors)
        return self._strange[key]

    async def _read(self, bus: Bus) -> dict[int, Stored]:
        return versions.stored(await bus.read_all(*SOURCE))

    async def _load(self, stored: Stored) -> Version | None:
        try:
            found = await asyncio.to_thread(versions.load, stored)
        except CityFileError as exc:
            log.error("version %d of the city cannot be used by this build: %s", stored.number, exc)
            return None
        self._keep(found)
        return found

    def _keep(self, version: Version) -> None:
        newest = getattr(self, "newest", None)
        if newest is None or version.number > newest.number:
            self.newest = version
        self._known[version.city.version] = version
        stay = {self.newest.number, version.number, *self._in_use()}
        idle = [name for name, one in self._known.items() if one.number not in stay]
        for name in idle[: max(len(self._known) - KEPT, 0)]:
            gone = self._known.pop(name).number
            self._with_zones = {key: city for key, city in self._with_zones.items() if key[0] != gone}
