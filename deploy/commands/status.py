"""`citywall status`: what runs, how far behind it is, what was dropped and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

SUMMARY = "Tell what runs, how far behind it is, what was dropped and why"
EPILOG = "Exit code: 0 ok, 1 degraded (the reasons say why), 2 not running.\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the form of the answer."""
    parser.add_argument("--json", action="store_true", help="print it as JSON, for programs")
    parser.add_argument("--lang", choices=["zh", "en"], help="language of the screen (default: the terminal's)")


def run(args: argparse.Namespace) -> int:
    """Print it → 0, 1 or 2."""
    import msgspec

    from deploy.config import settings
    from deploy.supervision import status
    from deploy.supervision.child import now_ms
    from deploy.terminal import status_screen
    from deploy.terminal.reading import data_of
    from streams.errors import ConfigError

    try:
        data = data_of(args)
        found = status.judge(data, status.find(data), now_ms())
    except ConfigError as error:
        found = status.Status(status="down", reasons=[str(error)], data="")
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        print(status_screen.screen(found, args.lang or settings.language()))
    return status.EXIT[found.status]
