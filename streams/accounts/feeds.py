"""Balance the books: what became of every reading, feed by feed. Pure.

Each equation holds at any moment, because it compares numbers of one place in one feed's inbox partition:

1. intake: readings_in = dead letters + rows sent to the zones;
2. zone stage, per source: rows sent, as the frames themselves say, up to the last one absorbed = taken (in_frames +
   duplicates + too_late);
3. rows that intake has sent and no zone has absorbed are on the way; where the zones have passed intake's own place in
   the inbox there are none;
4. each first-level processor of the feed: in_frames = used + dropped with a reason.

What breaks one of them is unaccounted for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass
class Position:
    """How far the stages have come in one inbox partition: offsets of the last record taken, -1 = none."""

    partition: int
    intake: int
    every_stage: int
    on_the_way: int


@dataclass
class Processing:
    """What became of a feed's admitted readings in one processor; see `streams.contract.spec.Spec.waiting`."""

    used: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    counted: int = 0
    in_rows: int = 0
    refused: int = 0
    """In rows that the history refused."""
    decided: int = 0
    waiting: int = 0


@dataclass
class Feed:
    """What became of one domain's readings."""

    domain: str
    readings_in: int = 0
    in_frames: int = 0
    duplicates: int = 0
    dead_lettered: dict[str, int] = field(default_factory=dict)
    refused_values: dict[str, dict[str, int]] = field(default_factory=dict)
    """Column → reason → values that cost themselves and not their readings: in no equation."""
    repeated_values: int = 0
    """Values that admitted readings brought again; in no term of an equation."""
    on_the_way: int = 0
    to_store: int = 0
    """Counts in rows that zones have made and the history does not hold yet; hours alone tell."""
    processors: dict[str, Processing] = field(default_factory=dict)
    judged_until_ms: int | None = None
    """The first hour that is not judged to the last reading, because something is on its way; None: all are."""
    unaccounted: int = 0
    first_at_ms: int | None = None
    last_at_ms: int | None = None
    positions: list[Position] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """A sentence for each equation that does not hold."""

    def miss(self, count: int, sentence: str) -> None:
        """Note that an equation is off by `count`."""
        if count:
            self.unaccounted += abs(count)
            self.problems.append(f"{sentence}: off by {count:+,}")


def audit(books: Mapping[str, Mapping[str, Any]]) -> list[Feed]:
    """Balance every feed that has books, by name."""
    domains = sorted({book["domain"] for book in books.values() if book.get("stage") == "intake"})
    return [
        _audit_feed(domain, of_stage(books, "intake", domain), of_stage(books, "zone", domain)) for domain in domains
    ]


def of_stage(books: Mapping[str, Mapping[str, Any]], stage: str, domain: str) -> list[Mapping[str, Any]]:
    """List one stage's books of a domain, by partition."""
    found = [book for book in books.values() if book.get("stage") == stage and book["domain"] == domain]
    return sorted(found, key=lambda book: int(book["partition"]))


def _audit_feed(domain: str, intake: list[Mapping[str, Any]], zone: list[Mapping[str, Any]]) -> Feed:
    feed = Feed(domain)
    _add_up(feed, [book["counts"] for book in intake], [book["counts"] for book in zone])
    for book in intake:
        counts, partition = book["counts"], int(book["partition"])
        rest = counts["readings_in"] - sum(counts["dead_lettered"].values()) - counts["sent"]
        feed.miss(rest, f"intake, {domain} partition {partition}: readings in, less dead letters and rows sent")
        _follow(feed, partition, int(book["offset"]) - 1, counts["sent"], zone)
    for book in zone:
        for name, processor in book["counts"]["processors"].items():
            rest = book["counts"]["in_frames"] - processor["used"] - sum(processor["dropped"].values())
            feed.miss(rest, f"processor {name}, {domain}: rows in frames, less used and dropped")
    return feed


def _follow(feed: Feed, partition: int, intake_at: int, sent: int, zone: list[Mapping[str, Any]]) -> None:
    """Compare what intake sent from an inbox partition with what the zones took of it."""
    sources = [book["counts"]["sources"].get(str(partition), NOTHING) for book in zone] or [NOTHING]
    for source in sources:
        rest = source["sent"] - source["taken"]
        feed.miss(rest, f"zones, {feed.domain} from inbox partition {partition}: rows sent to them, less taken")
    slowest = min(source["through"] for source in sources)
    furthest = max(source["furthest"] for source in sources)
    rest = sent - sum(source["sent"] for source in sources)
    sentence = f"{feed.domain} partition {partition}: rows that intake sent and no zone absorbed"
    if slowest >= intake_at:
        feed.miss(rest if furthest == intake_at else max(rest, 0), sentence)
        rest = 0
    elif furthest <= intake_at:
        feed.miss(min(rest, 0), sentence)
    feed.positions.append(Position(partition, intake_at, min(slowest, intake_at), max(rest, 0)))
    feed.on_the_way += max(rest, 0)


NOTHING = {"through": -1, "furthest": -1, "sent": 0, "taken": 0}
"""A source of which the zones have not seen anything."""


def _add_up(feed: Feed, intake: list[Mapping[str, Any]], zone: list[Mapping[str, Any]]) -> None:
    dead = Counter[str]()
    for counts in intake:
        dead.update(counts["dead_lettered"])
    dead["too_late"] += sum(counts["too_late"] for counts in zone)
    feed.dead_lettered = {reason: count for reason, count in sorted(dead.items()) if count}
    feed.refused_values = summed(counts.get("refused_values", {}) for counts in intake)
    feed.readings_in = sum(counts["readings_in"] for counts in intake)
    feed.in_frames = sum(counts["in_frames"] for counts in zone)
    feed.duplicates = sum(counts["duplicates"] for counts in zone)
    feed.repeated_values = sum(counts.get("repeated_values", 0) for counts in zone)
    feed.first_at_ms = min(_known(counts["first_at_ms"] for counts in intake), default=None)
    feed.last_at_ms = max(_known(counts["last_at_ms"] for counts in intake), default=None)


def summed(many: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """Add up counts of column → reason → values, by name.

    >>> summed([{"wind_m_s": {"out_of_range": 2}}, {"wind_m_s": {"out_of_range": 1, "not_finite": 4}}])
    {'wind_m_s': {'not_finite': 4, 'out_of_range': 3}}
    """
    total: dict[str, Counter[str]] = {}
    for counts in many:
        for column, reasons in counts.items():
            total.setdefault(column, Counter()).update(reasons)
    return {column: dict(sorted(reasons.items())) for column, reasons in sorted(total.items())}


def _known(times: Iterable[int | None]) -> list[int]:
    return [at_ms for at_ms in times if at_ms is not None]
