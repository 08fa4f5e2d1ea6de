"""Slots for the identities (metric, entity) of a domain: a number each, so that their sums stand in arrays.

A slot is never given up: there are as many as the city's entities have metrics. Entities are kept by their index in the
city, which a reload does not change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.measures import FEED_PREFIX

if TYPE_CHECKING:
    from streams.city.registry import City
    from streams.contract.records import Rows

UNKNOWN = -1
SEGMENT, SENSOR, FEED = range(3)
"""Kinds of entity. A feed stands for a zone's part of it."""
KINDS = 3


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass
class Identities:
    """(p,) metric (its place in `metrics`), entity (KINDS · index in the city + kind) and zone of each slot."""

    metrics: list[str] = field(default_factory=list)
    metric: NDArray[np.int64] = field(default_factory=_none)
    entity: NDArray[np.int64] = field(default_factory=_none)
    zone: NDArray[np.int64] = field(default_factory=_none)
    keys: NDArray[np.int64] = field(default_factory=_none)
    """(p,) metric and entity as one number, rising …"""
    slot_of_key: NDArray[np.int64] = field(default_factory=_none)
    """… and the slot of each."""

    def __len__(self) -> int:
        return len(self.metric)


_METRIC_STEP = 2**40


def slots(known: Identities, rows: Rows, zone: int, city: City) -> NDArray[np.int64]:
    """Return (n,) the slot of each row, made where it is new; UNKNOWN where the city has no such entity."""
    entity_of = {name: _entity(name, zone, city) for name in dict.fromkeys(rows.entity.tolist())}
    metric_of = {name: _metric(known, name) for name in dict.fromkeys(rows.metric.tolist())}
    entity = np.array([entity_of[name] for name in rows.entity.tolist()], np.int64)
    metric = np.array([metric_of[name] for name in rows.metric.tolist()], np.int64)
    key = metric * _METRIC_STEP + entity
    missing = np.setdiff1d(key[entity != UNKNOWN], known.keys)
    if missing.size:
        _add(known, missing, zone)
    if not len(known):
        return np.full(len(rows), UNKNOWN)
    found = known.slot_of_key[np.minimum(np.searchsorted(known.keys, key), len(known) - 1)]
    return np.where(entity == UNKNOWN, UNKNOWN, found)


def _entity(name: str, zone: int, city: City) -> int:
    if name.startswith(FEED_PREFIX):
        return zone * KINDS + FEED
    for kind, codes in ((SEGMENT, city.segment_code), (SENSOR, city.sensor_code)):
        code = codes.get(name)
        if code is not None:
            return code * KINDS + kind
    return UNKNOWN


def _metric(known: Identities, name: str) -> int:
    if name not in known.metrics:
        known.metrics.append(name)
    return known.metrics.index(name)


def _add(known: Identities, keys: NDArray[np.int64], zone: int) -> None:
    first = len(known)
    known.metric = np.concatenate([known.metric, keys // _METRIC_STEP])
    known.entity = np.concatenate([known.entity, keys % _METRIC_STEP])
    known.zone = np.concatenate([known.zone, np.full(len(keys), zone)])
    merged = np.concatenate([known.keys, keys])
    order = np.argsort(merged)
    known.keys = merged[order]
    known.slot_of_key = np.concatenate([known.slot_of_key, np.arange(first, len(known))])[order]


def names(known: Identities, slot: NDArray[np.int64], city: City) -> NDArray[np.object_]:
    """Return (n,) the entity id of each slot of a segment or sensor."""
    found = [
        city.segments[code // KINDS].id if code % KINDS == SEGMENT else city.sensors[code // KINDS].id
        for code in known.entity[slot].tolist()
    ]
    return np.array(found, object)
