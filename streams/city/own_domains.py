"""A city's own domains, `domains/<domain>.toml` of its folder, and its timing of those that come along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.city.findings import Findings
from streams.city.folder import DOMAINS, read_folder
from streams.city.formats import source
from streams.domains.schema import Schema, parse, retimed, shipped
from streams.domains.schema import take_in as taken_in

if TYPE_CHECKING:
    from pathlib import Path

    from streams.city.folder import Folder


def own_schemas(folder: Folder, findings: Findings) -> dict[str, Schema | None]:
    """Return the schemas of the domains of which the folder has a file, None = it is wrong: that is in the findings."""
    found: dict[str, Schema | None] = {}
    known = shipped()
    for file in sorted(name for name in {**folder.files, **folder.unreadable} if name.startswith(f"{DOMAINS}/")):
        name = file.removeprefix(f"{DOMAINS}/").removesuffix(".toml")
        text = source(folder, file, findings).text()
        found[name] = None
        if text is None:
            continue
        data = text.encode()
        found[name], faults = retimed(known[name], data) if name in known else parse(name, data)
        for one in faults:
            findings.problem(f"{folder.name}/{file}", one.text, one.place, one.key, one.value)
    return found


def take_in(folder: Path) -> None:
    """Have the domains of a city folder count in this process, before anything asks which domains there are.

    A file that is none is passed over here: the check of the folder refuses it.
    """
    found = own_schemas(read_folder(folder), Findings()) if (folder / DOMAINS).is_dir() else {}
    taken_in({name: schema for name, schema in found.items() if schema is not None})
