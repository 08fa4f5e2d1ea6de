"""Slots for the identities (metric, entity, zone) of a domain: a number each, so that their sums stand in arrays.

Metrics, entities and zones are registered by name and never given up: there are as many slots as the city's entities
have metrics. A row finds its slot by name, whatever the city's files look like by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.measures import FEED_PREFIX
from processors.maths.places import grown
from streams.contract.records import NO_TIME_MS
from streams.contract.sums import Sums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from processors.maths.rosters import Roster
    from streams.city.registry import City
    from streams.contract.records import Rows

UNKNOWN = -1
UNHEARD_MS = -NO_TIME_MS
_METRIC_BIT, _ENTITY_BIT = 52, 20
_pack = msgspec.msgpack.Encoder().encode


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


class _OfRosters:
    """Slots found of rosters' entities; they hold as long as there are the same slots."""

    def __init__(self, keys: NDArray[np.int64]) -> None:
        self.keys = keys
        self.found: list[tuple[int, Roster, NDArray[np.int64]]] = []
        """Metric, roster and (e,) slots."""


@dataclass
class Identities:
    """(p,) place of its metric in `metrics`, of its entity in `entities` and of its zone in `zones`, of each slot."""

    metrics: list[str] = field(default_factory=list)
    sums: list[bytes] = field(default_factory=list)
    """How the rows of each add up, packed."""
    zones: list[str] = field(default_factory=list)
    entities: bytes = _pack([])
    """Entity ids, packed: what does not change costs nothing to save."""
    metric: NDArray[np.int64] = field(default_factory=_none)
    entity: NDArray[np.int64] = field(default_factory=_none)
    zone: NDArray[np.int64] = field(default_factory=_none)
    asked_ms: NDArray[np.int64] = field(default_factory=_none)
    """(p,) start of the last minute that asked each slot for a row, NO_TIME_MS = none has."""
    heard_ms: NDArray[np.int64] = field(default_factory=_none)
    """(p,) start of the first minute with a final of each slot, UNHEARD_MS = there is none."""
    keys: NDArray[np.int64] = field(default_factory=_none)
    """(p,) metric, entity and zone as one number, rising …"""
    slot_of_key: NDArray[np.int64] = field(default_factory=_none)
    """… and the slot of each."""

    def __post_init__(self) -> None:
        ids = msgspec.msgpack.decode(self.entities, type=list[str])
        self._number = {entity: number for number, entity in enumerate(ids)}
        self._ids = np.array(ids, object)
        self._rosters: list[tuple[Roster, tuple[NDArray[np.int64], NDArray[np.int64]]]] = []
        self._weights: tuple[Roster, NDArray[np.int64]] | None = None
        self.slots_of_rosters = _OfRosters(self.keys)

    def __len__(self) -> int:
        return len(self.metric)

    def sums_of(self, metric: int) -> Sums:
        """Return how the rows of a metric, by its number, add up."""
        return _decoded(self.sums[metric])

    def declare(self, declared: Mapping[str, Sums]) -> None:
        """Register metrics with how their rows add up; the scales that sums have been made with stay."""
        for name, how in declared.items():
            if name not in self.metrics:
                self.metrics.append(name)
                self.sums.append(_pack(how))
                continue
            number = self.metrics.index(name)
            before = self.sums_of(number)
            if before != how:
                scales = {"numerator_scale": before.numerator_scale, "denominator_scale": before.denominator_scale}
                self.sums[number] = _pack(msgspec.structs.replace(how, **scales))

    def ids(self, entity: NDArray[np.int64]) -> NDArray[np.object_]:
        """Return (n,) the ids of entities by their numbers."""
        if len(self._ids) < len(self._number):
            self._ids = np.array(list(self._number), object)
        found: NDArray[np.object_] = self._ids[entity]
        return found

    def number(self, entity: str, city: City) -> int:
        """Return an entity's number, UNKNOWN where neither the register nor the city has it."""
        found = self._number.get(entity)
        if found is None:
            known = entity.startswith(FEED_PREFIX) or entity in city.segment_code or entity in city.sensor_code
            found = self._number.setdefault(entity, len(self._number)) if known else UNKNOWN
        return found

    def numbers(self, entities: list[str], city: City) -> NDArray[np.int64]:
        """Return (n,) the numbers of entities, UNKNOWN as above."""
        found = np.fromiter(map(self._number.get, entities, repeat(UNKNOWN)), np.int64, len(entities))
        if found.min(initial=0) != UNKNOWN:
            return found
        before_count = self.entity_count
        number_of = {entity: self.number(entity, city) for entity in dict.fromkeys(entities)}
        self.repack(before_count)
        return np.array([number_of[entity] for entity in entities], np.int64)

    def numbered(self, roster: Roster, city: City) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (e,) the numbers of a roster's entities and of their zones: registered once, they stay."""
        for known, found in self._rosters:
            if known is roster:
                return found
        before_count = self.entity_count
        entity = np.array([self.number(one, city) for one in roster.ids], np.int64)
        self.repack(before_count)
        number_of = {one: self.zone_number(one) for one in dict.fromkeys(roster.zones)}
        zone = np.array([number_of[one] for one in roster.zones], np.int64)
        self._rosters = [(roster, (entity, zone)), *self._rosters[:1]]
        return entity, zone

    def weights(self, roster: Roster, city: City) -> NDArray[np.int64]:
        """Return (entities,) how many sensors speak for each: 1 for those that the roster does not name."""
        entity, _ = self.numbered(roster, city)
        if self._weights is None or self._weights[0] is not roster or len(self._weights[1]) < self.entity_count:
            count = np.ones(self.entity_count, np.int64)
            count[entity] = roster.sensors
            self._weights = (roster, count)
        return self._weights[1]

    def repack(self, before_count: int) -> None:
        """Note the entities that came since there were so many."""
        if len(self._number) > before_count:
            self.entities = _pack(list(self._number))

    def zone_number(self, zone: str) -> int:
        """Return a zone's number."""
        if zone not in self.zones:
            self.zones.append(zone)
        return self.zones.index(zone)

    @property
    def entity_count(self) -> int:
        """How many entities it has."""
        return len(self._number)


@lru_cache(maxsize=1024)
def _decoded(sums: bytes) -> Sums:
    return msgspec.msgpack.decode(sums, type=Sums)


def slots(known: Identities, rows: Rows, zone: str, city: City) -> NDArray[np.int64]:
    """Return (n,) the slot of each row, made where it is new; UNKNOWN where the city has no such entity.

    Their metrics are declared.
    """
    entity = known.numbers(rows.entity.tolist(), city)
    number = {name: number for number, name in enumerate(known.metrics)}
    first = first_of_runs(rows.metric)
    metric = np.array([number[name] for name in rows.metric[first].tolist()], np.int64)
    metric = np.repeat(metric, np.diff(first, append=len(entity)))
    return registered(known, metric, entity, np.full(len(entity), known.zone_number(zone)))


def first_of_runs(names: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return where a name stands that is not the one before it.

    >>> first_of_runs(np.array(["a", "a", "b", "a"], object)).tolist()
    [0, 2, 3]
    """
    return np.flatnonzero(np.append(True, names[1:] != names[:-1])[: len(names)])


def registered(
    known: Identities, metric: NDArray[np.int64], entity: NDArray[np.int64], zone: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return (n,) the slots of these numbers, made where they are new; UNKNOWN where the entity is."""
    key = _keys(metric, entity, zone)
    slot = _find(known, key)
    missing = np.unique(key[(slot == UNKNOWN) & (key != UNKNOWN)])
    if not missing.size:
        return slot
    _add(known, missing)
    return _find(known, key)


def of_roster(known: Identities, metric: int, roster: Roster, city: City) -> tuple[NDArray[np.int64], ...]:
    """Return (e,) the numbers of a roster's entities and of their zones, and their slots of a metric, by its number.

    UNKNOWN where there is no slot. They are not to be written to.
    """
    entity, zone = known.numbered(roster, city)
    of = known.slots_of_rosters
    if of.keys is not known.keys:
        of.keys, of.found = known.keys, []
    for its_metric, its_roster, slot in of.found:
        if its_metric == metric and its_roster is roster:
            return entity, zone, slot
    slot = _find(known, _keys(np.full(len(entity), metric), entity, zone))
    of.found.append((metric, roster, slot))
    return entity, zone, slot


def _keys(metric: NDArray[np.int64], entity: NDArray[np.int64], zone: NDArray[np.int64]) -> NDArray[np.int64]:
    key: NDArray[np.int64] = (metric << _METRIC_BIT) | (entity << _ENTITY_BIT) | zone
    return np.where(entity == UNKNOWN, UNKNOWN, key)


def _find(known: Identities, key: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(known):
        return np.full(len(key), UNKNOWN)
    at = np.minimum(np.searchsorted(known.keys, key), len(known) - 1)
    return np.where(known.keys[at] == key, known.slot_of_key[at], UNKNOWN)


def _add(known: Identities, keys: NDArray[np.int64]) -> None:
    first = len(known)
    known.metric = np.concatenate([known.metric, keys >> _METRIC_BIT])
    known.entity = np.concatenate([known.entity, (keys >> _ENTITY_BIT) & (2 ** (_METRIC_BIT - _ENTITY_BIT) - 1)])
    known.zone = np.concatenate([known.zone, keys & (2**_ENTITY_BIT - 1)])
    known.asked_ms = grown(known.asked_ms, len(known), NO_TIME_MS)
    known.heard_ms = grown(known.heard_ms, len(known), UNHEARD_MS)
    merged = np.concatenate([known.keys, keys])
    order = np.argsort(merged)
    known.keys = merged[order]
    known.slot_of_key = np.concatenate([known.slot_of_key, np.arange(first, len(known))])[order]
