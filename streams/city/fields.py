"""Fields of a city folder's files: read and judged one by one; what is wrong is refused with file, feature and field.

Every function raises CityFileError.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.errors import CityFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise CityFileError(f"{path}: cannot be read: {exc}") from exc


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise CityFileError(f"{path}: cannot be read: {exc}") from exc
    if not isinstance(found, dict):
        raise CityFileError(f"{path}: a GeoJSON object is needed, not {type(found).__name__}")
    return found


def features(path: Path) -> list[dict[str, Any]]:
    """Read the features of a GeoJSON file: at least one, each with properties."""
    found = read_json(path).get("features")
    if not isinstance(found, list) or not found:
        raise CityFileError(f"{path}: features: a GeoJSON FeatureCollection with at least one feature is needed")
    for index, feature in enumerate(found):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
            raise CityFileError(f"{path}: feature {index}: properties: an object is needed")
    return found


def text(properties: Mapping[str, Any], field_name: str, path: Path, name: str) -> str:
    """Return a text that is not empty."""
    found = properties.get(field_name)
    if not isinstance(found, str) or not found:
        raise CityFileError(f"{path}: {name}: {field_name}: a text is needed, not {found!r}")
    return found


def flag(properties: Mapping[str, Any], field_name: str, path: Path, name: str) -> bool:
    """Return true or false; false where nothing stands."""
    found = properties.get(field_name, False)
    if not isinstance(found, bool):
        raise CityFileError(f"{path}: {name}: {field_name}: true or false is needed, not {found!r}")
    return found


def number(properties: Mapping[str, Any], field_name: str, path: Path, name: str) -> float:
    """Return a finite number."""
    found = properties.get(field_name)
    try:
        value = float(found)  # type: ignore[arg-type]  # whatever stands there is judged by float()
    except (TypeError, ValueError):
        value = float("nan")
    if not np.isfinite(value):
        raise CityFileError(f"{path}: {name}: {field_name}: a number is needed, not {found!r}")
    return value


def positive(properties: Mapping[str, Any], field_name: str, path: Path, name: str) -> float:
    """Return a number above 0."""
    found = number(properties, field_name, path, name)
    if found <= 0:
        raise CityFileError(f"{path}: {name}: {field_name}: a number above 0 is needed, not {found:g}")
    return found


def choice(properties: Mapping[str, Any], field_name: str, choices: tuple[str, ...], path: Path, name: str) -> str:
    """Return one of the choices."""
    found = text(properties, field_name, path, name)
    if found not in choices:
        raise CityFileError(f"{path}: {name}: {field_name}: {found!r} is not one of {', '.join(choices)}")
    return found


def reference(properties: Mapping[str, Any], field_name: str, codes: Mapping[str, int], path: Path, name: str) -> int:
    """Return the index of what the field names."""
    found = text(properties, field_name, path, name)
    if found not in codes:
        near = difflib.get_close_matches(found, codes, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise CityFileError(f"{path}: {name}: {field_name}: no {field_name} is called {found!r}{hint}")
    return codes[found]


def unique(path: Path, kind: str, ids: list[str]) -> None:
    """Refuse an id that stands there twice."""
    """Return the index of what the field names."""
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise CityFileError(f"{path}: {kind} {one}: id: stands there twice; ids are unique within a city")
        seen.add(one)
