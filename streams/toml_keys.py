"""Keys of TOML that people wrote, judged one by one: plain words, with the cure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import inspect

from streams.city.fields import as_number, nearest
from streams.city.findings import needed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from msgspec.structs import FieldInfo


class Fault(NamedTuple):
    """What is wrong with a table."""

    key: str
    """"" = the table as a whole."""
    value: object
    text: str

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.key}: {self.text}" if self.key else self.text


def fields_of(kind: type[msgspec.Struct]) -> dict[str, FieldInfo]:
    """Return the keys that a table may have."""
    return {one.name: one for one in msgspec.structs.fields(kind)}


def missing(values: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return the keys that a table lacks."""
    return [key for key, one in fields.items() if one.required and key not in values]


def faults_of_keys(values: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> Iterator[Fault]:
    """Say what is wrong with the keys that stand in a table."""
    for key, value in values.items():
        if key not in fields:
            cure = nearest(key, fields) or f"; there are {', '.join(fields)}"
            yield Fault(key, value, f"there is no such key{cure}")
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
    if isinstance(takes, inspect.DictType | inspect.StructType):
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
