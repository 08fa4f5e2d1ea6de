"""What the newest times of one sensor brought, as digests: enough to tell whether a repeat has other values.

A digest has `FIELDS` fields of `FIELD_BITS` bits; a column's hash stands in field (its bit % FIELDS). Where a field
holds columns that a repeat has not, nothing is said of it: a conflict is never invented, one in 2^FIELD_BITS is missed.
A sensor's digests lie in a ring, rising by time from `place`, the next to be overwritten.

Plain Python over rows of lists and, compiled, over rows of arrays, as `streams.kernel.runs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from streams.kernel.verdicts import REMEMBERED

if TYPE_CHECKING:
    Ring: TypeAlias = "tuple[Any, Any, Any]"
    """(REMEMBERED,) low bits of times, (REMEMBERED,) digests, (1,) place."""

FIELDS = 6
FIELD_BITS = 10
TAKEN = 1 << 62
"""Bit of every digest in use, so that none is 0."""
KNOWN = 1 << 61
"""Bit of a digest that can be compared."""
NO_VALUE = TAKEN | KNOWN
"""Digest of a row without any value."""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
TIME_BITS = (1 << 32) - 1
"""A time is told by its low bits: 49 days. Only the judgement on values hangs on them, not what is taken."""


def rise(ring: Ring, at: int, digest: int) -> None:
    """Keep the digest of a time newer than all."""
    times, digests, place = ring
    times[place[0]] = at & TIME_BITS
    digests[place[0]] = digest
    place[0] = (place[0] + 1) % REMEMBERED


def insert(ring: Ring, newest: int, at: int, digest: int) -> None:
    """Keep the digest of a time older than the newest, in its order; a full ring takes none older than all of its."""
    times, digests, place = ring
    age = newest - at
    newer = 0
    while newer < REMEMBERED:
        one = (place[0] + REMEMBERED - 1 - newer) % REMEMBERED
        if not digests[one] & TAKEN or ((newest - times[one]) & TIME_BITS) >= age:
            break
        newer += 1
    if newer == REMEMBERED:
        return
    one = place[0]
    place[0] = (one + 1) % REMEMBERED
    for _ in range(newer):
        before = (one + REMEMBERED - 1) % REMEMBERED
        times[one] = times[before]
        digests[one] = digests[before]
        one = before
    times[one] = at & TIME_BITS
    digests[one] = digest


def find(ring: Ring, age: int, at: int) -> int:
    """Return where the digest of a time stands, -1 = nowhere."""
    times, digests, _ = ring
    if age <= TIME_BITS:
        for one in range(REMEMBERED):
            if times[one] == at & TIME_BITS and digests[one] & TAKEN:
                return one
    return -1


def add(known: int, digest: int, new: int, columns: int) -> int:
    """Return the digest of a time to which a row of `columns` adds the `new` ones."""
    if columns != new:
        repeated = fields(columns & ~new)
        if repeated & fields(new):
            return known & ~KNOWN
        digest &= mask(fields(new))
    return known ^ (digest & ~(TAKEN | KNOWN))


def differ(known: int, digest: int, columns: int, others: int) -> bool:
    """Whether a repeat of `columns` has other values; `others` are further columns known of its time."""
    return bool(known & KNOWN) and ((known ^ digest) & mask(fields(columns) & ~fields(others))) != 0


def fields(columns: int) -> int:
    """Return the fields in which columns stand, a bit each."""
    found = 0
    while columns:
        found |= columns & ((1 << FIELDS) - 1)
        columns >>= FIELDS
    return found


def mask(which: int) -> int:
    """Return all bits of fields."""
    found = 0
    for field in range(FIELDS):
        if which >> field & 1:
            found |= ((1 << FIELD_BITS) - 1) << field * FIELD_BITS
    return found
