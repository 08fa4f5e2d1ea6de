"""Keys of an alarm rule that a city wrote, judged one by one: plain words, with the cure."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import inspect

from streams.city.fields import as_number, nearest
from streams.city.findings import needed, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

NAME = "name"


class Fault(NamedTuple):
    """What is wrong with a rule."""

    key: str
    """"" = the rule as a whole."""
    value: object
    text: str


def faults(name: str, values: Mapping[str, Any], kind: type[msgspec.Struct], known: Collection[str]) -> Iterator[Fault]:
    """Say what is wrong with a rule's keys.

    Args:
        name: its section.
        values: what stands there.
        kind: what a whole rule is.
        known: names of the rules that the settings have.
    """
    fields = {one.name: one for one in msgspec.structs.fields(kind) if one.name != NAME}
    missing = [key for key, one in fields.items() if one.required and key not in values]
    if name not in known and missing:
        near = difflib.get_close_matches(name.casefold(), known, n=1)
        meant = f"did you mean {near[0]!r}? If not, it" if near else "a rule of the city's own"
        yield Fault("", None, f"the settings have no rule {name!r}; {meant} needs {', '.join(missing)} too")
    for key, value in values.items():
        if key == NAME:
            yield Fault(key, value, "the section's name is the rule's; take this away")
        elif key not in fields:
            cure = nearest(key, fields) or f"; there are {', '.join(fields)}"
            yield Fault(key, value, f"there is no such key{cure}")
        elif text := _odd(value, fields[key].type):
            yield Fault(key, value, text)


def _odd(value: object, kind: Any) -> str:  # noqa: ANN401 - a type as it is annotated
    """Say why a value is none of this type, "" = it is one."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"a finite number is needed, not {value}; leave the key out where there is none"
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        number = as_number(value.replace(",", ".", 1)) if isinstance(value, str) else math.nan
        takes = inspect.type_info(kind)
        cure = f"; write {number:.15g}" if number == number and _is_number(takes) else _nearest(value, takes)
        return needed(_words(takes), value) + cure
    return ""


def _kinds(takes: inspect.Type) -> tuple[inspect.Type, ...]:
    found = takes.types if isinstance(takes, inspect.UnionType) else (takes,)
    return tuple(one for one in found if not isinstance(one, inspect.NoneType))


def _is_number(takes: inspect.Type) -> bool:
    return any(isinstance(one, inspect.FloatType | inspect.IntType) for one in _kinds(takes))


def _nearest(value: object, takes: inspect.Type) -> str:
    choices = [str(one) for kind in _kinds(takes) if isinstance(kind, inspect.LiteralType) for one in kind.values]
    return nearest(value, choices) if isinstance(value, str) else ""


def _words(takes: inspect.Type) -> str:
    """Return what a type takes, in words."""
    words = []
    for one in _kinds(takes):
        if isinstance(one, inspect.FloatType | inspect.IntType):
            words.append("a number" if one.ge is None else f"a number from {one.ge:g}")
        elif isinstance(one, inspect.LiteralType):
            words.append(f"one of {', '.join(map(str, one.values))}")
        elif isinstance(one, inspect.BoolType):
            words.append("true or false")
        else:
            words.append("a text" if isinstance(one, inspect.StrType) else shown(type(one).__name__))
    return " or ".join(words)
