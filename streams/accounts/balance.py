"""Balance the books hour by hour, down to the rows that the history holds. Pure.

For each hour of a feed:

1. intake: readings_in = dead letters + rows sent;
2. rows sent = in_frames + duplicates + too_late of the zone stage;
3. each first-level processor: in_frames = used + dropped with a reason;
4. and what it counted = counts of its rows in the history, or of rows that it refused, + decided without a row +
   waiting in its windows.

1 and 3 compare numbers of one book and hold at any moment. 2 and 4 compare places that are never at one point while the
city runs: they are judged where nothing more can come for the hour (it is settled) or all stages stand level. Else what
is missing is on its way, and of 4 only what cannot be on its way is unaccounted for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.accounts.feeds import Feed, Processing, audit
from streams.accounts.stages import Ledger, Stages, hours_of, refused, stages_of, told
from streams.accounts.zone_hours import JOINED_LATER, SET_ASIDE
from streams.contract.durations import HOUR_MS
from streams.contract.spec import counting_metrics
from streams.sinks.history.store import hours_kept_from_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class _Hour:
    """One hour of one feed."""

    feed: Feed
    start_ms: int
    stages: Stages
    told: Mapping[tuple[str, str], int]
    refused: Mapping[tuple[str, str], int]
    ledger: Ledger

    @property
    def words(self) -> str:
        start = np.datetime_as_string(np.datetime64(self.start_ms, "ms"), unit="m", timezone="UTC", casting="unsafe")
        return f"{self.feed.domain}, hour {start}"


def account(of: Ledger, from_ms: int | None = None, until_ms: int | None = None) -> list[Feed]:
    """Balance every feed: its hours that touch [from, until), or all of them and its totals since the beginning."""
    whole, hourly = audit(of.books), {feed.domain: feed for feed in balance(of, from_ms, until_ms)}
    if from_ms is None and until_ms is None:
        return [_joined(feed, hourly[feed.domain]) for feed in whole]
    positions = {feed.domain: feed.positions for feed in whole}
    found = [feed for feed in hourly.values() if feed.readings_in or feed.in_frames or feed.unaccounted]
    for feed in found:
        feed.positions = positions[feed.domain]
    return found


def _joined(whole: Feed, hourly: Feed) -> Feed:
    """Tell a feed's totals with what its hours know; both may miss the same reading."""
    whole.problems += hourly.problems
    whole.unaccounted = max(whole.unaccounted, hourly.unaccounted)
    whole.processors, whole.to_store = hourly.processors, hourly.to_store
    whole.judged_until_ms = hourly.judged_until_ms
    return whole


def balance(of: Ledger, from_ms: int | None = None, until_ms: int | None = None) -> list[Feed]:
    """Balance, of every feed by name, the hours that touch [from, until) and are kept."""
    first_ms = hours_kept_from_ms(max(hours_of(of), default=0))
    wanted = [
        start_ms for start_ms in sorted(hours_of(of)) if start_ms >= first_ms and touches(start_ms, from_ms, until_ms)
    ]
    rows = {start_ms: (told(of, start_ms), refused(of, start_ms)) for start_ms in wanted}
    books_now = of.books_now()
    feeds = []
    for domain in sorted({book["domain"] for book in of.books.values() if book.get("stage") == "intake"}):
        feed, stages = Feed(domain), stages_of(of, domain, books_now)
        for start_ms in wanted:
            _judge(_Hour(feed, start_ms, stages, *rows[start_ms], of))
        feeds.append(feed)
    return feeds


def touches(start_ms: int, from_ms: int | None, until_ms: int | None) -> bool:
    """Whether an hour has an instant in [from, until).

    >>> [touches(0, 3_599_999, None), touches(0, 3_600_000, None), touches(0, None, 0), touches(0, None, 1)]
    [True, False, False, True]
    """
    return (until_ms is None or start_ms < until_ms) and (from_ms is None or start_ms + HOUR_MS > from_ms)


def _judge(hour: _Hour) -> None:
    """Add an hour to its feed, and say what does not balance."""
    feed, stages = hour.feed, hour.stages
    intake = [place.hours[hour.start_ms] for place in stages.intake if hour.start_ms in place.hours]
    zone = [place.hours[hour.start_ms] for place in stages.zone if hour.start_ms in place.hours]
    if not intake and not zone:
        return
    dead = Counter[str]()
    for book in intake:
        dead.update(book["dead_lettered"])
    read, sent = _sum(intake, "readings_in"), _sum(intake, "sent")
    feed.miss(read - dead.total() - sent, f"intake, {hour.words}: readings in, less dead letters and rows sent")
    dead["too_late"] += _sum(zone, "too_late")
    taken = sum(_sum(zone, name) for name in ("in_frames", "duplicates", "too_late"))
    exact = stages.is_exact(hour.start_ms)
    if exact:
        feed.miss(sent - taken, f"zones, {hour.words}: rows sent to them, less taken")
    else:
        feed.on_the_way += max(sent - taken, 0)
    feed.readings_in += read
    feed.in_frames += _sum(zone, "in_frames")
    feed.duplicates += _sum(zone, "duplicates")
    feed.repeated_values += sum(int(book.get("repeated_values", 0)) for book in zone)
    feed.dead_lettered = {reason: n for reason, n in sorted((dead + Counter(feed.dead_lettered)).items()) if n}
    for name in sorted({name for book in zone for name in book["processors"]}):
        exact &= _judge_processor(hour, name, zone)
    if not exact and feed.judged_until_ms is None:
        feed.judged_until_ms = hour.start_ms


def _judge_processor(hour: _Hour, name: str, zone: Sequence[Mapping[str, Any]]) -> bool:
    """Add what a processor did with an hour → whether it was judged to the last reading."""
    books = [book["processors"][name] for book in zone if name in book["processors"]]
    dropped = Counter[str]()
    for book in books:
        dropped.update(book["dropped"])
    dropped[JOINED_LATER] += sum(int(book["in_frames"]) for book in zone if name not in book["processors"])
    used, counted, decided, waiting = (_sum(books, what) for what in ("used", "counted", "decided", "waiting"))
    what = f"processor {name}, {hour.words}"
    hour.feed.miss(_sum(zone, "in_frames") - used - dropped.total(), f"{what}: rows in frames, less used and dropped")
    total = hour.feed.processors.setdefault(name, Processing())
    total.used += used
    total.counted += counted
    total.decided += decided
    total.waiting += waiting
    total.dropped = dict(sorted((dropped + Counter(total.dropped)).items()))
    spec = hour.ledger.specs.get(name)
    if spec is None or spec.waiting is None:
        return True
    sentence, expected = f"{what}: counted, less decided and waiting", counted - decided - waiting
    groups = counting_metrics(spec, hour.feed.domain)
    if not groups:
        hour.feed.miss(expected, sentence)
        return True
    in_rows = {_short(group): sum(hour.told[hour.feed.domain, metric] for metric in group) for group in groups}
    total.in_rows += min(in_rows.values())
    unstored = {_short(group): sum(hour.refused[hour.feed.domain, metric] for metric in group) for group in groups}
    total.refused += max(unstored.values())
    rests = {metric: expected - found - unstored[metric] for metric, found in in_rows.items()}
    if dropped[JOINED_LATER] or dropped[SET_ASIDE]:  # rows may stand there of a state before, or correct a silent one
        rests = {metric: max(rest, 0) for metric, rest in rests.items()}
    return _judge_rows(hour, f"{sentence}, less in rows of", rests)


def _judge_rows(hour: _Hour, sentence: str, rests: Mapping[str, int]) -> bool:
    """Judge what is missing in the rows (below 0: too much), metric by metric → whether to the last reading."""
    stored, later = hour.stages.is_stored(hour.start_ms), hour.stages.has_later(hour.start_ms)
    if not stored:  # rows may be on their way to the history
        hour.feed.to_store += max(max(rests.values()), 0)
        rests = {metric: min(rest, 0) for metric, rest in rests.items()}
    if later:  # rows may hold readings that the zones' books do not know of yet
        rests = {metric: max(rest, 0) for metric, rest in rests.items()}
    hour.feed.unaccounted += max(abs(rest) for rest in rests.values())
    hour.feed.problems += [f"{sentence} {metric}: off by {rest:+,}" for metric, rest in rests.items() if rest]
    return stored and not later


def _short(metrics: tuple[str, ...]) -> str:
    return metrics[0] if len(metrics) == 1 else "its columns"


def _sum(books: Iterable[Mapping[str, Any]], name: str) -> int:
    return sum(int(book[name]) for book in books)
