"""What is stored of the hours: each stage's books, how far it is, and what the history's rows count. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.accounts import ledger, refused_rows
from streams.accounts.feeds import of_stage
from streams.contract.durations import HOUR_MS
from streams.contract.spec import counting_metrics
from streams.domains.schema import ROADS, late_limit_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Set

    from streams.accounts.refused_rows import Held
    from streams.city.registry import City
    from streams.contract.spec import Spec

SUMS = frozenset({"zone", "city"})
"""`zone:…` and `city:…` are entities of the second level."""


@dataclass(frozen=True)
class Ledger:
    """All that is stored of the hours."""

    books: Mapping[str, Mapping[str, Any]]
    settled: Mapping[str, Mapping[str, Any]]
    """Books of settled hours, by key (`streams.accounts.ledger`)."""
    counts: Callable[[int, int], Mapping[tuple[str, str], int]]
    """`History.counts`; the city may run on while it counts …"""
    books_now: Callable[[], Mapping[str, Mapping[str, Any]]]
    """… so `History.books` is asked again behind it for how far the rows may have come."""
    specs: Mapping[str, Spec]
    domain_of: Mapping[str, str]
    """Segment or sensor → domain whose first level makes its rows."""
    held: Held = lambda *_: None
    """What the history holds of a row that it once refused."""


@dataclass(frozen=True)
class Place:
    """The books of one stage in one partition, and how far it is."""

    partition: int
    mark_ms: int | None
    """None: it has no zones."""
    emitted: int
    """Zone stage: one above the offset of the frame that last made rows."""
    hours: Mapping[int, Mapping[str, Any]]
    settled: frozenset[int]
    limit_ms: int
    """How long after its hour a reading may come: its domain's late limit, and the longest lag of its sensors."""

    def is_settled(self, hour_ms: int) -> bool:
        """Whether nothing can be added to an hour any more."""
        past = self.mark_ms is None or bool(ledger.settled([hour_ms], self.mark_ms, self.limit_ms))
        return past or hour_ms in self.settled

    def is_ahead(self, hour_ms: int) -> bool:
        """Whether an hour's last word is newer than the book: that of its partition comes behind it."""
        return hour_ms in self.settled and not (
            self.mark_ms is None or ledger.settled([hour_ms], self.mark_ms, self.limit_ms)
        )

    def emitted_of(self, hour_ms: int) -> int:
        """Return what must be stored for all rows of an hour to be there, as far as the book knows them."""
        return int(self.hours[hour_ms]["emitted"]) if hour_ms in self.settled else self.emitted


@dataclass(frozen=True)
class Stages:
    """One domain's books."""

    intake: list[Place]
    zone: list[Place]
    stored: Mapping[int, int]
    """Readings partition → up to where all of its rows are stored, when the books were read."""
    begun: Mapping[int, int]
    """Readings partition → up to where rows may be stored, when the rows had been counted."""
    is_whole: bool
    """No partition's book is missing."""
    is_level: bool
    """And the zones stand where intake does."""

    def is_settled(self, hour_ms: int) -> bool:
        """Whether every stage has passed an hour for good."""
        return self.is_whole and all(place.is_settled(hour_ms) for place in (*self.intake, *self.zone))

    def is_exact(self, hour_ms: int) -> bool:
        """Whether what intake sent of an hour and what the zones took are of the same moment, or final."""
        ahead = any(place.is_ahead(hour_ms) for place in (*self.intake, *self.zone))
        return self.is_settled(hour_ms) or (self.is_level and not ahead)

    def is_stored(self, hour_ms: int) -> bool:
        """Whether the history holds every row of an hour that the zones' books know of."""
        return all(self.stored.get(place.partition, 0) >= place.emitted_of(hour_ms) for place in self.zone)

    def has_later(self, hour_ms: int) -> bool:
        """Whether the history may hold rows of an hour that the zones' books do not know of yet."""
        return not self.is_whole or any(
            not place.is_settled(hour_ms) and self.begun.get(place.partition, 0) > place.emitted_of(hour_ms)
            for place in self.zone
        )


def hours_of(of: Ledger) -> set[int]:
    """Return the hours that any book speaks of."""
    settled = {ledger.parse_key(key)[-1] for key in of.settled}
    return settled | {int(start_ms) for book in of.books.values() for start_ms in book.get("hours", ())}


def domains_of(city: City) -> dict[str, str]:
    """Return whose first level makes the rows of each segment and sensor."""
    sensors = {sensor.id: sensor.domain for sensor in city.sensors}
    return sensors | {segment.id: ROADS for segment in city.segments}


def stages_of(of: Ledger, domain: str, books_now: Mapping[str, Mapping[str, Any]]) -> Stages:
    """Read one domain's books; `books_now` are those behind the count of the rows."""
    intake, zone = (of_stage(of.books, stage, domain) for stage in ("intake", "zone"))
    partitions = {int(partition) for book in zone for partition in book["counts"]["sources"]}
    is_whole = all({int(book["partition"]) for book in books} == partitions for books in (intake, zone))
    stands = [
        int(book["offset"]) - 1 == source["through"] == source["furthest"]
        for book in intake
        for source in _sources(zone, int(book["partition"]))
    ]
    return Stages(
        [_place(of, book) for book in intake],
        [_place(of, book) for book in zone],
        {int(book["partition"]): int(book["offset"]) for book in of_stage(of.books, "history", domain)},
        {int(book["partition"]): int(book["begun"]) for book in of_stage(books_now, "history", domain)},
        is_whole,
        is_whole and bool(stands) and all(stands),
    )


def _sources(zone: Iterable[Mapping[str, Any]], partition: int) -> list[Mapping[str, int]]:
    nothing = {"through": -1, "furthest": -1}
    return [book["counts"]["sources"].get(str(partition), nothing) for book in zone if book.get("mark_ms") is not None]


def _place(of: Ledger, book: Mapping[str, Any]) -> Place:
    where = (book["stage"], book["domain"], int(book["partition"]))
    keys = {key: ledger.parse_key(key) for key in of.settled}
    settled = {start_ms: of.settled[key] for key, (*place, start_ms) in keys.items() if tuple(place) == where}
    hours = {int(start_ms): hour for start_ms, hour in book.get("hours", {}).items()} | settled
    emitted, limit_ms = int(book.get("emitted", 0)), int(book.get("limit_ms", late_limit_ms(book["domain"])))
    return Place(where[-1], book.get("mark_ms"), emitted, hours, frozenset(settled), limit_ms)


def told(of: Ledger, hour_ms: int) -> Counter[tuple[str, str]]:
    """Add up what the first level's rows of an hour count → (domain, metric) → readings or values."""
    return _by_domain(of, of.counts(hour_ms, hour_ms + HOUR_MS))


def refused(of: Ledger, hour_ms: int) -> Counter[tuple[str, str]]:
    """Add up the same of the rows that the history refused."""
    return _by_domain(of, refused_rows.counts(of.settled, hour_ms, of.held))


def _by_domain(of: Ledger, counts: Mapping[tuple[str, str], int]) -> Counter[tuple[str, str]]:
    domains = {metric: _domains(of, metric) for metric in dict.fromkeys(metric for metric, _ in counts)}
    found = Counter[tuple[str, str]]()
    for (metric, entity), count in counts.items():
        found[_domain(of, domains[metric], entity), metric] += count
    return found


def _domain(of: Ledger, domains: Set[str], entity: str) -> str:
    """Return the domain whose first level makes a row, "" where none does; `domains` are those of its metric.

    A sensor that was taken out of the city, or is of another domain now, has no other word for it.
    """
    kind, colon, rest = entity.partition(":")
    if kind == "feed":
        domain, of_zone, _ = rest.partition(":")
        return domain if of_zone else ""
    if colon and kind in SUMS:
        return ""
    known = of.domain_of.get(entity, "")
    return next(iter(domains)) if len(domains) == 1 else known


def _domains(of: Ledger, metric: str) -> set[str]:
    """Return the domains of which a first-level processor counts by a metric."""
    return {
        domain
        for spec in of.specs.values()
        for domain in spec.taken()
        if not spec.second_level and any(metric in group for group in counting_metrics(spec, domain))
    }
