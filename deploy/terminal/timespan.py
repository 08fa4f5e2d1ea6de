"""The options `--from` and `--until` of commands that read history: event times, ISO 8601, until exclusive."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_range(parser: argparse.ArgumentParser) -> None:
    """Add both; they become `from_ms` and `until_ms`, epoch ms or None."""
    parser.add_argument(
        "--from",
        dest="from_ms",
        type=epoch_ms,
        metavar="T",
        help="from this event time on, ISO 8601, UTC without a zone",
    )
    parser.add_argument("--until", dest="until_ms", type=epoch_ms, metavar="T", help="before this event time")


def epoch_ms(text: str) -> int:
    """Read a time.

    >>> epoch_ms("1970-01-01T08:00:01+08:00")
    1000
    """
    return round(moment(text).timestamp() * 1000)


def moment(text: str) -> datetime:
    """Read the same as an aware time in UTC; one that is of a year beyond 1 to 9999 there is none."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no ISO 8601 time, such as 2014-08-20T07:30Z") from None


def iso(at_ms: int) -> str:
    """Write a time in UTC; milliseconds where there are any.

    >>> iso(1000), iso(1001)
    ('1970-01-01T00:00:01Z', '1970-01-01T00:00:01.001Z')
    """
    text = iso_ms(at_ms)
    return text if at_ms % 1000 else text.replace(".000Z", "Z")


def iso_ms(at_ms: int) -> str:
    """Write a time in UTC with its milliseconds, also one in a year that no calendar of Python's has.

    >>> iso_ms(1000), iso_ms(-62_135_647_200_000)
    ('1970-01-01T00:00:01.000Z', '0000-12-31T10:00:00.000Z')
    """
    import numpy as np  # half of the commands need no numpy, and it takes a while to import

    return str(np.datetime_as_string(np.datetime64(at_ms, "ms"), timezone="UTC"))
