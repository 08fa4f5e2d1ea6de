"""`citywall audit`: the books of every feed, balanced up to the newest point that every stage has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.timespan import add_range, iso

if TYPE_CHECKING:
    import argparse

    from streams.sinks.history.books import Feed

SUMMARY = "Balance the books of every feed: what came in, what became of it"
EPILOG = """\
Exit code 1 when a single reading is unaccounted for. Needs no running city: it reads the history.

Books are counted from the beginning of the data folder and cannot be cut by time: --from and --until choose the feeds
that have event times in the range, and each is balanced as a whole; one that reaches beyond the range is marked.
"Up to" is the newest record of each inbox partition that every stage has passed; later readings are on the way.
"""
BALANCED, UNBALANCED = 0, 1
HEADER = ("feed", "readings in", "in frames", "duplicates", "dead letters", "on the way", "unaccounted", "up to offset")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the range and the form."""
    add_range(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Balance and print."""
    import msgspec

    from deploy.reading import data_of, history_of
    from streams.errors import UnreachableError
    from streams.sinks.history.books import audit

    data = data_of(args)
    history = history_of(data)
    try:
        feeds = audit(history.books())
    finally:
        history.close()
    if not feeds:
        raise UnreachableError(f"{data}: there are no books yet; they come with the first readings")
    chosen = [feed for feed in feeds if _reaches_into(feed, args.from_ms, args.until_ms)]
    balanced = not any(feed.unaccounted for feed in chosen)
    if args.json:
        answer = {"balanced": balanced, "feeds": [_plain(feed, args) for feed in chosen]}
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    else:
        print("\n".join(_screen(chosen, args)))
    return BALANCED if balanced else UNBALANCED


def _reaches_into(feed: Feed, from_ms: int | None, until_ms: int | None) -> bool:
    if feed.first_at_ms is None or feed.last_at_ms is None:
        return True
    return (until_ms is None or feed.first_at_ms < until_ms) and (from_ms is None or feed.last_at_ms >= from_ms)


def _reaches_beyond(feed: Feed, from_ms: int | None, until_ms: int | None) -> bool:
    if feed.first_at_ms is None or feed.last_at_ms is None:
        return from_ms is not None or until_ms is not None
    before = from_ms is not None and feed.first_at_ms < from_ms
    return before or (until_ms is not None and feed.last_at_ms >= until_ms)


def _plain(feed: Feed, args: argparse.Namespace) -> dict[str, Any]:
    return {
        "feed": feed.domain,
        "readings_in": feed.readings_in,
        "in_frames": feed.in_frames,
        "duplicates": feed.duplicates,
        "dead_lettered": feed.dead_lettered,
        "on_the_way": feed.on_the_way,
        "unaccounted": feed.unaccounted,
        "first_at": None if feed.first_at_ms is None else iso(feed.first_at_ms),
        "last_at": None if feed.last_at_ms is None else iso(feed.last_at_ms),
        "beyond_range": _reaches_beyond(feed, args.from_ms, args.until_ms),
        "up_to": [
            {"partition": one.partition, "offset": one.every_stage, "intake_offset": one.intake}
            for one in feed.positions
        ],
        "problems": feed.problems,
    }


def _screen(feeds: list[Feed], args: argparse.Namespace) -> list[str]:
    busy = [feed for feed in feeds if feed.readings_in or feed.unaccounted]
    rows = [HEADER, *(_row(feed, args) for feed in busy), *([_total(busy)] if len(busy) > 1 else [])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in {0, len(HEADER) - 1} else cell.rjust(width)
            for column, (cell, width) in cells
        )
        for cells in (list(enumerate(zip(row, widths, strict=True))) for row in rows)
    ]
    lines = [line.rstrip() for line in lines]
    if len(busy) < len(feeds):
        lines.append(f"no readings: {', '.join(feed.domain for feed in feeds if feed not in busy)}")
    if any(_reaches_beyond(feed, args.from_ms, args.until_ms) for feed in busy):
        lines.append("* reaches beyond the range asked for, and is balanced as a whole")
    lines += [problem for feed in feeds for problem in feed.problems]
    missing = sum(feed.unaccounted for feed in feeds)
    lines.append(f"{missing:,} readings are unaccounted for" if missing else "every reading is accounted for")
    return lines


def _row(feed: Feed, args: argparse.Namespace) -> tuple[str, ...]:
    mark = "*" if _reaches_beyond(feed, args.from_ms, args.until_ms) else ""
    places = ", ".join(f"{one.partition}:{one.every_stage}" for one in feed.positions)
    newest = "" if feed.last_at_ms is None else f" (events to {iso(feed.last_at_ms)})"
    return (feed.domain + mark, *_numbers([feed]), places + newest)


def _total(feeds: list[Feed]) -> tuple[str, ...]:
    return ("all", *_numbers(feeds), "")


def _numbers(feeds: list[Feed]) -> list[str]:
    names = ("readings_in", "in_frames", "duplicates", "dead", "on_the_way", "unaccounted")
    numbers = {name: sum(getattr(feed, name) for feed in feeds) for name in names if name != "dead"}
    numbers["dead"] = sum(sum(feed.dead_lettered.values()) for feed in feeds)
    return [f"{numbers[name]:,}" for name in names]
