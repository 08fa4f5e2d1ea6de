"""`citywall incident`: make something happen in the sample city."""

from __future__ import annotations

import argparse
import re

from streams.contract.durations import DAY_S, HOUR_S, MINUTE_S

SUMMARY = "Block lanes of a road in the sample city for a while"
EPILOG = "  citywall incident --segment ID --lanes 2 --for 20m     the queue grows upstream, and dissolves afterwards\n"

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
_SECONDS = {"s": 1.0, "m": float(MINUTE_S), "h": float(HOUR_S), "d": float(DAY_S)}


def length_s(text: str) -> float:
    """Read a length of time such as 90s, 20m or 1.5h."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: a length of time is needed, such as 90s, 20m or 1.5h")
    return float(found[1]) * _SECONDS[found[2]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where, how much and for how long."""
    parser.add_argument("--segment", required=True, metavar="ID", help="the road segment")
    parser.add_argument("--lanes", type=int, default=1, metavar="N", help="blocked lanes (default 1)")
    parser.add_argument(
        "--for",
        dest="length_s",
        type=length_s,
        default=1200.0,
        metavar="TIME",
        help="how long, in city time (default 20m)",
    )


def run(args: argparse.Namespace) -> int:
    """Ask the feed for it."""
    from deploy.supervision import folder
    from deploy.terminal.reading import data_of
    from streams.errors import ConfigError
    from streams.feeds.sample_city.incident_requests import request_incident

    data = data_of(args)
    if folder.holder(data) is None:
        raise ConfigError(f"nothing runs in {data}; start the sample city with `citywall up`")
    request_incident(data, args.segment, args.lanes, args.length_s)
    print(f"an incident on segment {args.segment} begins, for {args.length_s / 60:g} minutes of city time")
    return 0
