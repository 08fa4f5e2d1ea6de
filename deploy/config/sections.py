"""One section of the settings, judged key by key: every problem names the file, the section, the key and the cure."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from deploy.config.rule_keys import in_times
from streams.city.findings import needed
from streams.hints import nearest_or_all
from streams.toml_keys import entry_of, faults_of_keys, fields_of, missing, odd, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MOST_NESTED = 8
MASK = "••••••"
SECRETS = ("influx_token", "url", "secret")
"""Keys of any section, or of its tables, whose values are shown nowhere."""
NAME = "name"


class Section(NamedTuple):
    """A section and where it stands."""

    name: str
    kind: type[msgspec.Struct]
    file: Path
    elsewhere: Mapping[str, object] = {}
    """A key, or the name of a rule → where it stands, if not in `file`."""


def judge(section: Section, values: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """Convert a section → (what it says, if all is well, every problem)."""
    fields, found = fields_of(section.kind), list[str]()
    for key, value in values.items():
        unknown = f"there is no such setting{nearest_or_all(key, fields)}" if key not in fields else ""
        if text := unknown or _odd(section, key, value):
            found.append(said_of(section, f"{key}: {text}", key))
    if found:
        return None, found
    sound = dict(values)
    for key, value in values.items():
        if kind := entry_of(fields[key].type):
            by_entry = [list(_of_entry(section, key, number, one, kind)) for number, one in enumerate(value, 1)]
            found += chain.from_iterable(by_entry)
            sound[key] = [one for one, said in zip(value, by_entry, strict=True) if not said]
    try:
        judged = msgspec.convert(sound, section.kind)
    except msgspec.ValidationError as exc:  # the section's own check: sentences, some of them `rule NAME: …`
        sentences = re.split("; (?=rule )", str(exc))
        found += [said_of(section, one, one.removeprefix("rule ").partition(":")[0]) for one in sentences]
    return None if found else judged, found


def said_of(section: Section, text: str, what: str = "") -> str:
    """Return the sentence that names the file in which a key or a rule stands, and the section."""
    return f"{section.elsewhere.get(what, section.file)}: [{section.name}] {text}"


def _odd(section: Section, key: str, value: object) -> str:
    """Say why a value is not what its key takes, "" = it is; the tables of an array are judged one by one."""
    kind = fields_of(section.kind)[key].type
    if _depth(value) > MOST_NESTED:
        return f"brackets are nested more than {MOST_NESTED} deep; no setting has so many"
    if entry_of(kind):
        text = f"{needed('a list of tables', value)}; write each under [[{section.name}.{key}]]"
        return "" if isinstance(value, list) else text
    text = odd(value, kind)
    return needed(words(kind), MASK) if text and key in SECRETS else text


def _of_entry(section: Section, key: str, number: int, values: Any, kind: type[msgspec.Struct]) -> Iterator[str]:  # noqa: ANN401 - whatever stands in the file
    """Say what is wrong with a table of an array, called by its name, or its number where it has none."""
    of = key.removesuffix("s")
    if not isinstance(values, dict):
        yield said_of(
            section, f"{of} number {number}: {needed('a table', values)}; write [[{section.name}.{key}]] above its keys"
        )
        return
    fields, name = fields_of(kind), values.get(NAME)
    name = name if isinstance(name, str) else ""
    place = f"{of} {name}" if name else f"{of} number {number}"
    for one in missing(values, fields):
        yield said_of(section, f"{place}: {one}: {needed(words(fields[one].type), None)}", name)
    for fault in map(in_times, faults_of_keys(values, fields)):
        said = f"{fault.key}: {needed(words(fields[fault.key].type), MASK)}" if fault.key in SECRETS else fault
        yield said_of(section, f"{place}: {said}", name)


def _depth(value: object) -> int:
    """Return how many brackets stand in each other, at most one more than may."""
    depth, within = 0, [value]
    while (within := [one for one in within if isinstance(one, dict | list)]) and depth <= MOST_NESTED:
        depth += 1
        within = [item for one in within for item in (one.values() if isinstance(one, dict) else one)]
    return depth
