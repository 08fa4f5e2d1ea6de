"""`citywall rules list|show|backtest`: the alarm rules in force, and what one would have done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.terminal.timespan import add_range

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any

    from streams.city.registry import City

SUMMARY = "List the alarm rules in force, show one with its record, or try one over the history"
EPILOG = """\
Rules come from alerts/rules/ (default), then [[threshold.rules]] of the settings (settings), then rules.toml of the
city folder (city): merged by name, each value by itself. docs/rules.md tells how to change one.

  citywall rules list                  those of the city last started, or of the settings where none was
  citywall rules show heat             its values with their origin, and its record: cause, consequence, action, owner
  citywall rules list --city DIR       as that folder is now, with the settings (--config FILE)
  citywall rules backtest heat --from 2026-08-01 --until 2026-08-08 --against mine.toml
  citywall rules list --json           all of every rule; `origins`: the way to each value → default, settings, city

backtest judges the minutes that the history holds, by the code that judges readings: how many alarms there would have
been, on a desk in 10 minutes, of which level, chattering, longest, first and last; with --against another version
beside it, from a file with [rule] or [NAME]; with --truth FILE (CSV entity,start_at,end_at, or records of
city.truth.v1) how many of them were found, false alarms, time to detect. It is refused (exit 1) when the version, the
one of --against where there is one, would break the load limits of a desk together with the alarms that the history
has of the other rules: above 2 in 10 minutes on average, above 10 in any, 5 that stand for a day, any that chatters.
--anyway REASON takes it all the same. --json: rule, from, until, desks, versions (each with `together` and `truth`),
refused, anyway.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, to which rule, of which city, and the form of the answer."""
    parser.add_argument("action", choices=["list", "show", "backtest"], help="what to do")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a rule; list: of that one alone")
    parser.add_argument("--city", type=Path, metavar="DIR", help="a city folder, running or not")
    parser.add_argument("--config", type=Path, metavar="FILE", help="your settings, TOML")
    add_range(parser)
    parser.add_argument("--against", type=Path, metavar="FILE", help="backtest: another version of the rule, TOML")
    parser.add_argument(
        "--desks", type=_desks, default=1, metavar="N", help="backtest: desks that share it (default 1)"
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="backtest: what really happened, CSV or NDJSON")
    parser.add_argument("--anyway", metavar="REASON", help="backtest: why it is taken though it breaks the load limits")
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
    if args.action != "list" and args.name is None:
        raise SettingError(f"{args.action}: name a rule; `citywall rules list` names them all")
    if args.name not in {None, *rules}:
        near = nearest(args.name, rules)
        raise SettingError(f"{args.name}: no rule is called so{near}; `citywall rules list` names them all")
    if args.action == "backtest":
        return _backtest(args, rules)
    chosen = list(rules.values()) if args.name is None else [rules[args.name]]
    language = args.lang or settings.language()
    if args.json:
        print(json.dumps(chosen[0] if args.action == "show" else chosen, ensure_ascii=False, indent=2))
    elif args.action == "show":
        print(rules_screen.one(chosen[0], language))
    else:
        print(rules_screen.table(chosen, language))
    return 0


def _backtest(args: argparse.Namespace, wholes: Mapping[str, Mapping[str, Any]]) -> int:
    import json

    from deploy.config import settings
    from deploy.terminal import backtest_screen, backtests
    from deploy.terminal.reading import data_of, history_of
    from deploy.terminal.timespan import iso
    from deploy.trial import truth
    from deploy.trial.others import others
    from streams.errors import SettingError

    if args.from_ms is None or args.until_ms is None or args.until_ms <= args.from_ms:
        raise SettingError("backtest: say from when until when: --from T --until T, the second one later")
    if args.anyway is not None and not args.anyway.strip():
        raise SettingError("--anyway: a reason is needed")
    rule = backtests.rule_of(wholes[args.name])
    versions: dict[str, backtests.AnyRule] = {backtests.IN_FORCE: rule}
    if args.against is not None:
        versions[backtests.AGAINST] = backtests.other(rule, args.against)
    known = None if args.truth is None else truth.read(args.truth)
    data = data_of(args)
    city, history = _city(args, data), history_of(data)
    try:
        beside = others(history, rule.name, args.from_ms, args.until_ms)
        span = backtests.Span(args.from_ms, args.until_ms, args.desks, beside, known)
        found = [backtests.tried(name, one, wholes, city, history, span) for name, one in versions.items()]
    finally:
        history.close()
    refused = bool(found[-1].broken) and args.anyway is None
    if args.json:
        said = {"rule": rule.name, "from": iso(args.from_ms), "until": iso(args.until_ms), "desks": args.desks}
        rest = {"versions": [backtests.plain(one) for one in found], "refused": refused, "anyway": args.anyway}
        print(json.dumps(said | rest, ensure_ascii=False, indent=2))
    else:
        language = args.lang or settings.language()
        told = [backtest_screen.screen(found, language), backtest_screen.verdict(found[-1], args.anyway, language)]
        print("\n\n".join(one for one in told if one))
    return int(refused)


def _city(args: argparse.Namespace, data: Path) -> City:
    """Return the city whose sensors are judged.

    Raises SettingError when there is none any more.
    """
    from deploy.terminal.reading import city_of
    from streams.city.registry import load_city
    from streams.errors import SettingError

    city = load_city(args.city) if args.city is not None else city_of(data)
    if city is None:
        raise SettingError("the city's folder cannot be read any more; name one with --city DIR")
    return city


def _desks(text: str) -> int:
    import argparse

    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a number of at least 1 is needed")
    return int(text)
