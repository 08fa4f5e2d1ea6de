"""`citywall replay DIR`: the files of a real city as the feed of a stack of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.terminal.timespan import moment

if TYPE_CHECKING:
    import argparse

    from deploy.config.run import Run, Speed

SUMMARY = "Replay recorded readings of a city on the wall"
EPILOG = """\
DIR is a clone of https://github.com/CityBench/Benchmark or a folder with files like those of Aarhus: the newest day
with all links is played. Or it is a city folder with inbox records, one a line in order of arrival, in
<domain>.ndjson[.gz]: all of them are (docs/replay.md). It says what it found and what it left out, and ends when the
last window is final and stored. Each replay begins anew: what an earlier one left in its --data is removed.

  citywall replay DIR --speed 60                    a day in 24 minutes
  citywall replay DIR --speed max --report r.json   as fast as it goes, with its counts in a file
  citywall replay DIR --at 2014-07-30               another day
"""


def _speed(text: str) -> Speed:
    if text == "max":
        return "max"
    from streams.city.clock import MOST_SPEED

    speed = float(text)
    if not 0 < speed <= MOST_SPEED:
        raise ValueError(text)
    return speed


_speed.__name__ = "a number above 0, or max,"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a replay."""
    from deploy.supervision import launch

    parser.add_argument("dir", type=Path, metavar="DIR", help="the folder with the files")
    launch.add_arguments(parser)
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="X|max", help="city time per wall time")
    parser.add_argument("--at", type=moment, metavar="T", help="begin there, ISO 8601, UTC without a zone")
    parser.add_argument(
        "--until", type=moment, metavar="T", help="end before it (default: the end of that day, or of the records)"
    )
    parser.add_argument("--loop", action="store_true", help="begin anew when the files end, until stopped")
    parser.add_argument("--stay", action="store_true", help="run on when the files end, until stopped")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the counts there, JSON, when the files end")
    parser.add_argument("--city", type=Path, metavar="DIR", help="a city folder in the place of the one made from DIR")


def run(args: argparse.Namespace) -> int:
    """Replay until the files end or until asked to stop."""
    from deploy.supervision import folder, launch, replaying
    from streams.city.own_domains import take_in

    take_in(args.city or args.dir)
    found = launch.effective(args)
    if args.report is not None:
        replaying.check_report(args.report)
    city_id = replaying.city_id(args.dir, args.city)
    data = (args.data or folder.default(city_id, replay=True)).resolve()
    lock = launch.hold(data, city_id)
    try:
        while True:
            if folder.empty_replay(data):
                _say(f"{data}: what an earlier replay left there is removed")
            wanted = replaying.prepare(args, found, data, _say)
            watch = replaying.Watch(_say, stay=args.stay, report=args.report)
            ended = launch.launch(wanted, _say, watch)
            if ended is None or not args.loop:
                return 0
            found = found.replace(port=_port(ended))
    finally:
        lock.release()


def _port(ended: Run) -> int:
    """The wall stays where it was from pass to pass."""
    return ended.port


def _say(line: str) -> None:
    print(line, flush=True)
