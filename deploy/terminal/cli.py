"""The command line: finds the command by its file name, imports that one alone and says errors in one sentence."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from streams.errors import CityError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ROOT / "deploy" / "commands"

FAILED, MISUSED, INTERRUPTED, READER_GONE = 1, 2, 130, 141


class Command(Protocol):
    """What a module of `deploy/commands/` offers."""

    SUMMARY: str
    """One line for `citywall --help`, without a full stop."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own options; `--data` and `--help` are there already."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it → the exit code."""


def command_names() -> list[str]:
    """List the commands that have a file; `dead_letters.py` is the command `dead-letters`."""
    return sorted(path.stem.replace("_", "-") for path in COMMANDS.glob("[a-z]*.py"))


def load_command(name: str) -> Command:
    """Import one command."""
    return cast("Command", importlib.import_module(f"deploy.commands.{name.replace('-', '_')}"))


def version() -> str:
    """Return CityWall's version; `pyproject.toml` is the only place that has it."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def top_help() -> str:
    """Describe all commands, one line each."""
    names = command_names()
    width = max(map(len, names), default=0)
    lines = [f"  {name:<{width}}  {load_command(name).SUMMARY}" for name in names]
    return "\n".join(
        [
            "CityWall: one city, live on one screen.",
            "",
            "usage: citywall COMMAND [options]",
            "",
            "commands:",
            *lines,
            "",
            "citywall COMMAND --help tells a command's options; citywall --version the version.",
            "Start with: citywall up",
        ]
    )


def command_parser(name: str, command: Command) -> argparse.ArgumentParser:
    """Make the parser of one command."""
    parser = argparse.ArgumentParser(
        prog=f"citywall {name}",
        description=f"{command.SUMMARY}.",
        epilog=getattr(command, "EPILOG", None),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the folder that holds this city's servers, history and logs "
        "(default: one per city under the user's state folder; commands that only read take the one last started)",
    )
    return parser


def main(argv: Sequence[str]) -> int:
    """Run one command line → the exit code."""
    try:
        code = answer(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return code


def answer(argv: Sequence[str]) -> int:
    """Help, tell the version, or run the command that is named."""
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(top_help())
        return 0 if argv else MISUSED
    if argv[0] in {"-V", "--version"}:
        print(f"citywall {version()}")
        return 0
    if odd := [word for word in argv if any("\ud800" <= one <= "\udfff" for one in word)]:
        print(f"citywall: {odd[0]!a} is not UTF-8; give that file or folder a name that is", file=sys.stderr)
        return MISUSED
    if argv[0] not in command_names():
        print(unknown_command(argv[0]), file=sys.stderr)
        return MISUSED
    return run_command(argv[0], argv[1:])


def run_command(name: str, argv: Sequence[str]) -> int:
    """Run a command that exists; a CityError becomes its sentence and an exit code, never a traceback."""
    command = load_command(name)
    args = command_parser(name, command).parse_args(argv)
    try:
        return command.run(args)
    except CityError as error:
        print(f"citywall {name}: {error}", file=sys.stderr)
        return MISUSED if isinstance(error, ConfigError) else FAILED
    except BrokenPipeError:
        raise
    except OSError as error:  # a folder without rights, a full disk, wherever they are met
        where = "" if error.filename is None else f"{error.filename}: "
        print(f"citywall {name}: {where}{error.strerror or error}", file=sys.stderr)
        return FAILED


def unknown_command(word: str) -> str:
    """Say that there is no such command, and name the nearest."""
    near = difflib.get_close_matches(word, command_names(), n=1, cutoff=0.5)
    cure = f"did you mean '{near[0]}'?" if near else "'citywall --help' lists them."
    kind = "option" if word.startswith("-") else "command"
    return f"citywall: there is no {kind} '{word}'; {cure}"
