"""Combinations among the alarm rules: which processor judges a rule, and whether what a combination is of can stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.config.rule_keys import PROCESSOR, is_enabled
from streams.hints import nearest
from streams.toml_keys import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.contract.spec import Spec

    Values = Mapping[str, Any]
    Specs = Mapping[str, Spec]

THRESHOLD, COMBINATION = "threshold", "combination"
"""The processors that judge rules; of the second, the kind of its rules, too."""
RULES, DOMAIN_OF = "rules", "domain_of"
"""Keys of their sections."""
ELSEWHERE = f'a combination is written under [[{THRESHOLD}.{RULES}]], with kind = "{COMBINATION}"'


def judge_of(rule: Values) -> str:
    """Return the processor that judges a rule, none of those that a processor judges by itself.

    >>> judge_of({"kind": "level"}), judge_of({"kind": "combinatoin", "of": ["heat", "rain_heavy"]})
    ('threshold', 'combination')
    """
    return COMBINATION if rule.get("kind") == COMBINATION or "of" in rule else THRESHOLD


def sections(entries: object, rules: Mapping[str, Values], specs: Specs) -> dict[str, dict[str, Any]]:
    """Return what the sections of those that judge rules get of the entries of `[[threshold.rules]]`.

    `rules` are all of them, by name.
    """
    if not isinstance(entries, list):
        return {THRESHOLD: {RULES: entries}}
    mine: dict[str, list[object]] = {THRESHOLD: [], COMBINATION: []}
    for one in entries:
        mine[judge_of(one) if isinstance(one, dict) else THRESHOLD].append(one)
    combined = {RULES: mine[COMBINATION], DOMAIN_OF: domains(rules, specs)}
    return {THRESHOLD: {RULES: mine[THRESHOLD]}, COMBINATION: combined}


def domains(rules: Mapping[str, Values], specs: Specs) -> dict[str, str]:
    """Return the rules that can be part of a combination, those that the zones of one domain are judged by → it."""
    found = {name: _domain(rule, specs) for name, rule in rules.items()}
    return {name: domain for name, domain in found.items() if domain}


def faults(rules: Mapping[str, Values], specs: Specs) -> Iterator[tuple[str, Fault]]:
    """Say of each combination that is enabled what of it can never stand, by its name."""
    can_stand = domains(rules, specs)
    for name, rule in rules.items():
        if judge_of(rule) == COMBINATION and is_enabled(rule) and isinstance(rule.get("of"), list | tuple):
            for one in rule["of"]:  # what is no text is said to be none where its keys are judged
                if isinstance(one, str) and (text := _odd(one, rules, can_stand)):
                    yield name, Fault("of", one, text)


def _odd(name: str, rules: Mapping[str, Values], can_stand: Mapping[str, str]) -> str:
    if name not in rules:
        return f"there is no rule {name!r}{nearest(name, can_stand)}"
    rule = rules[name]
    if judge_of(rule) == COMBINATION:
        return f"{name!r} is a combination itself; write the rules that it is of instead"
    if name not in can_stand:
        judge = rule.get(PROCESSOR, THRESHOLD)
        return f"{name!r} cannot be part of one: {judge} does not find it in the zones of one domain"
    if not is_enabled(rule):
        return f"{name!r} is switched off; enable it, or take it out"
    return ""


def _domain(rule: Values, specs: Specs) -> str:
    """Return the one domain whose zones a rule is judged in, "" = there is none, or more."""
    spec, domain = specs.get(rule.get(PROCESSOR, judge_of(rule))), rule.get("domain")
    return domain if spec is not None and not spec.second_level and isinstance(domain, str) else ""
