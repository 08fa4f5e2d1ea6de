"""Plans the replay of a CityPulse folder (which period, which files, what is left out) and writes its city folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from streams.contract.durations import DAY_MS
from streams.errors import CityFileError
from streams.feeds.aarhus.city import Link, SensorRow, middle_of, read_links, write_city
from streams.feeds.aarhus.files import Contents, FileDays, read_rows, scan
from streams.feeds.aarhus.kinds import KINDS
from streams.feeds.aarhus.left_out import days_text, left_out, listed
from streams.feeds.aarhus.named import name_city
from streams.feeds.replay.plan import Plan, epoch_ms, minute_text, save

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from streams.feeds.aarhus.files import Folder
    from streams.feeds.aarhus.left_out import Chosen, Picked
    from streams.feeds.aarhus.named import CityName
    from streams.feeds.replay.plan import Row


class FilesPlan(Plan, frozen=True, kw_only=True, tag="aarhus"):
    """A replay of CityPulse's files."""

    files: dict[str, tuple[FileDays, ...]]
    """Domain → the files it is read from, each with its days. Its keys are the domains that run."""

    def read(self) -> list[Row]:
        """Return the rows in the order in which they are sent."""
        return read_rows(self.files, Path(self.folder), self.city, (self.begin_ms, self.until_ms))


def prepare(folder: Path, out: Path, at: datetime | None = None, until: datetime | None = None) -> FilesPlan:
    """Choose what to replay, write the city folder and the plan into `out`.

    Without `at`: the newest of the days on which the most links reported. Without `until`: to the end of that day.
    UTC where a time has no zone.

    Raises CityFileError where a file cannot be used or the period has no rows.
    """
    found = scan(folder)
    links = read_links(found.links)
    city = name_city(folder, links)
    period = _period(found, at, until)
    chosen = _choose(found.readings, period)
    files = {domain: tuple(_file_days(picked)) for domain, picked in chosen.items()}
    rows = read_rows(files, folder, city.id, period)
    if not rows:
        spans = "; ".join(_spans(found))
        raise CityFileError(f"{folder}: no rows from {minute_text(period[0])} to {minute_text(period[1])}; {spans}")
    counts = Counter(row.domain for row in rows)
    chosen = {domain: picked for domain, picked in chosen.items() if domain in counts}
    sensors = {domain: _sensors(domain, city, links, found, picked) for domain, picked in chosen.items()}
    zones = write_city(out, city.toml, links, [sensor for of_domain in sensors.values() for sensor in of_domain])
    plan = FilesPlan(
        city=city.id,
        folder=str(folder.resolve()),
        files={domain: files[domain] for domain in chosen},
        begin_ms=period[0],
        until_ms=period[1],
        first_at_ms=rows[0].at_ms,
        last_at_ms=rows[-1].at_ms,
        rows={domain: counts[domain] for domain in chosen},
        found=(
            *city.said,
            f"{len(links)} links in {len(zones)} zones",
            f"from {minute_text(period[0])} to {minute_text(period[1])}",
            *(_found(domain, counts[domain], len(sensors[domain]), picked) for domain, picked in chosen.items()),
        ),
        left_out=tuple(left_out(found, chosen, {sensor.key for of in sensors.values() for sensor in of}, period)),
    )
    return save(plan, out)


def city_id(folder: Path) -> str:
    """Return the id of the city that a folder's files are of.

    Raises CityFileError where it has no links.
    """
    return name_city(folder, read_links(scan(folder, links_only=True).links)).id


def _period(found: Folder, at: datetime | None, until: datetime | None) -> tuple[int, int]:
    until_ms = None if until is None else epoch_ms(until)
    if at is not None:
        begin_ms = epoch_ms(at)
    elif until_ms is not None:
        begin_ms = (until_ms - 1) // DAY_MS * DAY_MS
    else:
        begin_ms = _best_day(found) * DAY_MS
    end_ms = (begin_ms // DAY_MS + 1) * DAY_MS if until_ms is None else until_ms
    if end_ms <= begin_ms:
        raise CityFileError(
            f"--until {minute_text(end_ms)} is not after --at {minute_text(begin_ms)}; give a later --until"
        )
    return begin_ms, end_ms


def _best_day(found: Folder) -> int:
    links_of: dict[int, set[str]] = {}
    traffic = [contents for contents in _of_kind(found.readings, "traffic") if contents.days]
    for contents in traffic or found.readings:
        for day, sensors in contents.days.items():
            links_of.setdefault(day, set()).update(sensors)
    odd = [contents for contents in found.readings if contents.unreadable_stamps]
    if not links_of and odd:
        path, stamp = odd[0].path, odd[0].kind.stamp
        raise CityFileError(
            f"{found.path}: no row of readings has a {stamp} that can be read, see {path}; write 2014-08-20T07:30:00"
        )
    if not links_of:
        raise CityFileError(
            f"{found.path}: no file of readings in it; traffic has the columns {', '.join(sorted(KINDS[0].columns))}"
        )
    return max(links_of, key=lambda day: (len(links_of[day]), day))


def _choose(readings: Sequence[Contents], period: tuple[int, int]) -> Chosen:
    """Pick for each domain and day files by falling number of sensors (then rows, then by name), each for new ones."""
    chosen: Chosen = {}
    first, last = period[0] // DAY_MS, (period[1] - 1) // DAY_MS
    for kind in KINDS:
        files = _of_kind(readings, kind.domain)
        picked: dict[int, dict[int, frozenset[str]]] = {}
        for day in sorted({day for file in files for day in file.days if first <= day <= last}):
            holding = [index for index, file in enumerate(files) if day in file.days]
            holding.sort(key=lambda index: (-len(files[index].days[day]), -sum(files[index].days[day].values()), index))
            there: set[str] = set()
            for index in holding:
                if more := frozenset(files[index].days[day]) - there:
                    picked.setdefault(index, {})[day] = more
                    there |= more
        if picked:
            chosen[kind.domain] = [(files[index], days) for index, days in sorted(picked.items())]
    return chosen


def _file_days(picked: Picked) -> Iterator[FileDays]:
    """Yield each file with the days that are taken whole, then with those of which some sensors are."""
    for contents, days in picked:
        alike: dict[tuple[str, ...], list[int]] = {}
        for day, sensors in days.items():
            whole = len(sensors) == len(contents.days[day])
            alike.setdefault(() if whole else tuple(sorted(sensors)), []).append(day)
        for names, own in sorted(alike.items()):
            yield FileDays(contents.path, tuple(own), names)


def _sensors(domain: str, city: CityName, links: Sequence[Link], found: Folder, picked: Picked) -> list[SensorRow]:
    """Return the sensors that occur anywhere in the files that are read, or in others of the same whole."""
    kind = next(one for one in KINDS if one.domain == domain)
    series = {contents.series for contents, _ in picked}
    whole = [contents for contents in _of_kind(found.readings, domain) if contents.series in series]
    reporting = set().union(*(contents.sensors for contents in whole))
    prefix = city.id + kind.suffix
    if domain == "traffic":
        return [
            SensorRow(link.id, prefix + link.id, domain, link.id, link.middle, link.name, link.name)
            for link in links
            if link.id in reporting
        ]
    if domain == "parking":
        garages = {record["garagecode"]: record for record in found.garages}
        return [_garage(prefix, domain, garages[code]) for code in garages if code in reporting]
    names = (f"{city.name_zh}气象站", f"{city.name_en} weather")
    return [SensorRow("", prefix, domain, "", middle_of(links), *names)]


def _garage(prefix: str, domain: str, record: Mapping[str, str]) -> SensorRow:
    code = record["garagecode"]
    try:
        place = (float(record["longitude"]), float(record["latitude"]))
    except ValueError as exc:
        raise CityFileError(f"garage {code}: latitude, longitude: a number is needed: {exc}") from exc
    name = f"{code.title()} ({record.get('street', '')})" if record.get("street") else code.title()
    return SensorRow(code, prefix + code, domain, "", place, f"停车场 {name}", f"Car park {name}")


def _found(domain: str, rows: int, sensors: int, picked: Picked) -> str:
    return f"{domain}: {rows:,} rows (sensors: {sensors:,}) from {listed([file.path for file, _ in picked])}"


def _spans(found: Folder) -> list[str]:
    """Say of each domain when it has rows."""
    days: dict[str, set[int]] = {}
    for one in found.readings:
        days.setdefault(one.kind.domain, set()).update(one.days)
    return [f"there is {domain} of {days_text(list(own))}" for domain, own in days.items() if own]


def _of_kind(readings: Sequence[Contents], domain: str) -> list[Contents]:
    return [contents for contents in readings if contents.kind.domain == domain]
