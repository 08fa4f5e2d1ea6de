"""Keys of an alarm rule that somebody wrote, in the settings or in a city's `rules.toml`: what is wrong with them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import msgspec

from alerts.rules.record import RECORD, Found
from processors.maths.rule_levels import is_level_off
from streams.city.windows import Weekly, odd_schedule
from streams.toml_keys import Fault, faults_of_keys, fields_of, missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from msgspec.structs import FieldInfo

NAME, ENABLED, PROCESSOR, NUMBERS, SCHEDULE = "name", "enabled", "processor", "numbers", "schedule"
OF_ALL = (ENABLED, "latching", SCHEDULE, "basis", "reference")
"""Keys of a rule that a processor judges by itself, besides its numbers, that a layer may change."""
TIMES = 'from and until are needed, each a time such as "07:00", or with a day, "mon 07:00"'


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
    yield from _of_keys(values, fields)


def _of_keys(values: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> Iterator[Fault]:
    off = {key for key, one in values.items() if key in fields and is_level_off(key, one)}
    own = {key: one for key, one in values.items() if key not in {NAME, RECORD, *off}}
    return map(in_times, faults_of_keys(own, fields))


def in_times(fault: Fault) -> Fault:
    """Return what is wrong with a key of a rule, of a schedule in words of time."""
    return fault._replace(text=TIMES) if fault.key == SCHEDULE and isinstance(fault.value, dict) else fault


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


def faults_of_found(
    values: Mapping[str, Any], numbers: Collection[str], config: type[msgspec.Struct] | None
) -> Iterator[Fault]:
    """Say what is wrong with what a layer says of a rule that a processor judges by itself.

    Args:
        values: what stands there; its record is judged elsewhere.
        numbers: keys of the processor's settings that are the rule's.
        config: the processor's settings, None = there is no such processor.
    """
    known = {**fields_of(Found), **({} if config is None else fields_of(config))}
    fields = {key: known[key] for key in (*OF_ALL, *numbers) if key in known}
    found = list(_of_keys(values, fields))
    yield from found
    if SCHEDULE in values and not any(one.key == SCHEDULE for one in found):
        text = odd_schedule(msgspec.convert(values[SCHEDULE], Weekly))
        if text:
            yield Fault(SCHEDULE, values[SCHEDULE], text)


def is_enabled(rule: Mapping[str, Any]) -> bool:
    """Tell whether a rule is to be judged."""
    return rule.get(ENABLED, True) is not False
