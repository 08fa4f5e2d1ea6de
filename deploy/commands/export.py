"""`citywall export`: rows of a metric from history, as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.terminal.timespan import add_range

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from streams.contract.spec import Metric

SUMMARY = "Write a metric's rows from history, or list the metrics"
EPILOG = """\
columns: entity, at (start of the window, UTC), window_s, value, coverage_ratio, imputed_ratio, state, method
An unknown value is empty. Rows are sorted by entity, then at. Needs no running city.

  citywall export --list
  citywall export tti_ratio --window 1h --out tti.csv
  citywall export speed_km_h --entity 158324 --from 2014-08-20T06:00Z --until 2014-08-20T10:00Z
"""
WINDOWS_S = {"1m": 60, "1h": 3600}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to write, which rows of it, and how."""
    parser.add_argument("metric", nargs="?", metavar="METRIC", help="a name from --list")
    parser.add_argument("--list", action="store_true", help="list the metrics with unit, method and standard")
    add_range(parser)
    parser.add_argument("--entity", metavar="E", help="one segment, sensor, zone:ID, city:ID or feed:DOMAIN alone")
    parser.add_argument("--window", choices=sorted(WINDOWS_S), default="1m", help="length of the windows (default 1m)")
    parser.add_argument("--provisional", action="store_true", help="open windows too, as far as they are known")
    parser.add_argument("--format", choices=("csv", "parquet"), help="default: csv, or what the name of --out ends in")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="where to (default: standard output; Parquet needs a file)"
    )


def run(args: argparse.Namespace) -> int:
    """List or write."""
    from deploy.config.components import discover
    from deploy.terminal.table import listing
    from streams.contract.spec import all_metrics

    specs = discover().values()
    if args.list:
        print(listing({(metric.name, metric.method): metric for spec in specs for metric in all_metrics(spec)}))
        return 0
    means = {metric.name: metric for spec in specs for metric in all_metrics(spec)}
    _write(args, means | {metric.name: metric for spec in specs for metric in spec.metrics})
    return 0


def _write(args: argparse.Namespace, catalogue: Mapping[str, Metric]) -> None:
    from deploy.terminal.reading import data_of, history_of
    from deploy.terminal.table import table_of, write
    from streams.errors import SettingError

    form = args.format or ("parquet" if args.out is not None and args.out.suffix == ".parquet" else "csv")
    if form == "parquet" and args.out is None:
        raise SettingError("Parquet is no text: name a file with --out FILE")
    history = history_of(data_of(args))
    try:
        _must_exist(args.metric, {*catalogue, *history.metrics()})
        rows = history.read(
            args.metric,
            args.entity,
            args.from_ms,
            args.until_ms,
            window_s=WINDOWS_S[args.window],
            provisional=args.provisional,
        )
    finally:
        history.close()
    metric = catalogue.get(args.metric)
    write(table_of(rows, "" if metric is None else metric.method), form, args.out)


def _must_exist(name: str | None, known: set[str]) -> None:
    import difflib

    from streams.errors import SettingError

    if name is None:
        raise SettingError("name a METRIC; `citywall export --list` shows them")
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.4)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise SettingError(f"no metric is called {name!r}{hint}; `citywall export --list` shows them")
