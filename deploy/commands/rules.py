"""`citywall rules list|show NAME`: the alarm rules in force, and where each of their values comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

SUMMARY = "List the alarm rules in force, or show one with its record"
EPILOG = """\
Rules come from alerts/rules/ (default), then [[threshold.rules]] of the settings (settings), then rules.toml of the
city folder (city): merged by name, each value by itself. docs/rules.md tells how to change one.

  citywall rules list                  those of the city last started, or of the settings where none was
  citywall rules show heat             its values with their origin, and its record: cause, consequence, action, owner
  citywall rules list --city DIR       as that folder is now, with the settings (--config FILE)
  citywall rules list --json           all of every rule; `origins`: the way to each value → default, settings, city
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, to which rule, of which city, and the form of the answer."""
    parser.add_argument("action", choices=["list", "show"], help="what to do")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a rule; list: of that one alone")
    parser.add_argument("--city", type=Path, metavar="DIR", help="a city folder, running or not")
    parser.add_argument("--config", type=Path, metavar="FILE", help="your settings, TOML")
    parser.add_argument("--json", action="store_true", help="print it as JSON, for programs")
    parser.add_argument("--lang", choices=["zh", "en"], help="language of the screen (default: the terminal's)")


def run(args: argparse.Namespace) -> int:
    """Print them."""
    import json

    from deploy.config import settings
    from deploy.terminal import rules_in_force, rules_screen
    from streams.errors import SettingError
    from streams.hints import nearest

    rules = rules_in_force.of(args)
    if args.action == "show" and args.name is None:
        raise SettingError("show: name a rule; `citywall rules list` names them all")
    if args.name not in {None, *rules}:
        near = nearest(args.name, rules)
        raise SettingError(f"{args.name}: no rule is called so{near}; `citywall rules list` names them all")
    chosen = list(rules.values()) if args.name is None else [rules[args.name]]
    language = args.lang or settings.language()
    if args.json:
        print(json.dumps(chosen[0] if args.action == "show" else chosen, ensure_ascii=False, indent=2))
    elif args.action == "show":
        print(rules_screen.one(chosen[0], language))
    else:
        print(rules_screen.table(chosen, language))
    return 0
