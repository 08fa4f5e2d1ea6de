"""Versions of a city: records of `city.cities.v1` with the checked folder and where each zone's readings go. Pure.

A version is a number that rises; a folder put back is a new one. A zone keeps its partition for as long as the topic
lives, also after it has left; a new one gets the partition with the fewest sensors of the domain, of equals the lowest.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import cramjam
import msgspec

from streams.broker import topics
from streams.city.check import check
from streams.city.folder import Folder
from streams.city.moves import NO_MOVES, Move, Moves, next_moves
from streams.city.parts import Segment, Sensor, Zone
from streams.city.registry import City, city_of
from streams.contract.stage import Message
from streams.errors import CityFileError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from streams.contract.stage import Record

Partitions: TypeAlias = "dict[str, dict[str, int]]"
"""Domain → zone id → partition of its readings."""

Rules: TypeAlias = dict[str, list[dict[str, Any]] | None]
"""Processor → the rules in force by which it raises alarms, None = it has none by name, and raises what it finds."""

PART_BYTES = 8 * 2**20
HEADER = "city"
STRANGERS_INTERVAL_S = 60.0
COMPRESSION_LEVEL = 9


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Header of a record: which part of which version."""

    number: int
    part: int
    parts: int
    size: int
    """Bytes of the whole before compression."""
    digest: str
    """Of the folder and the rules."""


class _Whole(msgspec.Struct):
    """What a version's records hold together."""

    files: dict[str, bytes]
    partitions: Partitions
    rules: Rules | None = None
    """None = of a CityWall that did not write them down."""
    moves: tuple[Move, ...] = ()
    left: tuple[Segment, ...] = ()
    """See `streams.city.moves.Moves`; a CityWall that does not know them passes over them."""


class Opened(NamedTuple):
    """What a version holds."""

    folder: Folder
    partitions: Partitions
    rules: Rules | None
    moves: Moves = NO_MOVES


@dataclass(frozen=True)
class Stored:
    """A version as it lies in the topic."""

    number: int
    digest: str
    size: int
    data: bytes

    def open(self) -> Opened:
        """Return the folder, the zones' partitions and the rules."""
        plain = bytes(cramjam.zstd.decompress(self.data, output_len=self.size))
        whole = msgspec.msgpack.decode(plain, type=_Whole)
        folder = Folder(f"version {self.number} of the city", whole.files)
        return Opened(folder, whole.partitions, whole.rules, Moves(whole.moves, whole.left))


@dataclass(frozen=True, eq=False)
class Version:
    """A version in use. It equals itself only."""

    city: City
    partitions: Partitions
    rules: Rules | None = None

    @property
    def number(self) -> int:
        """Which one it is; 0 = the folder of a process that finds none in the topic."""
        return self.city.number

    def homes(self, domain: str) -> Mapping[str, int]:
        """Return the readings partition of every zone that ever was, also of those that left; empty = not known."""
        return self.partitions.get(domain, {})

    def partition(self, domain: str, zone: str, count: int) -> int:
        """Return which of `count` readings partitions a zone's frames go to."""
        found = self.homes(domain).get(zone)
        return self.city.zone_code.get(zone, 0) % count if found is None else found


def load(stored: Stored) -> Version:
    """Return a version; takes a second where there are many sensors.

    Raises CityFileError where this build does not take the folder any more.
    """
    folder, partitions, rules, moves = stored.open()
    city = replace(city_of(check(folder), folder.name), number=stored.number, moves=moves)
    return Version(city, partitions, rules)


def with_zone(city: City, zone: str) -> City:
    """Return a city in which a zone that has left has an index again, without sensors."""
    return replace(city, zones=(*city.zones, Zone(zone, zone, zone)))


def with_strangers(city: City, domain: str, zone: str, sensors: Sequence[str]) -> City:
    """Return a city that has a zone and its sensors; those that it lacks keep their ids, and that is all they have."""
    home = city if zone in city.zone_code else with_zone(city, zone)
    blank = Sensor("", domain, home.zone_code[zone], -1, 0.0, 0.0, STRANGERS_INTERVAL_S, "", "")
    strangers = tuple(replace(blank, id=name) for name in sensors if name not in city.sensor_code)
    return replace(home, sensors=(*home.sensors, *strangers)) if strangers else home


def assign(city: City, counts: Mapping[str, int], before: Partitions | None) -> Partitions:
    """Give every zone its partition in every domain.

    Args:
        city: the new version.
        counts: domain → how many readings partitions it has.
        before: of the version before; None = the first, which writes down what was in use without one.
    """
    found: Partitions = {}
    for domain, count in counts.items():
        known = (before or {}).get(domain)
        if known is None:
            found[domain] = {zone.id: index % count for index, zone in enumerate(city.zones)}
        else:
            found[domain] = _with_new(city, domain, count, known)
    return found


def _with_new(city: City, domain: str, count: int, known: Mapping[str, int]) -> dict[str, int]:
    sensors = Counter(city.zones[sensor.zone].id for sensor in city.sensors if sensor.domain == domain)
    load = [0] * count
    for zone, partition in known.items():
        load[partition] += sensors[zone]
    found = dict(known)
    for new in (zone.id for zone in city.zones if zone.id not in known):
        found[new] = load.index(min(load))
        load[found[new]] += sensors[new]
    return found


def to_messages(city_id: str, number: int, whole: Opened) -> list[Message]:
    """Return the records of a version."""
    folder, partitions, rules, moves = whole
    plain = msgspec.msgpack.encode(_Whole(dict(folder.files), partitions, rules, *moves))
    data = bytes(cramjam.zstd.compress(plain, level=COMPRESSION_LEVEL))
    cuts = [data[first : first + PART_BYTES] for first in range(0, len(data), PART_BYTES)]
    messages = []
    for index, cut in enumerate(cuts):
        part = Part(number=number, part=index, parts=len(cuts), size=len(plain), digest=_digest(folder, rules))
        key = f"{city_id}/{number}" if index == 0 else f"{city_id}/{number}/{index}"
        messages.append(Message(topics.CITIES, key.encode(), cut, 0, ((HEADER, msgspec.json.encode(part)),)))
    return messages


def _digest(folder: Folder, rules: Rules | None) -> str:
    if rules is None:
        return folder.digest
    return hashlib.sha256(folder.digest.encode() + msgspec.json.encode(rules, order="sorted")).hexdigest()


def stored(records: Iterable[Record]) -> dict[int, Stored]:
    """Return the versions of which all parts are there, by rising number; what has a tombstone is gone."""
    parts: defaultdict[int, dict[int, tuple[Part, bytes]]] = defaultdict(dict)
    for record in {record.key: record for record in records}.values():
        head = dict(record.headers).get(HEADER)
        if head is not None and record.value is not None:
            part = msgspec.json.decode(head, type=Part)
            parts[part.number][part.part] = (part, record.value)
    found = {}
    for number, of in sorted(parts.items()):
        if 0 not in of:
            continue
        first = of[0][0]
        cuts = [of[index] for index in range(first.parts) if index in of]
        its = [data for part, data in cuts if part.digest == first.digest]  # a writer that died may have left others
        if len(its) == first.parts:
            found[number] = Stored(number, first.digest, first.size, b"".join(its))
    return found


def placed(records: Iterable[Record]) -> dict[int, Stored]:
    """Return the versions of which all parts are there, by the offset of their last record, rising."""
    listed = list(records)
    last = {number: one.offset for one in listed if (number := number_of(one)) is not None}
    return {last[number]: found for number, found in stored(listed).items()}


def number_of(record: Record) -> int | None:
    """Return the number of the version that a record is a part of; None = it is none, or a tombstone."""
    head = dict(record.headers).get(HEADER)
    return None if head is None or record.value is None else msgspec.json.decode(head, type=Part).number


def superseded(records: Iterable[Record]) -> dict[int, int]:
    """Return each version but the newest → when the one after it arrived, epoch ms."""
    arrived: dict[int, int] = {}
    for record in {record.key: record for record in records}.values():
        number = number_of(record)
        if number is not None:
            arrived[number] = max(record.timestamp, arrived.get(number, record.timestamp))
    rising = sorted(arrived)
    return {number: arrived[later] for number, later in pairwise(rising)}


def tombstones(records: Iterable[Record], numbers: Collection[int]) -> list[Message]:
    """Return what takes these versions out of the topic, the last part first: no reader sees half of one."""
    keys = [one.key for one in records if number_of(one) in numbers and one.key]
    return [Message(topics.CITIES, key, None, 0) for key in reversed(dict.fromkeys(keys))]


def next_version(
    folder: Folder,
    known: Mapping[int, Stored],
    counts: Mapping[str, int],
    rules: Rules | None = None,
    *,
    now_ms: int | None = None,
) -> list[Message]:
    """Return the records of the version that a folder and the rules in force make, none where it is the newest.

    `now_ms`: a time of the city clock by which every part goes by the new version; None = nothing runs that has to, and
    what it moves is there at once.
    Raises CityFileError, which names its problems.
    """
    newest = known[max(known)] if known else None
    if newest is not None and newest.digest == _digest(folder, rules):
        return []
    city = city_of(check(folder), folder.name)
    if newest is None:
        return to_messages(city.id, 1, Opened(folder, assign(city, counts, None), rules))
    number, (old, partitions, _, moves) = newest.number + 1, newest.open()
    before = replace(city_of(check(old), old.name), moves=moves)
    in_use = {**assign(before, counts, None), **partitions}  # topics may have been made since
    if before.id != city.id:
        raise CityFileError(
            f"{folder.name}: city.toml: id: {city.id!r} is another city than {before.id!r}; start it by itself"
        )
    told = moves if now_ms is None else next_moves(before, city, number, now_ms)
    return to_messages(city.id, number, Opened(folder, assign(city, counts, in_use), rules, told))
