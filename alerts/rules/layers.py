"""Rules merged by name: what one layer says of a rule is laid over what the layers below it say.

The layers are what ships, then the settings, then the city. Who changes one number names the rule and that number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from processors.maths.rule_levels import rule_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Origin: TypeAlias = Literal["default", "settings", "city"]


class Layer(NamedTuple):
    """Rules by name, as far as one source has something to say of them."""

    origin: Origin
    rules: Mapping[str, Mapping[str, Any]]


class Merged(NamedTuple):
    """A rule in force."""

    values: dict[str, Any]
    origins: dict[str, Origin]
    """The way to each value, `iv` or `record.cause.en` → the layer that gave it."""


def merged(layers: Sequence[Layer]) -> dict[str, Merged]:
    """Return every rule of any layer by name, those of the first layer first.

    >>> city = Layer("city", {"heat": {"iv": 38}, "fog": {"iv": 200}})
    >>> found = merged([Layer("default", {"heat": {"iv": 35, "iii": 37}}), city])
    >>> {name: one.values for name, one in found.items()}
    {'heat': {'iv': 38, 'iii': 37}, 'fog': {'iv': 200}}
    >>> found["heat"].origins
    {'iv': 'city', 'iii': 'default'}
    """
    found: dict[str, Merged] = {}
    for origin, rules in layers:
        for name, own in rules.items():
            below = found.get(name, Merged({}, {}))
            values = rule_over(below.values, own)
            origins = {**below.origins, **dict.fromkeys(_ways(own), origin)}
            found[name] = Merged(values, {way: origins[way] for way in _ways(values) if way in origins})
    return found


def _ways(values: Mapping[str, Any], way: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _ways(value, f"{way}{key}.")
        else:
            yield f"{way}{key}"
