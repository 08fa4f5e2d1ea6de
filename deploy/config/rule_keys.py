"""Keys of an alarm rule that somebody wrote, in the settings or in a city's `rules.toml`: what is wrong with them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from alerts.rules.record import RECORD
from streams.toml_keys import Fault, faults_of_keys, fields_of, missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import msgspec

NAME, ENABLED, PROCESSOR = "name", "enabled", "processor"


def faults(name: str, values: Mapping[str, Any], kind: type[msgspec.Struct], known: Collection[str]) -> Iterator[Fault]:
    """Say what is wrong with a rule's keys in a city's file; its record is judged elsewhere.

    Args:
        name: its section.
        values: what stands there.
        kind: what a whole rule is.
        known: names of the rules that the settings have.
    """
    fields = {key: one for key, one in fields_of(kind).items() if key != NAME}
    if text := unknown(name, values, kind, known):
        yield Fault("", None, text)
    if NAME in values:
        yield Fault(NAME, values[NAME], "the section's name is the rule's; take this away")
    yield from faults_of_keys({key: value for key, value in values.items() if key not in {NAME, RECORD}}, fields)


def unknown(name: str, values: Mapping[str, Any], kind: type[msgspec.Struct], known: Collection[str]) -> str:
    """Say that no rule is called so, where this cannot be a new one either, "" = it is one or the other."""
    lacking = [key for key in missing(values, fields_of(kind)) if key != NAME]
    if name in known or not lacking:
        return ""
    if RECORD not in values:
        lacking.append(RECORD)
    near = difflib.get_close_matches(name.casefold(), known, n=1)
    meant = f"did you mean {near[0]!r}? If not, it" if near else "a rule of one's own"
    return f"there is no rule {name!r}; {meant} needs {', '.join(lacking)} too"


def faults_of_found(name: str, values: Mapping[str, Any], processor: str) -> Iterator[Fault]:
    """Say what cannot be changed of a rule that a processor judges by itself: all but its record."""
    for key, value in values.items():
        if key not in {NAME, RECORD}:
            where = (
                f"its numbers stand in [{processor}] of the settings, here only its [{name}.{RECORD}] can be changed"
            )
            yield Fault(key, value, f"the processor {processor} judges {name}; {where}")


def is_enabled(rule: Mapping[str, Any]) -> bool:
    """Tell whether a rule is to be judged."""
    return rule.get(ENABLED, True) is not False
