"""Alarm rules in force: those of the settings with the city's own (`rules.toml`) laid over them, checked."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from alerts.rules.layers import Layer, merged
from alerts.rules.record import Found
from alerts.rules.shipped import shipped
from deploy.config import clashes, combining
from deploy.config.combining import RULES, judge_of
from deploy.config.components import discover
from deploy.config.rule_keys import NAME, PROCESSOR, faults, is_enabled, unknown
from deploy.config.rule_layers import beside, kind_of
from processors.maths.rule_levels import LEVELS, rule_over
from processors.maths.rules import judged
from streams.city.check import Checked, check
from streams.city.findings import Findings, sentences
from streams.errors import CityFileError
from streams.toml_keys import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streams.city.folder import Folder
    from streams.city.parts import Sensor
    from streams.city.versions import Rules
    from streams.contract.spec import Config

    Own = Mapping[str, Mapping[str, Any]]

FILE = "rules.toml"

NONE: Own = MappingProxyType({})
ABOUT = {"domain", "column", "sense", "kind", "over_s", "at"}
"""Keys of a rule that say what its limits are of: with one of them odd, no limit can be judged."""


def checked(folder: Folder, components: Own, own_rules: Own = NONE) -> Checked:
    """Check a city folder: also whether the processors can judge its rules with these settings, and its own columns.

    Its own domains have been taken in.

    Args:
        folder: the city's.
        components: each processor's settings.
        own_rules: what the settings' own file says of which rule.
    """
    found = check(folder)
    findings = Findings()
    clashes.judge(folder, discover(), findings)
    layers = [Layer("default", shipped()), Layer("settings", own_rules)]
    below = merged(layers)
    faults = [
        (name, one)
        for name, own in found.content.rules.items()
        for one in _problems(name, own, below[name].values if name in below else {}, components)
    ]
    whole = merged([*layers, Layer("city", found.content.rules)])
    if found.content.rules:
        faults += combining.faults({name: one.values for name, one in whole.items()}, discover())
    for name, one in faults:
        findings.problem(f"{folder.name}/{FILE}", one.text, f"rule {name}", one.key, one.value)
    for name, rule in whole.items() if not faults else ():
        for key, text in _too_short(rule.values, found.content.sensors):
            findings.notice(f"{folder.name}/{FILE}", text, f"rule {name}", key, rule.values[key])
    return replace(found, findings=(*found.findings, *findings.found))


def in_force(folder: Folder, components: Own, own_rules: Own = NONE) -> Rules:
    """Return each processor, and who else raises alarms, with the rules by which it does.

    Raises CityFileError with what is wrong with the folder.
    """
    found = checked(folder, components, own_rules)
    if found.problems:
        raise CityFileError(sentences(found.problems, folder.name))
    whole = merged([Layer("default", shipped()), Layer("settings", own_rules), Layer("city", found.content.rules)])
    alone = {name: one.values for name, one in whole.items() if PROCESSOR in one.values}
    by_themselves = _by_themselves(alone)
    own: dict[str, dict[str, Any]] = {}
    for name, values in found.content.rules.items():
        own.setdefault("" if name in alone else judge_of(whole[name].values), {})[name] = values
    return {name: by_themselves.get(name) for name in (*components, *by_themselves)} | {
        name: judged(one[RULES], own.get(name, {})) for name, one in components.items() if RULES in one
    }


def _by_themselves(rules: Own) -> dict[str, list[dict[str, Any]]]:
    """Return processor → the rules that it judges by itself, as far as the alarm engine goes by them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, values in rules.items():
        own = {key: value for key, value in values.items() if key in Found.__struct_fields__}
        rule = msgspec.to_builtins(msgspec.convert(own, Found))
        found.setdefault(rule[PROCESSOR], []).append({NAME: name, **rule})
    return found


def _too_short(rule: Mapping[str, Any], sensors: Sequence[Sensor]) -> Iterator[tuple[str, str]]:
    """Yield the limits of a rule of absence below which some sensor rightly says nothing: (key, sentence)."""
    if rule.get("kind") != "absence" or not is_enabled(rule):
        return
    slow = [one for one in sensors if one.domain == rule.get("domain")]
    for key in LEVELS:
        passed = [one for one in slow if rule.get(key) is not None and one.interval_s > rule[key]]
        if passed:
            slowest = max(passed, key=lambda one: one.interval_s)
            more = f" and {len(passed) - 1:,} more" if len(passed) > 1 else ""
            text = f"{rule[key]:g} s is shorter than the interval of {slowest.id} ({slowest.interval_s:g} s){more}"
            yield key, f"{text}: it is not judged there; write a longer limit where it should be"


def _problems(name: str, own: Mapping[str, Any], below: Mapping[str, Any], components: Own) -> list[Fault]:
    """Say what is wrong with a rule: its keys, else all of it together, and its record."""
    whole, configs = rule_over(below, own), {name: spec.config for name, spec in discover().items()}
    if PROCESSOR in below:
        return list(beside(whole, own, configs))
    found, is_clear = _of_keys(name, own, judge_of(whole), components)
    return [*found, *beside(whole, own, configs)] if is_clear else found


def _of_keys(name: str, own: Mapping[str, Any], judge: str, components: Own) -> tuple[list[Fault], bool]:
    """Say what is wrong with a rule's keys, by the processor that judges it → also whether it is clear which it is."""
    settings, specs = components.get(judge, {}), discover()
    if RULES not in settings or judge not in specs:
        return [Fault("", None, f"the processor {judge}, which would judge it, is not there")], False
    config = specs[judge].config
    known = [one["name"] for one in settings[RULES]]
    found = list(faults(name, own, kind_of(config), known))
    if not found:
        return _faults_of_whole(name, own, settings, config), True
    odd = {one.key for one in found}
    if name in known and not odd & ABOUT:  # what is wrong with the other keys is said at once, too
        right = {key: one for key, one in own.items() if key not in odd}
        found += [one for one in _faults_of_whole(name, right, settings, config) if one.key in right]
    return found, not unknown(name, own, kind_of(config), known)


def _faults_of_whole(
    name: str, values: Mapping[str, Any], settings: Mapping[str, Any], config: type[Config]
) -> list[Fault]:
    """Say what is wrong with a rule whose keys are right one by one, in the processor's own words."""
    whole = [one for one in judged(settings[RULES], {name: values}) if one[NAME] == name]
    try:
        msgspec.convert({**settings, RULES: whole}, config)
    except msgspec.ValidationError as exc:
        found = []
        for sentence in str(exc).removeprefix(f"rule {name}: ").split(f"; rule {name}: "):
            key, colon, text = sentence.partition(": ")
            is_key = bool(colon) and key in whole[0]
            found.append(Fault(key, whole[0][key], text) if is_key else Fault("", None, sentence))
        return found
    return []
