"""The rules that ship, as plain data: `<rule>.toml` has the sections `rule` and `record`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alerts.rules.record import RECORD
from streams.errors import ConfigError
from streams.hints import nearest_or_all
from streams.toml_files import read_toml

FOLDER = Path(__file__).parent
RULE = "rule"


def shipped() -> dict[str, dict[str, Any]]:
    """Return name → the rule's values, its record among them.

    Raises ConfigError that names the file which is none of a rule.
    """
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.toml"))}


def file_of(name: str) -> Path:
    """Return the file in which a rule that ships stands."""
    return FOLDER / f"{name}.toml"


def _read(path: Path) -> dict[str, Any]:
    try:
        sections = read_toml(path)
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path}: cannot be read: {exc}") from exc
    for name, section in sections.items():
        if name not in {RULE, RECORD}:
            raise ConfigError(f"{path}: [{name}]: there is no such section{nearest_or_all(name, (RULE, RECORD))}")
        if not isinstance(section, dict):
            raise ConfigError(f"{path}: {name}: a rule's file has the sections [{RULE}] and [{RECORD}]")
    if RULE not in sections:
        raise ConfigError(f"{path}: there is no section [{RULE}]; a rule's file is that section and its [{RECORD}]")
    return {**sections[RULE], RECORD: sections.get(RECORD, {})}
