"""The alarm rules of a city, whole, as plain data: each value, where it comes from, and the record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from alerts.rules.layers import Layer, Merged, merged
from alerts.rules.record import RECORD, Found
from alerts.rules.shipped import shipped
from deploy.config import run as runs
from deploy.config import settings
from deploy.config.combining import COMBINATION, judge_of
from deploy.config.components import discover
from deploy.config.rule_keys import ENABLED, NAME, NUMBERS, PROCESSOR
from deploy.config.rules import checked
from deploy.terminal.reading import data_of
from processors.maths.combined import Combination
from processors.maths.rules import UNUSED, Rule
from streams.city.findings import sentences
from streams.city.folder import read_folder
from streams.city.own_domains import take_in
from streams.errors import CityFileError, ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

ORIGINS = "origins"


class _Of(NamedTuple):
    """Where the rules come from."""

    components: Mapping[str, Mapping[str, Any]]
    own_rules: Mapping[str, Mapping[str, Any]]
    city: Path | None


def of(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return every rule by name, sorted.

    Raises ConfigError where settings or city folder cannot be used.
    """
    asked = _asked(args)
    layers = [Layer("default", shipped()), Layer("settings", asked.own_rules)]
    if asked.city is not None:
        take_in(asked.city)
        found = checked(read_folder(asked.city), asked.components, asked.own_rules)
        if found.problems:
            raise CityFileError(sentences(found.problems, str(asked.city)))
        layers.append(Layer("city", found.content.rules))
    return {name: whole(name, one, asked.components) for name, one in sorted(merged(layers).items())}


def whole(name: str, one: Merged, components: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a rule with all its values: what nobody wrote is as the processor has it."""
    values = {key: value for key, value in one.values.items() if key != RECORD}
    unsaid: dict[str, str] = {}
    if PROCESSOR in values:
        values, unsaid = _alone(values, components)
    else:
        judge = judge_of(values)
        rule = msgspec.convert({**values, NAME: name}, Combination if judge == COMBINATION else Rule)
        unused = UNUSED.get(values.get("kind", ""), ())
        used = {key: value for key, value in msgspec.to_builtins(rule).items() if key not in unused}
        values = {PROCESSOR: judge, **used}
    unsaid = {key: "default" for key in values if key not in {NAME, PROCESSOR, NUMBERS}} | unsaid
    record = one.values.get(RECORD, {})
    return {NAME: name, ENABLED: True, **values, RECORD: record, ORIGINS: {**unsaid, **one.origins}}


def _alone(
    values: Mapping[str, Any], components: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return all of a rule that a processor judges by itself, and which of its numbers that one's section gave."""
    own = {key: value for key, value in values.items() if key in Found.__struct_fields__}
    rule = msgspec.to_builtins(msgspec.convert(own, Found))
    spec = discover().get(rule[PROCESSOR])  # an authority has no numbers here
    usual = {} if spec is None else msgspec.to_builtins(spec.config())
    section = {**usual, **components.get(rule[PROCESSOR], {})}
    given = {key: "settings" for key in rule[NUMBERS] if section[key] != usual[key]}
    return {**rule, **{key: section[key] for key in rule[NUMBERS]}, **values}, given


def _asked(args: argparse.Namespace) -> _Of:
    """Return what the options name, else the city that runs or ran last, else the settings."""
    if args.city is None and args.config is None:
        try:
            run = runs.read(data_of(args))
            return _Of(run.components, run.own_rules, run.city_path)
        except ConfigError:
            if args.data is not None:
                raise
    found = settings.load(args.config)
    city = args.city or (Path(found.stack.city) if found.stack.city else None)
    return _Of(found.components, found.own_rules, city)
