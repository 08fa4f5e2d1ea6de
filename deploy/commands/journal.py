"""`citywall journal verify|show ALARM|export`: the chain of all that happened to alarms."""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.journal import Head

SUMMARY = "Verify the journal of alarms, show an alarm's course in it, or write it out"
EPILOG = """\
Reads city.journal.v1. Where nothing runs, the embedded Kafka of the data folder is started for as long as it takes.
docs/alarms.md describes the records; they are a chain of SHA-256 hashes.

verify    names each record that was changed, taken out, moved or put in, and each checkpoint of the alarm engine that
          is not what the journal says; exit 1 if there is one. It prints the head: note it elsewhere, once a day, say,
          and give it as --head later: then a cut-off end shows, too. --json: sound, records, void, checkpoints, head,
          faults_count, faults (offset, fault, said, said_zh)
show      every event of one alarm, the oldest first: when, what, by whom, why. --json: as `export alarms` has them
export    the records as they are, one a line; `verify --in FILE` verifies such a file where there is no Kafka

  citywall journal verify
  citywall journal verify --head 1207:9fb8…
  citywall journal show 10b9a4f02c7be1d35a60
  citywall journal export --out journal.ndjson
"""
HASH_LENGTH = 64


def _head(text: str) -> Head:
    from alerts.journal import Head

    seq, _, digest = text.strip().partition(":")
    if not seq.isdecimal() or len(digest) != HASH_LENGTH or not set(digest) <= set("0123456789abcdef"):
        raise argparse.ArgumentTypeError(f"{text!r} is no head, which is NUMBER:HASH as `journal verify` prints it")
    return Head(int(seq), digest)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, with what, and the form of the answer."""
    parser.add_argument("action", choices=["verify", "show", "export"], help="what to do")
    parser.add_argument("alarm", nargs="?", metavar="ALARM", help="show: its id, as the wall and the API give it")
    parser.add_argument("--head", type=_head, metavar="N:HASH", help="verify: a head that was noted before")
    parser.add_argument("--in", dest="source", type=Path, metavar="FILE", help="an exported file instead of Kafka")
    parser.add_argument("--out", type=Path, metavar="FILE", help="export: where to (default: standard output)")
    parser.add_argument("--json", action="store_true", help="print it as JSON, for programs")
    parser.add_argument("--lang", choices=["zh", "en"], help="language of the screen (default: the terminal's)")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="the Kafka that holds it (default: the city's)")


def run(args: argparse.Namespace) -> int:
    """Do it → 1 where the journal does not hold."""
    from streams.errors import SettingError

    if (args.action == "show") != (args.alarm is not None):
        raise SettingError("name an ALARM to show it: citywall journal show ALARM; verify and export take none")
    return {"verify": _verify, "show": _show, "export": _export}[args.action](args)


def _verify(args: argparse.Namespace) -> int:
    import json

    from alerts.verifying import Verification
    from deploy.config import settings
    from deploy.terminal import journal_reading, journal_screen

    with _kafka(args) as address:
        found = Verification(journal_reading.checkpoints(address), args.head)
        for offset, value in journal_reading.records(address, args.source):
            found.take(offset, value)
    found.end()
    if args.json:
        print(json.dumps(journal_screen.plain(found), ensure_ascii=False, indent=2))
    else:
        print(journal_screen.verdict(found, args.lang or settings.language()))
    return int(found.faults_count > 0)


def _show(args: argparse.Namespace) -> int:
    import msgspec

    from deploy.config import settings
    from deploy.terminal import journal_reading, journal_screen
    from streams.errors import SettingError

    with _kafka(args) as address:
        events = list(journal_reading.events_of(args.alarm, journal_reading.records(address, args.source)))
    if not events:
        raise SettingError(
            f"the journal has no event of an alarm {args.alarm!r}; `citywall export alarms` lists them all"
        )
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(events), indent=2).decode())
    else:
        print(journal_screen.course(events, args.lang or settings.language()))
    return 0


def _export(args: argparse.Namespace) -> int:
    from deploy.terminal import journal_reading

    with _kafka(args) as address:
        journal_reading.write(journal_reading.records(address, args.source), args.out)
    return 0


@contextmanager
def _kafka(args: argparse.Namespace) -> Iterator[str]:
    """Give the address to read from, "" where a file is read."""
    import sys

    from deploy.embedded.borrowed import kafka_of
    from deploy.terminal.reading import data_of

    if args.source or args.kafka:
        yield args.kafka or ""
        return
    with kafka_of(data_of(args), lambda line: print(line, file=sys.stderr)) as address:
        yield address
