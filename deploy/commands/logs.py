"""`citywall logs`: what the parts of a city wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

SUMMARY = "Show what the parts wrote"
EPILOG = "Without PART it lists the logs with their sizes and newest lines.\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the part and how much of it."""
    parser.add_argument(
        "part", nargs="?", metavar="PART", help="broker, redis, feeds, intake, processors, alarms, sinks, wall"
    )
    parser.add_argument("-n", type=int, default=200, metavar="LINES", help="how many of the newest lines (default 200)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is written from now on")


def run(args: argparse.Namespace) -> int:
    """Print them."""
    from deploy.supervision import logfiles
    from deploy.terminal.reading import data_of
    from streams.errors import SettingError

    data = data_of(args)
    logs = {path.name.removesuffix(".log"): path for path in sorted((data / "logs").glob("*.log"))}
    if not logs:
        raise SettingError(f"{data / 'logs'} holds no logs; start a city with `citywall up --data {data}`")
    if args.part is None:
        for name, path in logs.items():
            newest = "".join(logfiles.tail(path, 1))
            print(f"{name:<20} {path.stat().st_size / 1024:8.1f} kB  {newest[:80]}")
        return 0
    if args.part not in logs:
        raise SettingError(f"{data / 'logs'} has no log of {args.part!r}; there are {', '.join(logs)}")
    for line in logfiles.tail(logs[args.part], max(args.n, 0)):
        print(line)
    if args.follow:
        for text in logfiles.follow(logs[args.part]):
            print(text, end="", flush=True)
    return 0
