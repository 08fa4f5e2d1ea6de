"""What a replay sends: which city, which period, and the rows in the order in which they go out."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLAN_FILE = "plan.json"


class Row(NamedTuple):
    """What goes to the inbox at one moment of the city's time."""

    at_ms: int
    """When it goes out; of a reading that was not late, its event time."""
    domain: str
    sensor: str
    """Whose partition it takes."""
    value: bytes
    """A JSON object, or what else stands in the recording, without line ends."""
    alone: bool = False
    """Whether it has to be a record by itself, as it was."""

    @property
    def place(self) -> tuple[str, str]:
        """Domain and sensor: all rows of these go to one partition."""
        return (self.domain, self.sensor)


class Plan(msgspec.Struct, frozen=True, kw_only=True, tag_field="reader"):
    """What a replay sends. Written beside the city folder, so that the feed's process finds it after each restart."""

    run: str = msgspec.field(default_factory=lambda: secrets.token_hex(8))
    """Marks this replay's records in the inbox; each `prepare` makes another."""
    city: str
    folder: str
    begin_ms: int
    until_ms: int
    """The period: begin_ms <= time of a row < until_ms."""
    first_at_ms: int
    last_at_ms: int
    """Time of the first and the last row."""
    rows: dict[str, int]
    """Domain → rows."""
    disorder_ms: dict[str, int] = {}
    """Domain → by how much its marks stay behind the rows, because earlier readings may follow; else 0."""
    found: tuple[str, ...]
    left_out: tuple[str, ...]
    """Sentences for the person who started it."""

    def read(self) -> Sequence[Row]:
        """Return the rows in the order in which they are sent."""
        raise NotImplementedError


P = TypeVar("P", bound=Plan)


def save(plan: P, city_folder: Path) -> P:
    """Write a plan beside its city."""
    (city_folder / PLAN_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(plan)))
    return plan


def epoch_ms(at: datetime) -> int:
    """Return epoch milliseconds, UTC where the time has no zone."""
    return round((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1000)


def minute_text(at_ms: int) -> str:
    """Write a time to the minute.

    >>> minute_text(60_000)
    '1970-01-01T00:01+00:00'
    """
    return f"{np.datetime_as_string(np.datetime64(at_ms, 'ms'), unit='m')}+00:00"  # also in a year that Python has not


def written(name: str) -> str:
    r"""Return a file's name as it can be said and stored: bytes in it that are no UTF-8 are escaped.

    >>> written("links.csv"), written("\udcb3.csv")
    ('links.csv', '\\xb3.csv')
    """
    return os.fsencode(name).decode(errors="backslashreplace")
