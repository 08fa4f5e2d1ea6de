"""Keys of TOML that people wrote, judged one by one: plain words, with the cure."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import inspect

from streams.city.fields import as_number
from streams.city.findings import needed
from streams.errors import ConfigError
from streams.hints import nearest, nearest_or_all
from streams.toml_files import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from msgspec.structs import FieldInfo

T = TypeVar("T", bound=msgspec.Struct)


class Fault(NamedTuple):
    """What is wrong with a table."""

    key: str
    """"" = the table as a whole."""
    value: object
    text: str

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.key}: {self.text}" if self.key else self.text


def laid_over(below: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with another's values over it; tables within it key by key.

    >>> laid_over({"heat": {"iv": 35, "iii": 37}}, {"heat": {"iv": 38}, "fog": {"domain": "weather"}})
    {'heat': {'iv': 38, 'iii': 37}, 'fog': {'domain': 'weather'}}
    """
    found = dict(below)
    for key, value in own.items():
        under = below.get(key)
        found[key] = laid_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return found


def read_as(path: Path, kind: type[T]) -> T:
    """Return what a file of our own says, whose tables are this struct.

    Raises ConfigError that names every fault with the way to it.
    """
    try:
        values = read_toml(path)
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path}: cannot be read: {exc}") from exc
    if found := [str(fault) for fault in faults_within(values, kind)]:
        raise ConfigError(f"{path}: {'; '.join(found)}")
    return msgspec.convert(values, kind)


def faults_within(value: object, kind: Any, way: str = "") -> Iterator[Fault]:  # noqa: ANN401 - a type as it is annotated
    """Say what is wrong with a value and with all that stands in it; a fault's key is the way there, `kinds.fog.zh`.

    The tables of an array are called by their `id`, or by their number where they have none.
    """
    of = get_args(kind)
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = fields_of(kind)
        for key in missing(value, fields):
            yield Fault(_way(way, key), None, needed(words(fields[key].type), None))
        for key, one in value.items():
            if key in fields:
                yield from faults_within(one, fields[key].type, _way(way, key))
            else:
                yield Fault(_way(way, key), one, f"there is no such key{nearest_or_all(key, fields)}")
    elif isinstance(value, dict) and get_origin(kind) is dict:
        for key, one in value.items():
            text = odd(key, of[0])
            yield from (Fault(_way(way, key), key, text),) if text else faults_within(one, of[1], _way(way, key))
    elif isinstance(value, list) and entry_of(kind):
        for number, one in enumerate(value, 1):
            name = one.get("id") if isinstance(one, dict) else None
            yield from faults_within(one, of[0], _way(way, name if isinstance(name, str) else f"number {number}"))
    elif text := odd(value, kind):
        yield Fault(way, value, text)


def _way(way: str, key: str) -> str:
    return f"{way}.{key}" if way else key


@cache  # msgspec works them out from the annotations at each call
def fields_of(kind: type[msgspec.Struct]) -> Mapping[str, FieldInfo]:
    """Return the keys that a table may have."""
    return {one.name: one for one in msgspec.structs.fields(kind)}


def missing(values: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return the keys that a table lacks."""
    return [key for key, one in fields.items() if one.required and key not in values]


def faults_of_keys(values: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> Iterator[Fault]:
    """Say what is wrong with the keys that stand in a table."""
    for key, value in values.items():
        if key not in fields:
            yield Fault(key, value, f"there is no such key{nearest_or_all(key, fields)}")
        elif text := odd(value, fields[key].type):
            yield Fault(key, value, text)


def odd(value: object, kind: Any) -> str:  # noqa: ANN401 - a type as it is annotated
    """Say why a value is none of this type, "" = it is one.

    >>> odd("60", float), odd(3, bool), odd(60, float)
    ("a number is needed, not '60'; write 60", 'true or false is needed, not 3', '')
    """
    if (endless := _endless(value)) is not None:
        return f"a finite number is needed, not {endless}; leave the key out where there is none"
    return "" if _fits(value, kind) else needed(words(kind), value) + _cure(value, kind)


def words(kind: Any) -> str:  # noqa: ANN401 - a type as it is annotated
    """Return what a type takes, in words."""
    return " or ".join(map(_words, _kinds(kind)))


def entry_of(kind: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 - a type as it is annotated
    """Return what the tables of an array are, `[[rules]]`; None = the type is no such array."""
    takes = inspect.type_info(kind)
    item = takes.item_type if isinstance(takes, inspect.VarTupleType | inspect.ListType) else None
    return item.cls if isinstance(item, inspect.StructType) else None


def _fits(value: object, kind: Any) -> bool:  # noqa: ANN401 - a type as it is annotated
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _endless(value: object) -> float | None:
    """Return the first number that is none or without end."""
    if isinstance(value, float) and not math.isfinite(value):
        return value
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for one in within if (found := _endless(one)) is not None), None)


def _cure(value: object, kind: Any) -> str:  # noqa: ANN401 - a type as it is annotated
    if not isinstance(value, str):
        return ""
    number = as_number(value.replace(",", ".", 1))
    if not math.isnan(number) and _fits(int(number) if number.is_integer() else number, kind):
        return f"; write {number:.15g}"
    choices = [str(one) for takes in _kinds(kind) if isinstance(takes, inspect.LiteralType) for one in takes.values]
    return nearest(value, choices)


def _kinds(kind: Any) -> list[inspect.Type]:  # noqa: ANN401 - a type as it is annotated
    takes = inspect.type_info(kind)
    found = takes.types if isinstance(takes, inspect.UnionType) else (takes,)
    return [one for one in found if not isinstance(one, inspect.NoneType)]


def _words(takes: inspect.Type) -> str:
    if isinstance(takes, inspect.FloatType | inspect.IntType):
        return ("a whole number" if isinstance(takes, inspect.IntType) else "a number") + _bounds(takes)
    if isinstance(takes, inspect.LiteralType):
        return f"one of {', '.join(map(str, takes.values))}"
    if isinstance(takes, inspect.VarTupleType | inspect.ListType):
        return f"a list, each {_words(takes.item_type)},"
    if isinstance(takes, inspect.StructType):
        return f"a table with {', '.join(one.encode_name for one in takes.fields)}"
    if isinstance(takes, inspect.DictType):
        return "a table"
    if isinstance(takes, inspect.BoolType):
        return "true or false"
    return "a text" if isinstance(takes, inspect.StrType) else "something else"


def _bounds(takes: inspect.FloatType | inspect.IntType) -> str:
    if takes.ge is not None and takes.le is not None:
        return f" from {takes.ge:,.12g} to {takes.le:,.12g}"
    if takes.ge is not None and takes.lt is None:
        return f" from {takes.ge:,.12g}"
    signs = (("at least", takes.ge), ("above", takes.gt), ("below", takes.lt), ("at most", takes.le))
    said = [f"{sign} {bound:,.12g}" for sign, bound in signs if bound is not None]
    return f" {' and '.join(said)}" if said else ""
