"""What Kafka deleted before a stage had read it: the book of a loss, and what all of them say together. Pure.

A loss is told by its stage, partition and first offset, so told again it is the same book; two that overlap, because a
stage began anew from an older state, are one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from streams.broker import topics
from streams.contract.stage import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "lost:"
"""Keys on `city.books.v1`: `lost:<stage>:<topic>:<partition>:<first offset>`."""


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Records that are gone, all offsets in [from, to); whatever stood at them."""

    lost_by: str
    """The stage that should have read them."""
    topic: str
    partition: int
    from_offset: int
    to_offset: int
    after_ms: int | None
    """Arrival (Kafka's timestamp) of the last record read before them, None = not known …"""
    before_ms: int
    """… and of the first one behind them; where there is none, when the loss was noticed."""
    noticed_ms: int

    @property
    def records(self) -> int:
        """How many offsets are gone."""
        return self.to_offset - self.from_offset

    def touches(self, from_ms: int | None, until_ms: int | None) -> bool:
        """Whether one of them may have arrived in [from, until)."""
        begins = until_ms is None or self.after_ms is None or self.after_ms < until_ms
        return begins and (from_ms is None or self.before_ms >= from_ms)


def to_message(loss: Loss) -> Message:
    """Return its book."""
    key = f"{PREFIX}{loss.lost_by}:{loss.topic}:{loss.partition}:{loss.from_offset}"
    return Message(topics.BOOKS, key.encode(), msgspec.json.encode(loss), 0)


def losses_of(books: Mapping[str, Mapping[str, Any]]) -> list[Loss]:
    """Read the losses among all books, by stage, topic, partition and offset; no offset counts twice."""
    return _joined(msgspec.convert(book, Loss) for key, book in books.items() if key.startswith(PREFIX))


def _joined(losses: Iterable[Loss]) -> list[Loss]:
    found: list[Loss] = []
    for one in sorted(losses, key=lambda loss: (loss.lost_by, loss.topic, loss.partition, loss.from_offset)):
        last = found[-1] if found else None
        if last is not None and _place(last) == _place(one) and one.from_offset < last.to_offset:
            found[-1] = replace(
                last,
                to_offset=max(last.to_offset, one.to_offset),
                before_ms=max(last.before_ms, one.before_ms),
                noticed_ms=max(last.noticed_ms, one.noticed_ms),
            )
        else:
            found.append(one)
    return found


def _place(loss: Loss) -> tuple[str, str, int]:
    return loss.lost_by, loss.topic, loss.partition
