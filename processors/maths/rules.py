"""A rule of `threshold`: which mean is an alarm, and what makes a rule one that could never hold."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np

from processors.maths.hold import Limits
from processors.maths.measures import TRAFFIC
from processors.maths.places import Same
from processors.maths.rule_faults import odd_limits, odd_words
from processors.maths.rule_levels import LEVELS, rule_over
from streams.city.windows import Weekly, odd_schedule  # at run time: msgspec reads the types of the fields
from streams.contract.durations import MINUTE_MS, MINUTE_S
from streams.domains.schema import late_limit_ms, load_schemas
from streams.hints import nearest
from streams.toml_keys import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from processors.maths.combined import Combination
    from streams.city.registry import City


C = TypeVar("C", bound=msgspec.Struct)
R = TypeVar("R", "Rule", "Combination")

KEPT_CITIES = 32
"""So many cities' rules, and settings by them, are remembered: frames name the last few."""

OVER = ("change", "count")
"""Kinds that look at so many minutes: `over_s`."""

UNITS = {"count": "", "absence": "s"}
"""Units of the limits of those kinds for which it is not the column's."""

UNUSED = {
    "absence": ("sense", "dead_band", "on_delay_s", "off_delay_s", "grace_s"),
    "deviation": ("grace_s",),
}
"""By kind: keys that it has no use for. Of an absence the limit is the delay, and the first value ends it."""
BASIS_ZH = "basis_zh"
"""Key in the evidence of a detection: its `basis` in Chinese."""

RECORD = "record"
"""What people should know of a rule (`alerts.rules.record`): not for judging."""


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a rule's numbers come from, in both languages."""

    zh: Annotated[str, msgspec.Meta(pattern=r"\S")]
    en: Annotated[str, msgspec.Meta(pattern=r"\S")]


def cited(reference: str | Reference) -> tuple[str, dict[str, str]]:
    """Return what a detection says of it: its basis, and what its evidence has besides.

    >>> cited("own choice"), cited(Reference(zh="自定", en="own choice"))
    (('own choice', {}), ('own choice', {'basis_zh': '自定'}))
    """
    return (reference, {}) if isinstance(reference, str) else (reference.en, {BASIS_ZH: reference.zh})


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a column's mean is an alarm. A limit that is left out: the rule does not have that level."""

    name: str
    """The bad thing, e.g. `pm2_5_high`: the detection's kind."""
    enabled: bool = True
    """`false`: it is not judged."""
    domain: str
    column: str
    sense: Literal["above", "below"] = "above"
    """`above`: a mean at or above the limit counts; `below`: one below it."""
    kind: Literal["level", "change", "count", "absence", "deviation"] = "level"
    """What the limits are of: the minute's mean; how far it has moved in `over_s`; how many minutes of the last
    `over_s`, it among them, had a mean beyond `at`, in the rule's sense; for how many seconds the column has brought
    no value; how far the mean is from what is usual at this hour of such a day."""
    over_s: Annotated[int, msgspec.Meta(ge=60)] | None = None
    """Whole minutes, at most as long as its domain waits for late readings. For `change` and `count`."""
    at: float | None = None
    """For `count`, in the column's unit."""
    iv: float | None = None
    iii: float | None = None
    ii: float | None = None
    i: float | None = None
    dead_band: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """How far the mean must come back behind the limit before the level may fall, in the column's unit."""
    on_delay_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """How long a level must hold before it counts."""
    off_delay_s: Annotated[float, msgspec.Meta(ge=0)] = 120.0
    """How long a milder level must hold before it counts."""
    grace_s: Annotated[float, msgspec.Meta(ge=0)] | None = None
    """A reading that comes so long after its time may still raise a level. Left out: as long as its domain allows."""
    latching: bool = False
    """Its alarms stay, once the condition is over, until somebody resets them. The alarm engine's; so `schedule`."""
    schedule: Weekly | None = None
    """When its alarms are presented, each day or week at the city's clock: outside of it they are suppressed."""
    basis: Literal["standard", "local", "proposal"]
    reference: str | Reference
    """Standard with clause, local order, or `own choice`; one text, or one in each language."""

    @property
    def over_ms(self) -> int:
        """`over_s` in milliseconds, 0 = it has none."""
        return 0 if self.over_s is None else self.over_s * 1000

    @property
    def limits(self) -> Limits:
        """The limits from IV to I, as arithmetic takes them."""
        ordered = [np.nan if limit is None else limit for limit in (self.iv, self.iii, self.ii, self.i)]
        first, second, third, fourth = ordered
        below = self.sense == "below" and self.kind != "count"
        return Limits((first, second, third, fourth), below, self.dead_band, self.on_delay_s, self.off_delay_s)


def judged(rules: Iterable[Mapping[str, Any]], own: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules of a processor, as plain data, with a city's own laid over them; new names at the end.

    Records stay out; what is nothing but a record is of a kind that some processor finds without a rule.
    """
    known = {str(rule["name"]): dict(rule) for rule in rules}
    numbers = {name: {key: value for key, value in values.items() if key != RECORD} for name, values in own.items()}
    found = known | {name: rule_over(known.get(name, {}), values) for name, values in numbers.items() if values}
    return [{**values, "name": name} for name, values in found.items()]


def in_force(rules: tuple[R, ...], city: City, kind: type[R], odd: Callable[[R], Iterable[str]]) -> tuple[R, ...]:
    """Return the enabled rules of the settings, of one kind, with the city's own laid over them.

    `odd` says what is wrong with one.

    One of the city's that this build does not understand counts as the settings have it; `deploy` refuses such a
    folder, but a newer build may have taken it.
    """
    return _in_force(rules, Same(city), kind, odd) if city.rules else tuple(rule for rule in rules if rule.enabled)


@lru_cache(maxsize=KEPT_CITIES)
def _in_force(rules: tuple[R, ...], same: Same, kind: type[R], odd: Callable[[R], Iterable[str]]) -> tuple[R, ...]:
    known = {rule.name: rule for rule in rules}
    for values in judged([msgspec.to_builtins(rule) for rule in rules], same.city.rules):
        with suppress(msgspec.ValidationError):
            rule = msgspec.convert(values, kind)
            if not list(odd(rule)):
                known[rule.name] = rule
    return tuple(rule for rule in known.values() if rule.enabled)


def with_numbers(config: C, city: City, kinds: tuple[str, ...]) -> C:
    """Return a processor's settings with the numbers that the city has for the kinds that it judges by itself.

    Of what this build does not understand nothing is taken: then the settings count, as with `in_force`.
    """
    return _with_numbers(config, Same(city), kinds) if city.rules else config


@lru_cache(maxsize=KEPT_CITIES)
def _with_numbers(config: C, same: Same, kinds: tuple[str, ...]) -> C:
    rules = (same.city.rules.get(kind, {}) for kind in kinds)
    own = {key: value for rule in rules for key, value in rule.items() if key in config.__struct_fields__}
    try:
        return msgspec.convert({**msgspec.to_builtins(config), **own}, type(config)) if own else config
    except msgspec.ValidationError:
        return config


def problems(rule: Rule) -> Iterable[str]:
    """Say what is wrong with a rule: the rule, the key and the cure."""
    return [sentence for sentence in _problems(rule) if sentence]


def _problems(rule: Rule) -> Iterable[str]:
    schemas = load_schemas()
    yield from odd_words(rule)
    limits = {key: limit for key in LEVELS if (limit := getattr(rule, key)) is not None}
    if rule.domain == TRAFFIC:
        yield f"rule {rule.name}: domain: of {TRAFFIC} slow_traffic judges; a rule can watch any other"
    elif rule.domain not in schemas:
        yield f"rule {rule.name}: domain: there is none called {rule.domain!r}{nearest(rule.domain, schemas)}"
    elif rule.column not in schemas[rule.domain].names:
        near = nearest(rule.column, schemas[rule.domain].names)
        yield f"rule {rule.name}: column: {rule.domain} has no column {rule.column!r}{near}"
    else:
        columns = schemas[rule.domain].columns
        yield from odd_limits(rule, limits, next(one for one in columns if one.name == rule.column))
    yield from _odd_kind(rule)
    yield from _odd_numbers(rule)
    if not limits:
        yield f"rule {rule.name}: at least one of {', '.join(LEVELS)} is needed"
    if list(limits.values()) != sorted(set(limits.values()), reverse=rule.limits.below):
        written = ", ".join(f"{key} = {limit:g}" for key, limit in limits.items())
        yield f"rule {rule.name}: from iv to i the limits must get stricter ({rule.sense}), not {written}"
    if text := odd_schedule(rule.schedule):
        yield f"rule {rule.name}: schedule: {text}"


def _odd_kind(rule: Rule) -> Iterable[str]:
    """Say what a rule that looks at more than a minute lacks, or has too much."""
    if (rule.over_s is None) == (rule.kind in OVER):
        lacks = "needs whole minutes, such as 600" if rule.over_s is None else "is for kind = change or count alone"
        yield f"rule {rule.name}: over_s: kind {rule.kind} {lacks}"
    elif rule.over_ms % MINUTE_MS or rule.over_ms >= late_limit_ms(rule.domain):
        most = late_limit_ms(rule.domain) // 1000 - MINUTE_S
        yield f"rule {rule.name}: over_s: whole minutes from 60 to {most} s are needed, not {rule.over_s}"
    if (rule.at is None) == (rule.kind == "count"):
        lacks = "needs the mean beyond which a minute counts" if rule.at is None else "has none"
        yield f"rule {rule.name}: at: kind {rule.kind} {lacks}"


def _odd_numbers(rule: Rule) -> Iterable[str]:
    """Say which numbers of a rule its kind has no use for."""
    usual = fields_of(Rule)
    for key in UNUSED.get(rule.kind, ()):
        if (value := getattr(rule, key)) != usual[key].default:
            shown = value if isinstance(value, str) else f"{value:g}"
            yield f"rule {rule.name}: {key}: kind {rule.kind} has none; take {shown} away"
