"""What a city took in and what became of it, from the books: the `counts` of `status` and of a replay's report."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Counts(msgspec.Struct, kw_only=True):
    """Sums over all feeds; once the stream has drained, readings_in = in_frames + duplicates + all dead_lettered."""

    readings_in: int = 0
    in_frames: int = 0
    duplicates: int = 0
    dead_lettered: dict[str, int] = {}
    first_at: str | None = None
    last_at: str | None = None
    """Event times of the readings that were understood, ISO 8601 UTC."""

    @property
    def missing(self) -> int:
        """Readings taken in that have not come out anywhere yet."""
        return self.readings_in - self.in_frames - self.duplicates - sum(self.dead_lettered.values())


def counts_of(books: Mapping[str, Mapping[str, Any]]) -> Counts:
    """Add up the books of intake and the zone stage."""
    intake, zone = list(_of_stage(books, "intake")), list(_of_stage(books, "zone"))
    dead = Counter[str]()
    for book in intake:
        dead.update(book.get("dead_lettered", {}))
    dead["too_late"] += sum(book.get("too_late", 0) for book in zone)
    first = [book["first_at_ms"] for book in intake if book.get("first_at_ms") is not None]
    last = [book["last_at_ms"] for book in intake if book.get("last_at_ms") is not None]
    return Counts(
        readings_in=sum(book.get("readings_in", 0) for book in intake),
        in_frames=sum(book.get("in_frames", 0) for book in zone),
        duplicates=sum(book.get("duplicates", 0) for book in zone),
        dead_lettered={reason: count for reason, count in sorted(dead.items()) if count},
        first_at=_text(min(first)) if first else None,
        last_at=_text(max(last)) if last else None,
    )


def offsets_of(books: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str, int], int]:
    """Return how far each book goes: (stage, domain, partition) → next offset."""
    return {
        (book["stage"], book["domain"], book["partition"]): book["offset"] for book in books.values() if "stage" in book
    }


def _of_stage(books: Mapping[str, Mapping[str, Any]], stage: str) -> Iterator[Mapping[str, Any]]:
    return (book["counts"] for book in books.values() if book.get("stage") == stage)


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
