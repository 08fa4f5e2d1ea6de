"""Names in both languages: of domains, columns, metrics, and of what an alarm is about."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from dashboard.places import Name
from streams.schema import load_schemas

LANGUAGES = ("zh", "en")
DOMAIN_ORDER = (
    "traffic", "transit", "parking", "environment", "weather", "water",
    "energy", "safety", "fire", "sanitation", "services", "health",
)  # fmt: skip
"""The same thing always in the same place; a domain not named here comes after, by name."""

_SIDES = {"high": Name("过高", "too high"), "low": Name("过低", "too low"), "full": Name("已满", "full")}
_UNITS = (
    "km_h", "veh_h", "ug_m3", "mg_m3", "mg_l", "persons_h", "per_m2", "per_h", "mm_h", "m3_h", "m_s",
    "ratio", "count", "ntu", "mpa", "kpa", "hpa", "deg", "hz", "db", "cm", "mm", "mw", "c", "m", "s",
)  # fmt: skip


@cache
def messages() -> dict[str, dict[str, str]]:
    """Return language → key → text."""
    folder = Path(__file__).parent / "i18n"
    return {
        language: json.loads((folder / f"{language}.json").read_text(encoding="utf-8")) for language in LANGUAGES
    }


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
def kind_name(domain: str, kind: str) -> Name:
    """Return what an alarm says: its own message, else `<column> too high`, else its kind in words."""
    own = text(f"kind.{kind}")
    if own:
        return own
    stem, _, side = kind.rpartition("_")
    if side in _SIDES:
        for column in [stem, *(f"{stem}_{unit}" for unit in _UNITS)]:
            name = column_name(domain, column)
            if name:
                return Name(name.zh + _SIDES[side].zh, f"{name.en} {_SIDES[side].en}")
    whole = column_name(domain, kind)
    if whole:
        return Name(whole.zh + "异常", f"{whole.en} abnormal")
    words = kind.replace("_", " ")
    return Name(words, words[:1].upper() + words[1:])


def as_json(name: Name) -> dict[str, Any]:
    """Return a name as the stream carries it."""
    return {"zh": name.zh, "en": name.en}
