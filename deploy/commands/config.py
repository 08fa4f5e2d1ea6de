"""`citywall config check`: every problem of the settings at once, or what is in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

SUMMARY = "Check the settings and show what is in force"
EPILOG = """\
Settings come from deploy/config/citywall.toml, then --config FILE (or CITYWALL_CONFIG), then the environment:
CITYWALL_KAFKA, CITYWALL_REDIS, CITYWALL_INFLUX, CITYWALL_INFLUX_TOKEN (or …_TOKEN_FILE), CITYWALL_PORT …, then the
command line.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one thing it can do, and the file."""
    parser.add_argument("action", choices=["check"])
    parser.add_argument("--config", type=Path, metavar="FILE", help="your settings, TOML")


def run(args: argparse.Namespace) -> int:
    """Print the problems → 1, or the effective values → 0."""
    from deploy.config import settings

    found, problems = settings.examine(args.config)
    for problem in problems:
        print(problem)
    if found is None:
        return 1
    print(settings.masked(found))
    return 0
