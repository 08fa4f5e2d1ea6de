"""`citywall try NAME --on DIR|TOPIC`: one processor over recorded readings, without a stack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.terminal.timespan import add_range

if TYPE_CHECKING:
    import argparse

SUMMARY = "Run one processor over recorded readings, without a stack"
EPILOG = """\
DIR is what `replay` takes (docs/replay.md): a city folder with inbox records, one a line in order of arrival, in
<domain>.ndjson or <domain>.ndjson.gz beside its files, or files like CityPulse's of Aarhus (without --from, the newest
day with all links). TOPIC is city.inbox.v1.<domain> or city.readings.v1.<domain> of the running city, or of --kafka; it
is read from its start to its present end, and nobody's offsets move. Prints what the processor yields, finds and drops,
and what it costs.

  citywall try congestion --on DIR
  citywall try network --on DIR --plot tpi.svg --metric tpi
  citywall try slow_traffic --on city.readings.v1.traffic
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to run, over what, and how to show it."""
    parser.add_argument("name", metavar="NAME", help="a processor, as its file is called")
    parser.add_argument("--on", required=True, metavar="DIR|TOPIC", help="the recorded readings")
    add_range(parser)
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.svg", help="draw a metric over event time, for a few entities"
    )
    parser.add_argument("--events", type=Path, metavar="FILE", help="write all detections there, CSV")
    parser.add_argument("--metric", metavar="M", help="what to draw (default: the processor's first one with rows)")
    parser.add_argument(
        "--entity", action="append", default=[], metavar="E", help="whose line to draw; may stand several times"
    )
    parser.add_argument("--city", type=Path, metavar="DIR", help="the city folder (default: beside the readings)")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="the Kafka of TOPIC (default: the running city's)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, TOML; see `citywall config check`")
    parser.add_argument("--lang", choices=["zh", "en"], help="language of the tables (default: the terminal's)")


def run(args: argparse.Namespace) -> int:
    """Run it and print the tables."""
    from deploy.trial.attempt import attempt

    attempt(args, print)
    return 0
