"""Columns of text for a terminal, in which a Chinese character takes two places."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


def aligned(rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Return a line for each row, its cells under each other; the columns in `right` end together.

    >>> aligned([["车速", "1"], ["on", "23"]], right=[1])
    ['车速   1', 'on    23']
    """
    table = [list(row) for row in rows]
    widths = [max(width(row[column]) for row in table) for column in range(len(table[0]))] if table else []
    return [
        "  ".join(
            " " * (size - width(cell)) + cell if column in right else padded(cell, size)
            for column, (cell, size) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def padded(text: str, size: int) -> str:
    """Fill up with blanks to a width."""
    return text + " " * (size - width(text))


def width(text: str) -> int:
    """Return the places a terminal needs."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
