"""Alarm rules in force: those of the settings with the city's own (`rules.toml`) laid over them, checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from deploy.config import clashes
from deploy.config.components import discover
from deploy.config.rule_keys import faults
from processors.maths.rules import laid_over
from streams.city.check import Checked, check
from streams.city.findings import Findings, sentences
from streams.errors import CityFileError
from streams.toml_keys import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.city.folder import Folder
    from streams.city.versions import Rules
    from streams.contract.spec import Config

FILE = "rules.toml"
RULES = "rules"


def checked(folder: Folder, components: Mapping[str, Mapping[str, Any]]) -> Checked:
    """Check a city folder: also whether the processors can judge its rules with these settings, and its own columns.

    Its own domains have been taken in.
    """
    found = check(folder)
    findings = Findings()
    clashes.judge(folder, discover(), findings)
    for name in found.content.rules:
        for one in _problems(name, found.content.rules, components):
            findings.problem(f"{folder.name}/{FILE}", one.text, f"rule {name}", one.key, one.value)
    return replace(found, findings=(*found.findings, *findings.found))


def in_force(folder: Folder, components: Mapping[str, Mapping[str, Any]]) -> Rules:
    """Return each processor with the rules by which it raises alarms.

    Raises CityFileError with what is wrong with the folder.
    """
    found = checked(folder, components)
    if found.problems:
        raise CityFileError(sentences(found.problems, folder.name))
    own = found.content.rules
    return {name: laid_over(one[RULES], own) if RULES in one else None for name, one in components.items()}


def _problems(name: str, own: Mapping[str, Any], components: Mapping[str, Mapping[str, Any]]) -> list[Fault]:
    """Say what is wrong with a rule, by the first processor that takes rules; nothing where one takes it."""
    specs = discover()
    said = [Fault("", None, "no processor takes rules")]
    for processor, settings in components.items():
        if RULES not in settings or processor not in specs:
            continue
        config = specs[processor].config
        [kind] = [get_args(one.type)[0] for one in msgspec.structs.fields(config) if one.name == RULES]
        found = list(faults(name, own[name], kind, [one["name"] for one in settings[RULES]]))
        found = found or _faults_of_whole(name, own[name], settings, config)
        if not found:
            return []
        said = found
    return said


def _faults_of_whole(
    name: str, values: Mapping[str, Any], settings: Mapping[str, Any], config: type[Config]
) -> list[Fault]:
    """Say what is wrong with a rule whose keys are right one by one, in the processor's own words."""
    merged = [one for one in laid_over(settings[RULES], {name: values}) if one["name"] == name]
    try:
        msgspec.convert({**settings, RULES: merged}, config)
    except msgspec.ValidationError as exc:
        found = []
        for sentence in str(exc).removeprefix(f"rule {name}: ").split(f"; rule {name}: "):
            key, colon, text = sentence.partition(": ")
            is_key = bool(colon) and key in merged[0]
            found.append(Fault(key, merged[0][key], text) if is_key else Fault("", None, sentence))
        return found
    return []
