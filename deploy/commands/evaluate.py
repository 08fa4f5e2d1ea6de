"""`citywall evaluate NAME --on DIR --truth FILE`: a detector over recorded readings, against what really happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.commands.incident import length_s
from deploy.terminal.timespan import add_range

if TYPE_CHECKING:
    import argparse

SUMMARY = "Judge a detector by recorded readings of which it is known what happened"
EPILOG = """\
unusual: DIR has a series a file, <entity>.csv with the columns timestamp and value. A series of which the truth says
nothing is scored and not judged. Without --threshold the one is taken that is best on these very files; beside it
stands what each file is worth with the one that is best on all the others. NAB's score is 0 where nothing alarms and
100 where each window is hit at its first row and nothing else is.

A processor, by its name: DIR or TOPIC is what `try` takes, and it decides as it would have live. Found is what it
raised from none on the truth's segment, one downstream or up to 1 km upstream (else at that very sensor), decided
from 2 min before it began until --grace behind that, or until it was over; each raise serves one incident, and what
matches none is false. A detector is a segment, else a sensor, with readings on that day. By chance: the same with the
recording moved by 7, 14 and 21 days. The intervals are those of 1,000 resamples.

--truth is CSV with entity, start_at, end_at and, if known, reported_at; records of city.truth.v1; or NAB's JSON of
windows (entity = the file's name without its ending). The same input gives the same answer, byte for byte.

  citywall evaluate unusual --on DIR --truth windows.json
  citywall evaluate unusual --on DIR --truth windows.json --threshold 0.5 --scores scores.csv --json report.json
  citywall evaluate slow_traffic --on DIR --truth incidents.csv --events events.csv --json report.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to judge, by what, and where to write it."""
    parser.add_argument("name", metavar="NAME", help="the detector: unusual, or a processor as its file is called")
    parser.add_argument("--on", required=True, metavar="DIR|TOPIC", help="the recorded readings")
    add_range(parser)
    parser.add_argument("--truth", type=Path, metavar="FILE", help="what really happened; without it nothing is judged")
    parser.add_argument(
        "--grace",
        type=length_s,
        default="20m",
        metavar="T",
        help="so long after its begin an incident can be found (default 20m)",
    )
    parser.add_argument("--threshold", type=_share, metavar="X", help="from this score on it alarms, 0 to 1")
    parser.add_argument("--events", type=Path, metavar="FILE", help="write each rise and end of a level there, CSV")
    parser.add_argument("--scores", type=Path, metavar="FILE", help="write the score of each value there, CSV")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there, JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw scores, a metric or what was found")
    parser.add_argument("--city", type=Path, metavar="DIR", help="the city folder (default: beside the readings)")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="the Kafka of TOPIC (default: the running city's)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, TOML; see `citywall config check`")
    parser.add_argument("--lang", choices=["zh", "en"], help="language of the tables (default: the terminal's)")


def run(args: argparse.Namespace) -> int:
    """Judge it and print the table."""
    from deploy.trial.evaluation import evaluate

    evaluate(args, print)
    return 0


def _share(text: str) -> float:
    import argparse

    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 0 to 1 is needed")
    return value
