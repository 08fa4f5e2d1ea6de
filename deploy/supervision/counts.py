"""What a city took in and what became of it, from the books: the `counts` of `status` and of a replay's report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from deploy.terminal.timespan import iso_ms
from streams.accounts.feeds import audit, summed
from streams.accounts.losses import losses_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.accounts.losses import Loss


class Gone(msgspec.Struct, kw_only=True):
    """Records that Kafka had deleted before a stage read them."""

    by: str
    """The stage."""
    topic: str
    partition: int
    from_offset: int
    until_offset: int
    """Exclusive."""
    records: int
    after: str | None
    """They arrived after this …"""
    before: str
    """… and before this, ISO 8601 UTC, by Kafka's timestamps; None = not known."""


class Counts(msgspec.Struct, kw_only=True):
    """Sums over all feeds; once the stream has drained, readings_in = in_frames + duplicates + all dead_lettered.

    What is lost is in none of these: it was never read.
    """

    readings_in: int = 0
    in_frames: int = 0
    duplicates: int = 0
    dead_lettered: dict[str, int] = {}
    refused_values: dict[str, dict[str, int]] = {}
    """Column → reason → values that were refused while their readings were used: in no equation."""
    repeated_values: int = 0
    first_at: str | None = None
    last_at: str | None = None
    """Event times of the readings that were admitted, ISO 8601 UTC."""

    lost: int = 0
    """Records that Kafka had deleted before they were read, of all stages …"""
    losses: list[Gone] = []
    """… and which."""

    @property
    def missing(self) -> int:
        """Readings taken in that have not come out anywhere yet."""
        return self.readings_in - self.in_frames - self.duplicates - sum(self.dead_lettered.values())


def counts_of(books: Mapping[str, Mapping[str, Any]]) -> Counts:
    """Add up the books of all feeds."""
    feeds = audit(books)
    dead = Counter[str]()
    for feed in feeds:
        dead.update(feed.dead_lettered)
    losses = [gone(loss) for loss in losses_of(books)]
    first = [feed.first_at_ms for feed in feeds if feed.first_at_ms is not None]
    last = [feed.last_at_ms for feed in feeds if feed.last_at_ms is not None]
    return Counts(
        readings_in=sum(feed.readings_in for feed in feeds),
        in_frames=sum(feed.in_frames for feed in feeds),
        duplicates=sum(feed.duplicates for feed in feeds),
        dead_lettered=dict(sorted(dead.items())),
        refused_values=summed(feed.refused_values for feed in feeds),
        repeated_values=sum(feed.repeated_values for feed in feeds),
        first_at=iso_ms(min(first)) if first else None,
        last_at=iso_ms(max(last)) if last else None,
        lost=sum(one.records for one in losses),
        losses=losses,
    )


def gone(loss: Loss) -> Gone:
    """Tell a loss as programs read it."""
    return Gone(
        by=loss.lost_by,
        topic=loss.topic,
        partition=loss.partition,
        from_offset=loss.from_offset,
        until_offset=loss.to_offset,
        records=loss.records,
        after=None if loss.after_ms is None else iso_ms(loss.after_ms),
        before=iso_ms(loss.before_ms),
    )


def offsets_of(books: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str, int], int]:
    """Return how far each book goes: (stage, domain, partition) → next offset."""
    return {
        (book["stage"], book["domain"], book["partition"]): book["offset"] for book in books.values() if "stage" in book
    }
