"""`citywall evaluate NAME --on DIR --truth FILE`: a detector over recorded readings, against what really happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

SUMMARY = "Judge a detector by recorded readings of which it is known what happened"
EPILOG = """\
unusual: DIR has a series a file, <entity>.csv with the columns timestamp and value. --truth is NAB's JSON of windows
(entity = the file's name without its ending), CSV with entity, start_at and end_at, or records of city.truth.v1; a
series of which it says nothing is scored and not judged. Without --threshold the one is taken that is best on these
very files; beside it stands what each file is worth with the one that is best on all the others. NAB's score is 0
where nothing alarms and 100 where each window is hit at its first row and nothing else is. The same files give the
same answer, byte for byte.

  citywall evaluate unusual --on DIR --truth windows.json
  citywall evaluate unusual --on DIR --truth windows.json --threshold 0.5 --scores scores.csv --json report.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to judge, by what, and where to write it."""
    parser.add_argument("name", metavar="NAME", help="the detector: unusual")
    parser.add_argument("--on", type=Path, required=True, metavar="DIR", help="the recorded readings")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="what really happened; without it nothing is judged")
    parser.add_argument("--threshold", type=_share, metavar="X", help="from this score on it alarms, 0 to 1")
    parser.add_argument("--scores", type=Path, metavar="FILE", help="write the score of each value there, CSV")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there, JSON")
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
