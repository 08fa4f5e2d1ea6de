"""Alarm rules in layers: those that ship, `[[threshold.rules]]` of the settings, a city's `rules.toml`, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_args

from alerts.rules import record
from alerts.rules.layers import Layer, merged
from alerts.rules.record import RECORD, Found
from deploy.config.combining import RULES, judge_of
from deploy.config.rule_keys import NAME, NUMBERS, PROCESSOR, faults_of_found, is_enabled, unknown
from processors.maths.rule_levels import rule_over
from streams.toml_keys import Fault, faults_within, fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import msgspec

    Values = Mapping[str, Any]
    Configs = Mapping[str, type[msgspec.Struct]]
    """Processor → its settings."""


class Settled(NamedTuple):
    """The rules of the settings."""

    entries: object
    """`rules` of `[threshold]`, with those that ship: the user's first, in their order; what is no rule, as it is."""
    own: dict[str, dict[str, Any]]
    """What the user said of which rule."""
    faults: list[tuple[str, Fault]]
    """By rule: what is wrong beside the keys of the entries."""
    numbers: dict[str, dict[str, Any]]
    """Processor → what the rules that it judges by itself say of its settings."""
    whole: dict[str, dict[str, Any]]
    """Every rule, by name."""


def of_settings(shipped: Mapping[str, Values], said: object, configs: Configs) -> Settled:
    """Lay the user's rules over those that ship.

    Args:
        shipped: by name.
        said: what the user wrote as `rules`, whatever it is.
        configs: each processor's settings.
    """
    if not isinstance(said, list):
        return Settled(said, {}, [], {}, {})
    own: dict[str, dict[str, Any]] = {}
    entries: list[object] = []
    faults: list[tuple[str, Fault]] = []
    for one in said:
        name = _name(one)
        if name is None:
            entries.append(one)
        elif name in own:
            faults.append((name, Fault("", None, "the name stands there twice")))
        else:
            own[name] = _without(one, NAME)
            entries.append({NAME: name, **rule_over(shipped.get(name, {}), own[name])})
    entries += [{NAME: name, **values} for name, values in shipped.items() if name not in own]
    kinds = {name: kind_of(configs[judge_of({**shipped.get(name, {}), **values})]) for name, values in own.items()}
    strange = {name: text for name, values in own.items() if (text := _strange(name, values, kinds[name], shipped))}
    left_out = {*strange, *(name for name, values in shipped.items() if PROCESSOR in values)}
    faults += [(name, Fault("", None, text)) for name, text in strange.items()]
    whole = {name: one.values for name, one in merged([Layer("default", shipped), Layer("settings", own)]).items()}
    for name, values in whole.items():
        if name not in strange:
            faults += [(name, fault) for fault in beside(values, own.get(name, {}), configs)]
    sound = {name: values for name, values in own.items() if name not in {rule for rule, _ in faults}}
    kept = [_without(one, RECORD) for one in entries if _name(one) not in left_out]
    return Settled(kept, own, faults, _numbers(shipped, sound), whole)


def kind_of(config: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return what a whole rule is, by the settings of the processor that judges it."""
    [kind] = get_args(fields_of(config)[RULES].type)[:1]
    return cast("type[msgspec.Struct]", kind)


def beside(whole: Values, own: Values, configs: Configs) -> Iterator[Fault]:
    """Say what is wrong with a rule beside the keys by which `threshold` judges it.

    Args:
        whole: all that is said of it.
        own: what the newest layer says.
        configs: each processor's settings.
    """
    if PROCESSOR in whole:
        numbers = whole.get(NUMBERS, ())
        yield from faults_of_found(own, numbers, configs.get(whole[PROCESSOR]))
        below = {key: value for key, value in whole.items() if key not in {RECORD, *own, *numbers}}
        lacking = {key for key in own if key in Found.__struct_fields__}
        yield from (one for one in faults_within(below, Found) if one.key not in lacking)
    yield from record.faults(whole, enabled=is_enabled(whole))


def _numbers(shipped: Mapping[str, Values], own: Mapping[str, Values]) -> dict[str, dict[str, Any]]:
    """Return processor → the settings that rules of its own give; `own` are those without a fault."""
    found: dict[str, dict[str, Any]] = {}
    for name, values in own.items():
        rule = shipped.get(name, {})
        if PROCESSOR in rule:
            said = {key: value for key, value in values.items() if key in rule[NUMBERS]}
            found.setdefault(rule[PROCESSOR], {}).update(said)
    return found


def _strange(name: str, values: Values, kind: type[msgspec.Struct], shipped: Mapping[str, Values]) -> str:
    """Say which rule is meant, where one that ships has nearly this name and this is no whole one; "" = it is clear."""
    text = unknown(name, values, kind, shipped)
    return text if "did you mean" in text else ""


def _name(entry: object) -> str | None:
    name = entry.get(NAME) if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _without(entry: Any, left_out: str) -> Any:  # noqa: ANN401 - whatever stands in the file
    return {key: value for key, value in entry.items() if key != left_out} if isinstance(entry, dict) else entry
