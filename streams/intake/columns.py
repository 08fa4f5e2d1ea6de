"""Readings as columns, in source order: what the kernel fills and what decoded objects are turned into. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streams.domains.schema import Schema


@dataclass(frozen=True, slots=True)
class Columns:
    """Readings, (n,) each."""

    record: NDArray[np.int32]
    """Index of the record in its chunk."""
    place: NDArray[np.int32]
    """Place in the record."""
    sensor: NDArray[np.int32]
    """Code of the sensor in the city, -1 = not known."""
    at_ms: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    """Every column of the schema, NaN = not observed; an infinity says why `streams.intake.values` refuses it."""

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Columns:
        """Return the readings that an index or mask selects, in its order."""
        values = {name: column[rows] for name, column in self.values.items()}
        return Columns(self.record[rows], self.place[rows], self.sensor[rows], self.at_ms[rows], values)


class Decoded(Protocol):
    """Readings as objects of the schema's struct, with the record and place of each."""

    readings: list[Any]
    records: list[int]
    places: list[int]


def of_readings(decoded: Decoded, schema: Schema, sensor_code: Mapping[str, int]) -> Columns:
    """Turn readings, each `at` a number by now, into columns."""
    readings, count = decoded.readings, len(decoded.readings)
    codes = map(sensor_code.get, map(attrgetter("sensor"), readings), repeat(-1))
    return Columns(
        np.array(decoded.records, np.int32),
        np.array(decoded.places, np.int32),
        np.fromiter(codes, np.int32, count),
        np.fromiter(map(attrgetter("at"), readings), np.int64, count),
        {name: _values(readings, name) for name in schema.names},
    )


def _values(readings: Sequence[Any], name: str) -> NDArray[np.float64]:
    values = map(attrgetter(name), readings)
    try:
        found = np.fromiter(values, np.float64, len(readings))
    except TypeError:  # a null among them
        found = np.array([getattr(reading, name) for reading in readings], np.float64)
    return found + 0.0  # -0.0 and 0.0 are one value


def joined(one: Columns, other: Columns) -> Columns:
    """Merge two, no record in both, into source order."""
    record = np.concatenate([one.record, other.record])
    order = np.argsort(record, kind="stable")
    return Columns(
        record[order],
        np.concatenate([one.place, other.place])[order],
        np.concatenate([one.sensor, other.sensor])[order],
        np.concatenate([one.at_ms, other.at_ms])[order],
        {name: np.concatenate([one.values[name], other.values[name]])[order] for name in one.values},
    )
