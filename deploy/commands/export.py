"""`citywall export`: rows of a metric, or the events of alarms, from history, as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.terminal.timespan import add_range
from streams.contract.durations import DAY_S, HOUR_S, MINUTE_S

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from streams.contract.alarm_events import AlarmEvent, EventsWanted
    from streams.contract.spec import Metric
    from streams.sinks.history.store import History

SUMMARY = "Write a metric's rows or the events of alarms from history, or list the metrics"
EPILOG = """\
columns: entity, at (start of the window, UTC), window_s, value, coverage_ratio, imputed_ratio, state, method, zone,
name_zh, name_en, unit. An unknown value is empty. Rows are sorted by entity, then at. Needs no running city.

`alarms`: every event of every alarm, the newest first: at (when it happened to the alarm; --from and --until go by
it), alarm, what (raised, risen, updated, lowered, cleared, returned, retired …; acknowledge, shelve … of a person;
lapsed, closed … of time), outcome (done, refused), level (0 = it ended), domain, kind, entity, zone, name_zh, name_en,
event_at (when the condition began or ended), who, desk, why, reason (of a refusal), command, seq and place (in the
journal), event (as the journal has it, JSON).

  citywall export --list
  citywall export tti_ratio --window 1h --out tti.csv
  citywall export speed_km_h --entity 158324 --from 2014-08-20T06:00Z --until 2014-08-20T10:00Z
  citywall export alarms --entity W12 --out alarms.parquet
"""
ALARMS = "alarms"
PAGE = 5_000
UNITS_S = {"s": 1, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S}
MOST_S = 3_660 * DAY_S
"""No window is longer: ten years."""


def _window_s(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS_S or not (number.isascii() and number.isdecimal()) or int(number) < 1:
        raise ValueError(text)
    window_s = int(number) * UNITS_S[unit]
    if window_s > MOST_S:
        raise ValueError(text)
    return window_s


_window_s.__name__ = "length such as 1m, 15m, 1h, 1d, 90s,"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to write, which rows of it, and how."""
    parser.add_argument("metric", nargs="?", metavar="METRIC", help="a name from --list, or `alarms`")
    parser.add_argument("--list", action="store_true", help="list the metrics with unit, method and standard")
    add_range(parser)
    parser.add_argument("--entity", metavar="E", help="one segment, sensor, zone:ID, city:ID or feed:DOMAIN alone")
    parser.add_argument(
        "--window",
        type=_window_s,
        metavar="1m|15m|1h|1d",
        help="length of the windows, any that is stored, 90s too (default 1m, else the shortest that the metric has)",
    )
    parser.add_argument("--provisional", action="store_true", help="open windows too, as far as they are known")
    parser.add_argument("--format", choices=("csv", "parquet"), help="default: csv, or what the name of --out ends in")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="where to (default: standard output; Parquet needs a file)"
    )


def run(args: argparse.Namespace) -> int:
    """List or write."""
    from deploy.config.components import discover
    from deploy.terminal.reading import take_in_domains
    from deploy.terminal.table import listing
    from streams.contract.spec import all_metrics

    take_in_domains(args)
    if args.metric == ALARMS and not args.list:
        _write_alarms(args)
        return 0
    specs = discover().values()
    if args.list:
        print(listing({(metric.name, metric.method): metric for spec in specs for metric in all_metrics(spec)}))
        return 0
    means = {metric.name: metric for spec in specs for metric in all_metrics(spec)}
    _write(args, means | {metric.name: metric for spec in specs for metric in spec.metrics})
    return 0


def _write(args: argparse.Namespace, catalogue: Mapping[str, Metric]) -> None:
    from deploy.terminal.reading import city_of, data_of, history_of
    from deploy.terminal.table import form_of, table_of, write

    form = form_of(args.format, args.out)
    data = data_of(args)
    history = history_of(data)
    try:
        _must_exist(args.metric, {*catalogue, *history.metrics()})
        window_s = args.window or _usual_window_s(history.windows(args.metric))
        asked = (args.metric, args.entity, args.from_ms, args.until_ms)
        rows = history.read(*asked, window_s=window_s, provisional=args.provisional)
        if not len(rows):
            _say_why(args, history, window_s)
    finally:
        history.close()
    write(table_of(rows, catalogue.get(args.metric), city_of(data)), form, args.out)


def _write_alarms(args: argparse.Namespace) -> None:
    from deploy.terminal.reading import city_of, data_of, history_of
    from deploy.terminal.table import alarms_table_of, form_of, write
    from streams.contract.alarm_events import EventsWanted

    form = form_of(args.format, args.out)
    data = data_of(args)
    history = history_of(data)
    wanted = EventsWanted(entity=args.entity, from_ms=args.from_ms, until_ms=args.until_ms)
    try:
        events = list(_events(history, wanted))
    finally:
        history.close()
    write(alarms_table_of(events, city_of(data)), form, args.out)


def _events(history: History, wanted: EventsWanted) -> Iterator[AlarmEvent]:
    after = None
    while page := history.alarm_events(wanted, PAGE, after):
        yield from page
        after = page[-1].moment


def _usual_window_s(stored: Sequence[int]) -> int:
    """Return a minute, where that is stored, else the shortest."""
    return MINUTE_S if MINUTE_S in stored or not stored else stored[0]


def _say_why(args: argparse.Namespace, history: History, window_s: int) -> None:
    """Refuse an entity that the metric has no row of; say which windows there are where these are none of them."""
    import sys

    from streams.errors import SettingError
    from streams.hints import nearest

    known = history.entities(args.metric)
    if args.entity is not None and known and args.entity not in known:
        hint = nearest(args.entity, known)
        raise SettingError(f"--entity {args.entity}: {args.metric} has no rows of it{hint}")
    stored = history.windows(args.metric)
    if stored and window_s not in stored:
        lengths = ", ".join(f"{one}s" for one in stored)
        print(f"citywall export: {args.metric} has no windows of {window_s}s; stored are {lengths}", file=sys.stderr)


def _must_exist(name: str | None, known: set[str]) -> None:
    from streams.errors import SettingError
    from streams.hints import nearest

    if name is None:
        raise SettingError("name a METRIC, or `alarms`; `citywall export --list` shows them")
    if name not in known:
        hint = nearest(name, sorted(known))
        raise SettingError(f"no metric is called {name!r}{hint}; `citywall export --list` shows them")
