"""`citywall dead-letters`: what was refused or could not be read, the newest first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from deploy.terminal.timespan import epoch_ms

if TYPE_CHECKING:
    from deploy.terminal.letters import Letter, Wanted

SUMMARY = "Show what was refused or could not be read, the newest first"
EPILOG = """\
Of each: why, the sensor and the time it gave itself, the column where one value was refused, where it came from, and
its bytes, cut on the screen. --json prints an array, newest first: received_at, reason, domain, sensor, at, column,
topic, partition, offset, place (index of the reading in its record), detail, size_bytes, and the bytes, whole, as
`text`, or as `base64` where they are no UTF-8. Nobody's offsets move. Where nothing runs, the embedded Kafka of the
data folder is started for as long as it takes.

  citywall dead-letters
  citywall dead-letters --domain traffic --reason out_of_range --last 5
"""
LAST = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which of them, and the form."""
    parser.add_argument("--domain", metavar="D", help="of this domain alone")
    parser.add_argument("--reason", metavar="R", help="of this reason alone, as `status` names it")
    parser.add_argument(
        "--from", dest="from_ms", type=epoch_ms, metavar="T", help="refused since then, ISO 8601, UTC without a zone"
    )
    parser.add_argument("--last", type=_count, default=LAST, metavar="N", help=f"at most so many (default {LAST})")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.add_argument("--lang", choices=["zh", "en"], help="language of the screen (default: the terminal's)")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="the Kafka that holds them (default: the city's)")


def run(args: argparse.Namespace) -> int:
    """Print them."""
    import msgspec

    from deploy.config import settings
    from deploy.terminal import letters
    from deploy.terminal.reading import take_in_domains

    take_in_domains(args)
    found = _newest(args, letters.wanted(args.domain, args.reason, args.from_ms, args.last))
    if args.json:
        print(msgspec.json.format(msgspec.json.encode([letters.plain(one) for one in found]), indent=2).decode())
    else:
        print(letters.screen(found, args.lang or settings.language()))
    return 0


def _newest(args: argparse.Namespace, wanted: Wanted) -> list[Letter]:
    import sys

    from deploy.embedded.borrowed import kafka_of
    from deploy.terminal import letters
    from deploy.terminal.reading import data_of

    if args.kafka:
        return letters.newest(args.kafka, wanted)
    with kafka_of(data_of(args), lambda line: print(line, file=sys.stderr)) as address:
        return letters.newest(address, wanted)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a number of at least 1 is needed")
    return int(text)
