"""Slots for the identities (metric, entity, zone) of a domain: a number each, so that their sums stand in arrays.

Metrics, entities and zones are registered by name and never given up: there are as many slots as the city's entities
have metrics. A row finds its slot by name, whatever the city's files look like by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.measures import FEED_PREFIX

if TYPE_CHECKING:
    from streams.city.registry import City
    from streams.contract.records import Rows

UNKNOWN = -1
_METRIC_BIT, _ENTITY_BIT = 52, 20
_pack = msgspec.msgpack.Encoder().encode


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass
class Identities:
    """(p,) place of its metric in `metrics`, of its entity in `entities` and of its zone in `zones`, of each slot."""

    metrics: list[str] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)
    entities: bytes = _pack([])
    """Entity ids, packed: what does not change costs nothing to save."""
    metric: NDArray[np.int64] = field(default_factory=_none)
    entity: NDArray[np.int64] = field(default_factory=_none)
    zone: NDArray[np.int64] = field(default_factory=_none)
    keys: NDArray[np.int64] = field(default_factory=_none)
    """(p,) metric, entity and zone as one number, rising …"""
    slot_of_key: NDArray[np.int64] = field(default_factory=_none)
    """… and the slot of each."""

    def __post_init__(self) -> None:
        ids = msgspec.msgpack.decode(self.entities, type=list[str])
        self._number = {entity: number for number, entity in enumerate(ids)}
        self._ids = np.array(ids, object)

    def __len__(self) -> int:
        return len(self.metric)

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

    def repack(self, before_count: int) -> None:
        """Note the entities that came since there were so many."""
        if len(self._number) > before_count:
            self.entities = _pack(list(self._number))

    @property
    def entity_count(self) -> int:
        """How many entities it has."""
        return len(self._number)


def slots(known: Identities, rows: Rows, zone: str, city: City) -> NDArray[np.int64]:
    """Return (n,) the slot of each row, made where it is new; UNKNOWN where the city has no such entity."""
    before_count = known.entity_count
    entity_of = {name: known.number(name, city) for name in dict.fromkeys(rows.entity.tolist())}
    known.repack(before_count)
    metric_of = {name: _place(known.metrics, name) for name in dict.fromkeys(rows.metric.tolist())}
    entity = np.array([entity_of[name] for name in rows.entity.tolist()], np.int64)
    metric = np.array([metric_of[name] for name in rows.metric.tolist()], np.int64)
    key = (metric << _METRIC_BIT) | (entity << _ENTITY_BIT) | _place(known.zones, zone)
    key[entity == UNKNOWN] = UNKNOWN
    missing = np.unique(key[(key != UNKNOWN) & (_find(known, key) == UNKNOWN)])
    if missing.size:
        _add(known, missing)
    return _find(known, key)


def _find(known: Identities, key: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(known):
        return np.full(len(key), UNKNOWN)
    at = np.minimum(np.searchsorted(known.keys, key), len(known) - 1)
    return np.where(known.keys[at] == key, known.slot_of_key[at], UNKNOWN)


def _place(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)


def _add(known: Identities, keys: NDArray[np.int64]) -> None:
    first = len(known)
    known.metric = np.concatenate([known.metric, keys >> _METRIC_BIT])
    known.entity = np.concatenate([known.entity, (keys >> _ENTITY_BIT) & (2 ** (_METRIC_BIT - _ENTITY_BIT) - 1)])
    known.zone = np.concatenate([known.zone, keys & (2**_ENTITY_BIT - 1)])
    merged = np.concatenate([known.keys, keys])
    order = np.argsort(merged)
    known.keys = merged[order]
    known.slot_of_key = np.concatenate([known.slot_of_key, np.arange(first, len(known))])[order]
