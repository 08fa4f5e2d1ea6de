"""Judge a row against what is remembered of its sensor, and remember it. One rule, run as it stands or compiled.

`columns_at`, `rise` … of `runs` say which times were taken with which columns, `values` what the newest of them were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from streams.kernel import runs, values
from streams.kernel.verdicts import CONFLICT, DUPLICATE, FORGOTTEN, NEW, PART

if TYPE_CHECKING:
    Sensor: TypeAlias = "tuple[runs.Table, runs.Block, values.Ring, Any]"
    """Its runs, its values, and (1,) the time up to which all is forgotten."""

GROW, PACK = -1, -2
"""Verdicts: not judged yet, the sensor needs a larger block; or a packed one (`streams.kernel.packing`)."""


def judge(sensor: Sensor, at: int, columns: int, digest: int, keep_ms: int) -> tuple[int, int]:
    """Judge a row → verdict, and those of its columns that are new; nothing changes where it is GROW or PACK."""
    table, block, ring, floor_ms = sensor
    newest = table[block[0]][runs.LAST]
    if at > newest:
        held = runs.rise(table, block, (at, columns), keep_ms, floor_ms)
        if held != runs.HELD:
            return _refusal(held), 0
        values.rise(ring, at, digest)
        return NEW, columns
    if at <= floor_ms[0]:
        return FORGOTTEN, 0
    known = runs.columns_at(table, block, at)
    new = columns if known < 0 else columns & ~known
    place = -1 if known < 0 else values.find(ring, newest - at, at)
    if known >= 0 and new == 0:
        changed = place >= 0 and values.differ(ring[1][place], digest, columns, known & ~columns)
        return CONFLICT if changed else DUPLICATE, 0
    held = runs.insert(table, block, (at, new), keep_ms, floor_ms)
    if held != runs.HELD:
        return _refusal(held), 0
    if known < 0:
        values.insert(ring, newest, at, digest)
    elif place >= 0:
        ring[1][place] = values.add(ring[1][place], digest, new, columns)
    return NEW if new == columns else PART, new


def _refusal(held: int) -> int:
    if held == runs.UNPACKED:
        return PACK
    return GROW if held == runs.NO_ROOM else FORGOTTEN
