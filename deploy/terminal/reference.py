"""`docs/commands.md` from the parsers, `docs/metrics.md` from its table: `python -m deploy.terminal.reference`.

A test fails when one of them drifts.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from deploy.terminal import cli, metrics_page

if TYPE_CHECKING:
    from collections.abc import Iterator


HEAD = """\
# Commands

Written by `python -m deploy.terminal.reference` from the commands themselves. Every command takes `--help`,
and after its name `--data DIR`: the folder that holds the city's servers, history and logs. Without it each city has
one under `$XDG_STATE_HOME/citywall`, and commands that only read take the one last started.

Exit codes: 0 done, 1 it could not be done, 2 the command line or a file says something wrong, 130 interrupted; a
command that answers with its own says so.
"""


def page() -> str:
    """Describe every command."""
    return "\n".join([HEAD, *(section(name) for name in cli.command_names())])


def section(name: str) -> str:
    """Describe one command: what it does, its arguments, and what it says at the end of its help."""
    command = cli.load_command(name)
    parser = cli.command_parser(name, command)
    lines = [f"## {name}", "", f"{command.SUMMARY}.", ""]
    table = list(rows(parser))
    if table:
        lines += ["| argument | meaning |", "|---|---|", *table, ""]
    if parser.epilog:
        lines += ["```", parser.epilog.rstrip(), "```", ""]
    return "\n".join(lines)


def rows(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Make a table row of each argument of its own."""
    formatter = parser.formatter_class(prog=parser.prog)
    for action in parser._actions:
        if action.dest not in {"help", "data"} and action.help != argparse.SUPPRESS:
            meaning = formatter._expand_help(action) if action.help else ""
            cells = [cell.replace("|", "\\|") for cell in (f"`{spelling(action)}`", meaning)]
            yield f"| {cells[0]} | {cells[1]} |"


def spelling(action: argparse.Action) -> str:
    """Return an argument as one writes it."""
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    value = " ".join(value) if isinstance(value, tuple) else value
    if not action.option_strings:
        return value
    return ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {value}")


PAGES = {cli.ROOT / "docs" / "commands.md": page, cli.ROOT / "docs" / "metrics.md": metrics_page.page}


def main() -> int:
    """Write the pages."""
    for path, write in PAGES.items():
        path.write_text(write(), encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
