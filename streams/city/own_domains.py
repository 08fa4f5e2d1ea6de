"""A city's own domains: `domains/<domain>.toml` of its folder, beside those that come along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.city.findings import Findings
from streams.city.folder import DOMAINS, read_folder
from streams.city.formats import source
from streams.domains.schema import Schema, parse, shipped
from streams.domains.schema import take_in as taken_in
from streams.errors import SchemaError

if TYPE_CHECKING:
    from pathlib import Path

    from streams.city.folder import Folder


def own_schemas(folder: Folder, findings: Findings) -> dict[str, Schema]:
    """Return the schemas of the folder's own domains; what is none goes to the findings."""
    found = {}
    known = shipped()
    for file in sorted(name for name in {**folder.files, **folder.unreadable} if name.startswith(f"{DOMAINS}/")):
        name = file.removeprefix(f"{DOMAINS}/").removesuffix(".toml")
        text = source(folder, file, findings).text()
        if text is None:
            continue
        if name in known:
            findings.problem(f"{folder.name}/{file}", f"CityWall has a domain {name!r}; give it another name")
            continue
        try:
            found[name] = parse(f"{folder.name}/{file}", name, text.encode())
        except SchemaError as exc:
            findings.problem(f"{folder.name}/{file}", str(exc).removeprefix(f"{folder.name}/{file}: "))
    return found


def take_in(folder: Path) -> None:
    """Have the own domains of a city folder count in this process, before anything asks which domains there are.

    A file that is none is passed over here: the check of the folder refuses it.
    """
    taken_in(own_schemas(read_folder(folder), Findings()) if (folder / DOMAINS).is_dir() else {})
