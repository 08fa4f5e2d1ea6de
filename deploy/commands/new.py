"""`citywall new processor|feed|rule NAME`: the file and its test, filled in and passing, to be made what is meant."""

from __future__ import annotations

import keyword
import re
from itertools import count
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from streams.errors import SettingError

if TYPE_CHECKING:
    import argparse

SUMMARY = "Write a new processor, feed or rule with its test"
EPILOG = """\
NAME is what it yields (a processor, a feed) or the bad thing it finds (a rule), in lower case with underscores.
Both files pass as they are written; change them into what you mean. docs/processors.md goes on from there. A rule is
written with `enabled = false`: fill in its record, then enable it (docs/rules.md).
"""

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "deploy" / "templates"
PLACES = {
    "processor": {
        "processor.py.txt": "processors/{name}.py",
        "test_processor.py.txt": "tests/processors/test_{name}.py",
    },
    "feed": {
        "feed.py.txt": "streams/feeds/{name}.py",
        "test_feed.py.txt": "tests/streams/feeds/test_{name}.py",
    },
    "rule": {
        "rule.toml.txt": "alerts/rules/{name}.toml",
        "rules/test_{of}.py.txt": "tests/alerts/rules/test_{name}.py",
    },
}
RULE, RULES = "rule", "alerts/rules"
LEVEL = "level"
BY_MEANS = ("When a column's mean is an alarm", "`Rule` in processors/maths/rules.py")
ABOUT = {
    LEVEL: BY_MEANS,
    "change": ("When a mean that moves is an alarm", BY_MEANS[1]),
    "count": ("When a mean that is beyond a bound again and again is an alarm", BY_MEANS[1]),
    "absence": ("When a value that is missing is an alarm", BY_MEANS[1]),
    "deviation": ("When a mean that is not usual is an alarm", BY_MEANS[1]),
    "combination": ("When rules that stand together are an alarm", "`Combination` in processors/maths/combined.py"),
}
"""Kinds of rules, with what the head of their file says."""
NEW_RULE = "新规则"
SAYING_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
"""The tree's own tests refuse these."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to write and its name."""
    parser.add_argument("kind", choices=[*PLACES])
    parser.add_argument("name", metavar="NAME")
    parser.add_argument(
        "--kind", dest="of", choices=[*ABOUT], help=f"of a rule: what its limits are of (default: {LEVEL})"
    )


def run(args: argparse.Namespace) -> int:
    """Write the files and say what to do next."""
    if args.of is not None and args.kind != RULE:
        raise SettingError(
            f"--kind is for a rule; leave it out, or write: citywall new rule {args.name} --kind {args.of}"
        )
    for path in write(args.kind, args.name, ROOT, args.of or LEVEL):
        print(path.relative_to(ROOT))
    print(f"Try it: ./citywall test -k {args.name}")
    return 0


def write(kind: str, name: str, root: Path, of: str = LEVEL) -> list[Path]:
    """Write the files of a new component under the tree's root → what was written or changed. `of`: the kind of a rule.

    Raises SettingError when the name is not fit or a file stands there already; then nothing is written.
    """
    texts = {
        root / place.format(name=name): Template(_template(template.format(of=of)))
        for template, place in PLACES[kind].items()
    }
    if reason := _unfit(kind, name, [*texts]):
        raise SettingError(reason)
    words = {"name": name, "title_zh": _title_zh(root / RULES), "title_en": name.replace("_", " ").capitalize()}
    about, where = ABOUT[of]
    words |= {"numbers": _template(f"rules/{of}.toml.txt"), "about": about, "where": where}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.substitute(words), encoding="utf-8")
    return [*texts]


def _template(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _unfit(kind: str, name: str, paths: list[Path]) -> str:
    """Say why a component cannot be called so; empty = it can."""
    from deploy.config.settings import OWN_SECTIONS

    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        return f"the name {name!r} is no lower-case word with underscores, such as queue_length"
    if keyword.iskeyword(name):
        return f"the name {name!r} is a word of Python and no module; choose another, such as {name}_count"
    if name in SAYING_NOTHING:
        return f"the name {name!r} does not say what is inside; call it what it yields"
    if kind == "processor" and name in OWN_SECTIONS:
        return f"the name {name!r} is a section of the settings that is no processor's; choose another"
    if kind == "processor" and (metric := f"{name}_km_h") in _metrics():
        return f"the name {name!r} gives the metric {metric}, and there is one already; choose another name"
    for path in paths:
        for taken in (path, path.with_suffix("")):
            if taken.exists():
                return f"{taken} stands there already; choose another name or delete it"
    return ""


def _metrics() -> set[str]:
    """List what has rows already, or is a column of a domain."""
    from deploy.config.components import discover
    from streams.contract.spec import all_metrics
    from streams.domains.schema import load_schemas

    columns = {column for schema in load_schemas().values() for column in schema.names}
    return columns | {metric.name for spec in discover().values() for metric in all_metrics(spec)}


def _title_zh(rules: Path) -> str:
    """Return a title that no rule has yet; which one it is to have, its author decides."""
    taken = "".join(path.read_text(encoding="utf-8") for path in rules.glob("*.toml"))
    return next(title for number in count(1) if f'"{(title := f"{NEW_RULE}{number}")}"' not in taken)
