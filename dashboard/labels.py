"""Names in both languages: of domains, columns, metrics, and of what an alarm is about."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from alerts.kinds import title
from dashboard.places import Name
from streams.domains.schema import load_schemas

LANGUAGES = ("zh", "en")
DOMAIN_ORDER = (
    "traffic", "transit", "parking", "environment", "weather", "water",
    "energy", "safety", "fire", "sanitation", "services", "health",
)  # fmt: skip
"""The same thing always in the same place; a domain not named here comes after, by name."""


@cache
def messages() -> dict[str, dict[str, str]]:
    """Return language → key → text."""
    folder = Path(__file__).parent / "i18n"
    return {language: json.loads((folder / f"{language}.json").read_text(encoding="utf-8")) for language in LANGUAGES}


def text(key: str) -> Name | None:
    """Return a message in both languages, None where there is none."""
    found = messages()
    return Name(found["zh"][key], found["en"][key]) if key in found["zh"] else None


def domain_names(domains: tuple[str, ...]) -> dict[str, Name]:
    """Return names of the domains, in the wall's order."""
    schemas = load_schemas()
    order = {name: index for index, name in enumerate(DOMAIN_ORDER)}
    inward = sorted(domains, key=lambda name: (order.get(name, len(order)), name))
    return {name: Name(schemas[name].zh, schemas[name].en) if name in schemas else Name(name, name) for name in inward}


@cache
def column_name(domain: str, column: str) -> Name | None:
    """Return the name of a domain's column."""
    schema = load_schemas().get(domain)
    found = [known for known in schema.columns if known.name == column] if schema else []
    return Name(found[0].zh, found[0].en) if found else None


@cache
def column_unit(domain: str, column: str) -> str:
    """Return a column's unit, empty for a ratio or a count."""
    schema = load_schemas().get(domain)
    return next((known.unit for known in schema.columns if known.name == column), "") if schema else ""


@cache
def kind_name(kind: str) -> Name:
    """Return what an alarm says; a kind without a name stands for itself."""
    return Name(title(kind, "zh"), title(kind, "en"))


def unit_name(unit: str) -> Name:
    """Return a unit as people read it: 1/m² counts people, 1/h cases."""
    return text(f"unit.{unit}") or Name(unit, unit)


def as_json(name: Name) -> dict[str, Any]:
    """Return a name as the stream carries it."""
    return {"zh": name.zh, "en": name.en}
