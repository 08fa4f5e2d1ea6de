"""Names in both languages: of domains, columns, metrics, and of what an alarm is about."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from alerts.kinds import title
from streams.contract.name import Name
from streams.domains.schema import load_schemas

LANGUAGES = ("zh", "en")


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
    known = {name: schema.called for name, schema in schemas.items() if name in domains}
    return known | {name: Name(name, name) for name in sorted(domains) if name not in schemas}


@cache
def column_name(domain: str, column: str) -> Name | None:
    """Return the name of a domain's column."""
    schema = load_schemas().get(domain)
    found = [known for known in schema.columns if known.name == column] if schema else []
    return found[0].called if found else None


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
