"""Refused readings and refused values of decoded rows, each with its own bytes as they came. Pure."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, islice
from typing import TYPE_CHECKING

import numpy as np

from streams.intake.decode import MOST_REFUSED, Refused, originals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.contract.stage import Record
    from streams.intake.columns import Columns

CHECKS = ("unknown_sensor", "future")
"""What decoded readings are refused for, in the order of the checks."""
UNTIMED = ("future",)
"""What these refuse has no time that can be used."""


def of_rows(
    rows: Columns, records: Sequence[Record], reason: NDArray[np.int8], book_ms: NDArray[np.int64]
) -> list[tuple[int, Refused]]:
    """Return what `CHECKS` refuse: at most `MOST_REFUSED` of a record, the last with its bytes for all the rest.

    `reason` is (n,) the number of the check that refuses each row, 0 = none; `book_ms` is (n,) when it counts.
    """
    refused = []
    for record, bad_rows in groupby(np.flatnonzero(reason).tolist(), key=lambda row: int(rows.record[row])):
        value = records[record].value or b""
        payloads = originals(value)
        for row in islice(bad_rows, MOST_REFUSED):
            place, why = int(rows.place[row]), CHECKS[reason[row] - 1]
            payload = payloads[place] if place < len(payloads) else value
            at_ms = None if why in UNTIMED else int(book_ms[row])
            refused.append((record, Refused(place, why, payload, at_ms)))
        if next(bad_rows, None) is not None:
            refused[-1] = (record, replace(refused[-1][1], payload=value))
    return refused


def of_values(
    chosen: Sequence[tuple[int, str, str]], rows: Columns, records: Sequence[Record]
) -> list[tuple[int, Refused]]:
    """Return the chosen (row, column, reason) of refused values, by row, each with its whole reading."""
    refused = []
    for record, of_record in groupby(chosen, key=lambda one: int(rows.record[one[0]])):
        value = records[record].value or b""
        payloads = originals(value)
        for row, column, reason in of_record:
            place = int(rows.place[row])
            payload = payloads[place] if place < len(payloads) else value
            refused.append((record, Refused(place, reason, payload, column=column)))
    return refused
