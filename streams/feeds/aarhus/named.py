"""What a folder's city is called: as its city.toml says, else Aarhus where its links lie there, else as they say."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from streams.city.findings import needed
from streams.errors import CityFileError
from streams.toml_files import read_toml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streams.feeds.aarhus.city import Link

AARHUS = ("aarhus", "奥胡斯", "Aarhus", "Europe/Copenhagen", "CityPulse EU FP7, CC BY 4.0")
AARHUS_AT = ((9.7, 10.7), (55.8, 56.5))
"""Within these degrees of longitude and latitude."""
UNKNOWN_ZONE = "UTC"
HEAD = ("id", "name_zh", "name_en")


class CityName(NamedTuple):
    """The head of a city folder."""

    id: str
    name_zh: str
    name_en: str
    toml: str
    """The city.toml."""
    said: tuple[str, ...] = ()
    """Sentences for the person who started it."""


def name_city(folder: Path, links: Sequence[Link]) -> CityName:
    """Name the city of a folder and its links.

    Raises CityFileError where the folder's own city.toml cannot be read.
    """
    own = folder / "city.toml"
    if own.is_file():
        return _of_file(own)
    inside = sum(
        all(low <= at <= high for at, (low, high) in zip(link.middle, AARHUS_AT, strict=True)) for link in links
    )
    if 2 * inside > len(links):
        return CityName(*AARHUS[:3], _toml(*AARHUS))
    cities = Counter(link.city for link in links if link.city)
    name = cities.most_common(1)[0][0] if cities else folder.resolve().name
    city = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "city"
    said = f"a city without a time zone, taken as {UNKNOWN_ZONE}: put a city.toml into {folder} (docs/city-folder.md)"
    return CityName(city, name, name, _toml(city, name, name, UNKNOWN_ZONE, ""), (f"{name}, {said}",))


def _of_file(path: Path) -> CityName:
    try:
        table = read_toml(path)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as exc:
        raise CityFileError(f"{path}: cannot be read: {exc}") from exc
    for key in HEAD:
        if not isinstance(table.get(key), str):
            raise CityFileError(f"{path}: {key}: {needed('a text', table.get(key))}")
    return CityName(table["id"], table["name_zh"], table["name_en"], text)


def _toml(city: str, name_zh: str, name_en: str, time_zone: str, attribution: str) -> str:
    values = {"id": city, "name_zh": name_zh, "name_en": name_en, "time_zone": time_zone, "attribution": attribution}
    return "".join(f"{key} = {_quoted(value)}\n" for key, value in values.items())


def _quoted(text: str) -> str:
    """Write a text as TOML has it; what JSON escapes, TOML does alike."""
    return json.dumps(text, ensure_ascii=False)
