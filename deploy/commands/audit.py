"""`citywall audit`: the books of every feed, balanced up to the newest point that every stage has passed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

from deploy.terminal.timespan import add_range, iso

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from streams.accounts.feeds import Feed
    from streams.accounts.losses import Loss
    from streams.accounts.stages import Ledger
    from streams.sinks.history.store import History

Span: TypeAlias = "tuple[int | None, int | None]"

SUMMARY = "Balance the books of every feed: what came in, what became of it"
EPILOG = """\
Exit code 1 when a single reading is unaccounted for, or Kafka deleted records before a stage had read them. Needs no
running city: it reads the history.

What intake read = rows admitted + duplicates + dead letters; rows admitted = what each processor counts in the rows of
its windows, open ones and those that the history refused included, + what it dropped with a reason. Books are kept by
the hour, for as long as rows of minutes are (7 days): --from and --until are widened to whole hours, and the answer
says so. A reading counts at its event time; one without a usable time when it was sent; one that is too late at the
oldest time its feed still takes. "Up to" is the newest record of each inbox partition that every stage has passed;
later readings are on the way.

Values that cost themselves and not their readings (`refused_values`) are told beside, and are in no equation; they are
counted since the beginning, not by the hour.

Lost records are named with topic, partition, offsets and the times between which they arrived. With --from or --until
they fail the hours in which they may have arrived, or any where the city's time is not the wall's.
"""
BALANCED, UNBALANCED = 0, 1
EVER: Span = (None, None)
HEADER = ("feed", "readings in", "in frames", "duplicates", "dead letters", "on the way", "unaccounted", "up to offset")
TEXTS = {"feed", "processor", "up to offset"}
USES = ("processor", "feed", "used", "dropped", "counted", "in rows", "refused rows", "decided", "waiting")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the range and the form."""
    add_range(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Balance and print."""
    import msgspec

    from deploy.supervision.counts import gone
    from deploy.terminal.reading import data_of, history_of
    from streams.accounts.balance import account
    from streams.contract.durations import HOUR_MS
    from streams.errors import UnreachableError

    data = data_of(args)
    history = history_of(data)
    span = (
        None if args.from_ms is None else args.from_ms // HOUR_MS * HOUR_MS,
        None if args.until_ms is None else -(-args.until_ms // HOUR_MS) * HOUR_MS,
    )
    try:
        of = _ledger(history, data)
        feeds, books = account(of, *span), of.books
    finally:
        history.close()
    if not feeds and not books:
        raise UnreachableError(f"{data}: there are no books yet; they come with the first readings")
    losses = _losses(books, data, span)
    balanced = not losses and not any(feed.unaccounted for feed in feeds)
    if args.json:
        edges = {
            name: None if at_ms is None else iso(at_ms) for name, at_ms in zip(("from", "until"), span, strict=True)
        }
        lost = {"lost": sum(one.records for one in losses), "losses": [gone(one) for one in losses]}
        answer = {"balanced": balanced, **edges, **lost, "feeds": [_plain(feed, whole=span == EVER) for feed in feeds]}
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    else:
        print("\n".join(_screen(feeds, losses, span, (args.from_ms, args.until_ms))))
    return BALANCED if balanced else UNBALANCED


def _ledger(history: History, data: Path) -> Ledger:
    from deploy.config import run
    from deploy.config.components import discover
    from streams.accounts.stages import Ledger, domains_of
    from streams.city.registry import load_city

    city = load_city(run.read(data).city_path)
    books = history.books()

    def held(metric: str, entity: str, window_s: int, at_ms: int) -> tuple[int, int] | None:
        rows = history.read(metric, entity, at_ms, at_ms + 1, window_s)
        return (int(rows.revision[0]), int(rows.count[0])) if len(rows) else None

    return Ledger(books, history.hours(), history.counts, history.books, discover(), domains_of(city), held)


def _losses(books: Mapping[str, Mapping[str, Any]], data: Path, span: Span) -> list[Loss]:
    """Return what was lost in the hours asked for, booked or not; arrivals have the wall's time, no other."""
    from deploy.config import run as runs
    from deploy.supervision.unbooked import unbooked
    from streams.accounts.losses import losses_of

    run, booked = runs.read(data), losses_of(books)
    told = run.mode != "replay" and run.speed == 1
    return [one for one in [*booked, *unbooked(data, booked)] if not told or one.touches(*span)]


def _plain(feed: Feed, *, whole: bool) -> dict[str, Any]:
    return {
        "feed": feed.domain,
        "readings_in": feed.readings_in,
        "in_frames": feed.in_frames,
        "duplicates": feed.duplicates,
        "dead_lettered": feed.dead_lettered,
        "refused_values": feed.refused_values if whole else None,
        "repeated_values": feed.repeated_values,
        "on_the_way": feed.on_the_way,
        "to_store": feed.to_store,
        "unaccounted": feed.unaccounted,
        "first_at": None if feed.first_at_ms is None else iso(feed.first_at_ms),
        "last_at": None if feed.last_at_ms is None else iso(feed.last_at_ms),
        "exact_until": None if feed.judged_until_ms is None else iso(feed.judged_until_ms),
        "processors": {name: asdict(one) for name, one in feed.processors.items()},
        "up_to": [
            {"partition": one.partition, "offset": one.every_stage, "intake_offset": one.intake}
            for one in feed.positions
        ],
        "problems": feed.problems,
    }


def _screen(feeds: list[Feed], losses: list[Loss], span: Span, asked: Span) -> list[str]:
    lines = []
    if span != asked:
        edges = ("the beginning" if span[0] is None else iso(span[0]), "now" if span[1] is None else iso(span[1]))
        lines.append(f"whole hours: from {edges[0]} until {edges[1]}")
    busy = [feed for feed in feeds if feed.readings_in or feed.unaccounted]
    lost = [_lost(one) for one in losses]
    if not feeds:
        return [*lines, *lost, "no readings in these hours"]
    lines += _table([HEADER, *(_row(feed) for feed in busy), *([_total(busy)] if len(busy) > 1 else [])])
    if len(busy) < len(feeds):
        lines.append(f"no readings: {', '.join(feed.domain for feed in feeds if feed not in busy)}")
    uses = [_use(name, feed) for feed in busy for name in feed.processors]
    lines += ["", *_table([USES, *uses]), ""] if uses else []
    lines += [
        f"{feed.domain}: hours before {iso(feed.judged_until_ms)} are judged to the last reading; of later ones, "
        f"{feed.on_the_way:,} rows are on the way to the zones and {feed.to_store:,} to the history"
        for feed in busy
        if feed.judged_until_ms is not None
    ]
    lines += [line for feed in busy for line in _values(feed)]
    lines += [problem for feed in feeds for problem in feed.problems] + lost
    missing, gone = sum(feed.unaccounted for feed in feeds), sum(one.records for one in losses)
    read = "every reading that was read is accounted for" if gone else "every reading is accounted for"
    lines.append(f"{missing:,} readings are unaccounted for" if missing else read)
    return [*lines, f"{gone:,} records are lost"] if gone else lines


def _values(feed: Feed) -> list[str]:
    """Tell the single values that readings lost, which are in no equation; hours have none of the refused ones."""
    refused = [
        f"{column}: {reason} {count:,}" for column, of in feed.refused_values.items() for reason, count in of.items()
    ]
    told = [f"{feed.domain}: values refused, their readings used: {', '.join(refused)}"] if refused else []
    if feed.repeated_values:
        told.append(f"{feed.domain}: {feed.repeated_values:,} values came again in readings that brought others")
    return told


def _lost(one: Loss) -> str:
    after = "" if one.after_ms is None else f"after {iso(one.after_ms)} and "
    return (
        f"{one.topic}, partition {one.partition}: Kafka deleted {one.records:,} records (offsets {one.from_offset:,} "
        f"to {one.to_offset - 1:,}) before {one.lost_by} had read them; they arrived {after}before {iso(one.before_ms)}"
    )


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Align columns: numbers right, `TEXTS` left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = [column for column, name in enumerate(rows[0]) if name in TEXTS]
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _row(feed: Feed) -> tuple[str, ...]:
    places = ", ".join(f"{one.partition}:{one.every_stage}" for one in feed.positions)
    newest = "" if feed.last_at_ms is None else f" (events to {iso(feed.last_at_ms)})"
    return (feed.domain, *_numbers([feed]), places + newest)


def _total(feeds: list[Feed]) -> tuple[str, ...]:
    return ("all", *_numbers(feeds), "")


def _numbers(feeds: list[Feed]) -> list[str]:
    names = ("readings_in", "in_frames", "duplicates", "dead", "on_the_way", "unaccounted")
    numbers = {name: sum(getattr(feed, name) for feed in feeds) for name in names if name != "dead"}
    numbers["dead"] = sum(sum(feed.dead_lettered.values()) for feed in feeds)
    return [f"{numbers[name]:,}" for name in names]


def _use(name: str, feed: Feed) -> tuple[str, ...]:
    one = feed.processors[name]
    dropped = sum(one.dropped.values())
    numbers = (one.used, dropped, one.counted, one.in_rows, one.refused, one.decided, one.waiting)
    return (name, feed.domain, *(f"{number:,}" for number in numbers))
