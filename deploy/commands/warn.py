"""`citywall warn`: a public warning of an alarm, as a CAP message; journaled before it leaves."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.commands.incident import length_s

if TYPE_CHECKING:
    from alerts.cap import Status

SUMMARY = "Warn the public of an alarm with a CAP message"
EPILOG = """\
In whose name stands in [warnings] of the settings: sender, sender_name_zh, sender_name_en; with a url there the message
is posted to it. It always stands in a file, <data>/warnings/<message>.xml or --out. First it is written into the
journal who warned, when, in which role (supervisor) and with which message; refused there, nothing leaves.

A simulated city and a replay give no message of status actual, and exercise and test stand in each text, in Chinese and
in English. --replaces makes it an update of the message in that file, with --cancel its cancellation; both need its
status. Refused are an end that is not after the sending, an --area whose ring is open, a text that lacks a language.

  citywall warn 10b9a4f02c7be1d35a60 --status exercise --for 2h --who 李敏 --desk 1 \\
      --instruction-zh 请勿驶入。 --instruction-en "Do not enter."
  citywall warn 10b9a4f02c7be1d35a60 --status exercise --who 李敏 --desk 1 --replaces warnings/….xml --cancel
"""
STATUSES: dict[str, Status] = {"actual": "Actual", "exercise": "Exercise", "test": "Test"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is said of which alarm, by whom."""
    parser.add_argument("alarm", metavar="ALARM", help="its id, as the wall and the API give it")
    parser.add_argument("--status", choices=sorted(STATUSES), required=True, help="whether it is meant")
    parser.add_argument("--who", required=True, metavar="NAME", help="who warns")
    parser.add_argument("--desk", required=True, metavar="DESK", help="at which desk")
    for what, text in (("headline", "default: what is wrong, and where"), ("instruction", "what people are to do")):
        parser.add_argument(f"--{what}-zh", default="", metavar="TEXT", help=f"{text}; in Chinese")
        parser.add_argument(f"--{what}-en", default="", metavar="TEXT", help=f"{text}; in English")
    parser.add_argument(
        "--for", dest="for_s", type=length_s, default="2h", metavar="TIME", help="how long (default 2h)"
    )
    parser.add_argument(
        "--area", type=Path, metavar="FILE", help="GeoJSON with one Polygon (default: the place's name)"
    )
    parser.add_argument("--replaces", type=Path, metavar="FILE", help="the message that it takes the place of")
    parser.add_argument("--cancel", action="store_true", help="call off what it replaces")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there")


def run(args: argparse.Namespace) -> int:
    """Write the message, have it journaled, then let it leave."""
    from deploy.config import run as runs
    from deploy.terminal.reading import data_of
    from deploy.terminal.warning import Said, warn
    from streams.contract.name import Name

    said = Said(
        alarm=args.alarm,
        status=STATUSES[args.status],
        who=args.who.strip(),
        desk=args.desk.strip(),
        headline=Name(args.headline_zh, args.headline_en),
        instruction=Name(args.instruction_zh, args.instruction_en),
        for_ms=int(args.for_s * 1000),
        area=args.area,
        replaces=args.replaces,
        cancels=args.cancel,
        out=args.out,
    )
    print(warn(said, runs.read(data_of(args))))
    return 0
