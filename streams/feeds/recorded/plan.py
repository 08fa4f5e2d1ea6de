"""Plans the replay of a city folder with recorded inbox records, and copies the folder's city."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from streams.city.registry import load_city
from streams.domains.schema import all_domains, load_schemas
from streams.errors import CityFileError
from streams.feeds.recorded.lines import ENDINGS, NEVER_MS, arrivals, line_files
from streams.feeds.replay.plan import Plan, Row, epoch_ms, minute_text, save, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

CITY_SUFFIXES = (".toml", ".geojson", ".csv")
CITY_FOLDERS = ("domains",)
MOMENT_MS = 1


class RecordsPlan(Plan, frozen=True, kw_only=True, tag="recorded"):
    """A replay of inbox records."""

    files: dict[str, str]
    """Domain → its file in the folder."""

    def read(self) -> list[Row]:
        """Return the records of the period in the order in which they arrived."""
        return list(_within(self.files, Path(self.folder), (self.begin_ms, self.until_ms)))


def prepare(
    folder: Path, out: Path, at: datetime | None = None, until: datetime | None = None, *, city: Path | None = None
) -> RecordsPlan:
    """Choose what to replay, copy the city (`city`, else that of `folder`) and write the plan into `out`.

    Without `at` from the first record, without `until` to the last. UTC where a time has no zone.

    Raises CityFileError where a file cannot be used or the period has no records.
    """
    own = load_city(city or folder)
    files = {domain: path.name for domain, path in line_files(folder, all_domains()).items()}
    begin_ms, until_ms = -(2**62) if at is None else epoch_ms(at), 2**62 if until is None else epoch_ms(until)
    if until_ms <= begin_ms:
        raise CityFileError(
            f"--until {minute_text(until_ms)} is not after --at {minute_text(begin_ms)}; give a later one"
        )
    rows = list(_within(files, folder, (begin_ms, until_ms)))
    timeless = {row.domain for row in rows} - {row.domain for row in rows if row.at_ms != NEVER_MS}
    rows = [row for row in rows if row.domain not in timeless]
    if not rows:
        raise CityFileError(f"{folder}: {_nothing(files, folder)}")
    copy_city(city or folder, out)
    counts = Counter(row.domain for row in rows)
    first_ms, last_ms = rows[0].at_ms, rows[-1].at_ms
    plan = RecordsPlan(
        city=own.id,
        folder=str(folder.resolve()),
        files={domain: files[domain] for domain in counts},
        begin_ms=max(begin_ms, first_ms),
        until_ms=min(until_ms, last_ms + MOMENT_MS),
        first_at_ms=first_ms,
        last_at_ms=last_ms,
        rows=dict(counts),
        disorder_ms={domain: load_schemas()[domain].disorder_ms for domain in counts},
        found=(
            f"{own.name_en}: sensors {len(own.sensors):,}, segments {len(own.segments):,}, zones {len(own.zones):,}",
            f"from {minute_text(first_ms)} to {minute_text(last_ms)}",
            *(f"{domain}: {count:,} records from {files[domain]}" for domain, count in counts.items()),
        ),
        left_out=tuple(_left_out(files, folder, counts, timeless)),
    )
    return save(plan, out)


def _within(files: dict[str, str], folder: Path, period: tuple[int, int]) -> Iterator[Row]:
    begin_ms, until_ms = period
    for row in arrivals({domain: folder / name for domain, name in files.items()}):
        if begin_ms <= row.at_ms < until_ms:
            yield row


def _nothing(files: dict[str, str], folder: Path) -> str:
    if not files:
        return f"no inbox records in it; put them, one a line, into <domain>{ENDINGS[0]}, such as traffic{ENDINGS[0]}"
    there = list(_within(files, folder, (-(2**62), 2**62)))
    if not there:
        return f"{', '.join(files.values())}: not a single record"
    if there[-1].at_ms == NEVER_MS:
        return f"{', '.join(files.values())}: not a single record that can be read (docs/inbox.md); one a line, UTF-8"
    first, last = minute_text(there[0].at_ms), minute_text(there[-1].at_ms)
    return f"no records in that time; they arrived from {first} to {last}"


def _left_out(files: dict[str, str], folder: Path, counts: Counter[str], timeless: set[str]) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.name.endswith(ENDINGS) and path.name not in files.values():
            domains = ", ".join(all_domains())
            yield f"{written(path.name)}: no domain is called so, or it has another file; domains are {domains}"
    for domain, name in files.items():
        if domain in timeless:
            yield f"{name}: not a single record that can be read, so none that has a time"
        elif domain not in counts:
            yield f"{name}: no records in that time"


def copy_city(folder: Path, out: Path) -> None:
    """Copy what of a folder may be a city's, and nothing else that lies there."""
    out.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_file() and path.suffix in CITY_SUFFIXES:
            shutil.copyfile(path, out / path.name)
        elif path.is_dir() and path.name in CITY_FOLDERS:
            shutil.copytree(path, out / path.name, dirs_exist_ok=True)
