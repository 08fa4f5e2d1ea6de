"""Files of a city folder as TOML tables, GeoJSON features and CSV lines; what cannot be read goes to the findings."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.city.fields import Entry
from streams.city.findings import Findings, needed, readable
from streams.hints import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.city.folder import Folder

SEPARATORS = {";": "semicolons", "\t": "tabs"}
MAY_LACK = ("name_zh", "name_en")
"""A line may end before these columns."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a city folder."""

    findings: Findings
    file: str
    data: bytes | None
    """None = the file is not there."""
    unreadable: str = ""

    @property
    def is_there(self) -> bool:
        """Whether there is such a file, readable or not."""
        return self.data is not None or bool(self.unreadable)

    def problem(self, text: str, place: str = "", field: str = "") -> None:
        """Note what is wrong with the file."""
        self.findings.problem(self.file, text, place, field)

    def text(self) -> str | None:
        """Return the file's text, with or without a byte order mark; None = there is none."""
        if self.unreadable:
            self.problem(f"cannot be read: {self.unreadable}")
        elif self.data is None:
            self.problem("is missing; a city needs it (docs/city-folder.md)")
        elif self.data.startswith((b"\xff\xfe", b"\xfe\xff")):
            self.problem("is UTF-16; save it as UTF-8")
        else:
            try:
                return self.data.decode("utf-8-sig")
            except UnicodeDecodeError as exc:
                line = self.data.count(b"\n", 0, exc.start) + 1
                self.problem(f"is not UTF-8 (byte 0x{self.data[exc.start]:02x}); save it as UTF-8", f"line {line}")
        return None

    def table(self) -> dict[str, Any] | None:
        """Return a TOML file's tables, None = it is none."""
        text = self.text()
        if text is None:
            return None
        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as exc:
            self.problem(f"is no TOML: {str(exc) or 'too deep'}")
            return None

    def collection(self) -> dict[str, Any] | None:
        """Return a GeoJSON file's object with its list of features, None = it is none."""
        text = self.text()
        if text is None:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as exc:
            self.problem(f"is no JSON: {exc}")
            return None
        if not isinstance(found, dict) or not isinstance(found.get("features"), list):
            what = found.get("features") if isinstance(found, dict) else found
            self.problem(needed("a GeoJSON FeatureCollection", what), field="features")
            return None
        return found

    def features(self, found: dict[str, Any], called: str) -> list[tuple[Entry, Any]]:
        """Return properties and geometry of each feature of a collection; one without properties is left out.

        `called` is what its id stands for.
        """
        entries = []
        for index, feature in enumerate(found["features"]):
            place = f"feature {index}"
            properties = feature.get("properties") if isinstance(feature, dict) else None
            if not isinstance(properties, dict):
                self.problem(needed("an object", properties), place, "properties")
                continue
            if isinstance(properties.get("id"), str) and properties["id"]:
                place += f", {called} {readable(properties['id'])}"
            entries.append((Entry(self.findings, self.file, place, properties), feature.get("geometry")))
        return entries

    def lines(self, columns: Sequence[str], optional: Sequence[str] = (), called: str = "") -> list[Entry] | None:
        """Return a CSV file's lines, blank ones left out; None = it cannot be read.

        `called` is the column whose cell names a line in sentences. A line with too many or too few cells is a finding.
        """
        text = self.text()
        if text is None:
            return None
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = []
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    rows.append((reader.line_num, row))
        except csv.Error as exc:
            self.problem(f"is no CSV: {exc}", f"line {reader.line_num}")
            return None
        head = [cell.strip() for cell in rows[0][1]] if rows else []
        while head and not head[-1]:
            head.pop()
        if not self._is_head(head, columns, optional):
            return None
        entries = (self._entry(head, columns, number, row, called) for number, row in rows[1:])
        return [entry for entry in entries if entry is not None]

    def _is_head(self, head: list[str], columns: Sequence[str], optional: Sequence[str]) -> bool:
        missing = [name for name in columns if name not in head]
        if missing and len(head) == 1:
            other = next((name for sign, name in SEPARATORS.items() if sign in head[0]), None)
            if other:
                self.problem(f"{other} stand between the columns; save it with commas", "line 1")
                return False
        if missing:
            names = ", ".join(repr(name) for name in missing)
            text = f"the column {names} is missing" if len(missing) == 1 else f"the columns {names} are missing"
            self.problem(f"{text}; it needs {', '.join(columns)}", "line 1")
        doubled = sorted({name for name in head if name and head.count(name) > 1})
        for name in doubled:
            self.problem(f"the column {name!r} stands there twice", "line 1")
        unknown = [name for name in head if name and name not in (*columns, *optional)]
        for name in unknown:
            near = nearest(name, [one for one in (*columns, *optional) if one not in head])
            if near:
                self.findings.notice(self.file, f"the column {name!r} is not read{near}", "line 1")
        return not missing and not doubled

    def _entry(self, head: list[str], columns: Sequence[str], number: int, row: list[str], called: str) -> Entry | None:
        values = dict(zip(head, row, strict=False))
        place = f"line {number}"
        if called and values.get(called):
            place += f", {called} {readable(values[called])}"
        extra = len(row) - len(head)
        if extra > 0 and any(cell.strip() for cell in row[len(head) :]):
            self.problem(
                f"{len(row)} cells stand under {len(head)} columns; a comma within a cell needs quotes around it", place
            )
            return None
        if any(name not in values for name in columns if name not in MAY_LACK):
            self.problem(f"{len(row)} cells stand under {len(head)} columns; write an empty one as a comma", place)
            return None
        return Entry(self.findings, self.file, place, values)


def source(folder: Folder, name: str, findings: Findings) -> Source:
    """Return a file of the folder."""
    return Source(findings, str(Path(folder.name) / name), folder.files.get(name), folder.unreadable.get(name, ""))
