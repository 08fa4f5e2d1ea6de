"""Plans the replay of a CityPulse folder (which period, which files, what is left out) and writes its city folder."""

from __future__ import annotations

import secrets
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from streams.errors import CityFileError
from streams.feeds.aarhus.city import CITY_ID, Link, SensorRow, middle_of, read_links, write_city
from streams.feeds.aarhus.files import DAY_MS, KINDS, Contents, FileDays, Folder, Kind, day_text, read_rows, scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.feeds.aarhus.files import Row

PLAN_FILE = "plan.json"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay sends. Written beside the city folder, so that the feed's process finds it after each restart."""

    run: str
    """Marks this replay's records in the inbox; each `prepare` makes another."""
    city: str
    folder: str
    files: dict[str, tuple[FileDays, ...]]
    """Domain → the files it is read from, each with its days. Its keys are the domains that run."""
    begin_ms: int
    until_ms: int
    """The period: begin_ms <= event time < until_ms."""
    first_at_ms: int
    last_at_ms: int
    """Event time of the first and the last row."""
    rows: dict[str, int]
    """Domain → rows."""
    found: tuple[str, ...]
    left_out: tuple[str, ...]
    """Sentences for the person who started it."""

    def read(self) -> list[Row]:
        """Return the rows in the order in which they are sent."""
        return read_rows(self.files, Path(self.folder), self.begin_ms, self.until_ms)


def prepare(folder: Path, out: Path, at: datetime | None = None, until: datetime | None = None) -> Plan:
    """Choose what to replay, write the city folder and the plan into `out`.

    Without `at`: the newest of the days on which the most links reported. Without `until`: to the end of that day.
    UTC where a time has no zone.

    Raises CityFileError where a file cannot be used or the period has no rows.
    """
    found = scan(folder)
    links = read_links(found.links)
    begin_ms, until_ms = _period(found, at, until)
    chosen = _choose(found.readings, begin_ms, until_ms)
    files = {
        domain: tuple(FileDays(contents.path.name, tuple(days)) for contents, days in picked)
        for domain, picked in chosen.items()
    }
    rows = read_rows(files, folder, begin_ms, until_ms)
    if not rows:
        spans = "; ".join(_spans(found))
        raise CityFileError(f"{folder}: no rows from {_text(begin_ms)} to {_text(until_ms)}; {spans}")
    counts = Counter(row.domain for row in rows)
    chosen = {domain: picked for domain, picked in chosen.items() if domain in counts}
    sensors = {domain: _sensors(domain, links, found, picked) for domain, picked in chosen.items()}
    zones = write_city(out, links, [sensor for of_domain in sensors.values() for sensor in of_domain])
    plan = Plan(
        run=secrets.token_hex(8),
        city=CITY_ID,
        folder=str(folder.resolve()),
        files={domain: files[domain] for domain in chosen},
        begin_ms=begin_ms,
        until_ms=until_ms,
        first_at_ms=rows[0].at_ms,
        last_at_ms=rows[-1].at_ms,
        rows={domain: counts[domain] for domain in chosen},
        found=(
            f"{len(links)} links in {len(zones)} zones",
            f"from {_text(begin_ms)} to {_text(until_ms)}",
            *(_found(domain, counts[domain], len(sensors[domain]), picked) for domain, picked in chosen.items()),
        ),
        left_out=tuple(_left_out(found, chosen, links, (begin_ms, until_ms))),
    )
    (out / PLAN_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(plan)))
    return plan


def load_plan(city_folder: Path) -> Plan:
    """Read the plan that `prepare` wrote there.

    Raises CityFileError where it is missing or of another version.
    """
    path = city_folder / PLAN_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except (OSError, msgspec.DecodeError) as exc:
        raise CityFileError(f"{path}: cannot be read: {exc}; start the replay again") from exc


Picked = list[tuple[Contents, list[int]]]
"""Files of one domain, each with the days that are read from it."""
Chosen = dict[str, Picked]


def _period(found: Folder, at: datetime | None, until: datetime | None) -> tuple[int, int]:
    until_ms = None if until is None else _ms(until)
    if at is not None:
        begin_ms = _ms(at)
    elif until_ms is not None:
        begin_ms = (until_ms - 1) // DAY_MS * DAY_MS
    else:
        begin_ms = _best_day(found) * DAY_MS
    end_ms = (begin_ms // DAY_MS + 1) * DAY_MS if until_ms is None else until_ms
    if end_ms <= begin_ms:
        raise CityFileError(f"--until {_text(end_ms)} is not after --at {_text(begin_ms)}; give a later --until")
    return begin_ms, end_ms


def _best_day(found: Folder) -> int:
    links_of: dict[int, int] = {}
    for contents in _of_kind(found.readings, "traffic") or found.readings:
        for day, sensors in contents.sensors.items():
            links_of[day] = max(links_of.get(day, 0), len(sensors))
    if not links_of:
        raise CityFileError(
            f"{found.path}: no file of readings in it; traffic has the columns {', '.join(sorted(KINDS[0].columns))}"
        )
    return max(links_of, key=lambda day: (links_of[day], day))


def _choose(readings: Sequence[Contents], begin_ms: int, until_ms: int) -> Chosen:
    """Pick for each domain and day the file with more sensors, then with more rows, then the first by name."""
    chosen: Chosen = {}
    for kind in KINDS:
        files = _of_kind(readings, kind.domain)
        days_of: dict[int, list[int]] = {}
        for day in range(begin_ms // DAY_MS, (until_ms - 1) // DAY_MS + 1):
            holding = [index for index, file in enumerate(files) if day in file.rows]
            if holding:
                best = max(holding, key=lambda index: (len(files[index].sensors[day]), files[index].rows[day], -index))
                days_of.setdefault(best, []).append(day)
        if days_of:
            chosen[kind.domain] = [(files[index], days) for index, days in sorted(days_of.items())]
    return chosen


def _sensors(domain: str, links: Sequence[Link], found: Folder, picked: Picked) -> list[SensorRow]:
    kind = next(one for one in KINDS if one.domain == domain)
    reporting = {sensor for file, _ in picked for sensors in file.sensors.values() for sensor in sensors}
    if domain == "traffic":
        return [
            SensorRow(kind.prefix + link.id, domain, link.id, link.middle, link.name, link.name)
            for link in links
            if link.id in reporting
        ]
    if domain == "parking":
        return [_garage(kind, record) for record in found.garages if record["garagecode"] in reporting]
    return [SensorRow(kind.prefix, domain, "", middle_of(links), "奥胡斯气象站", "Aarhus weather")]


def _garage(kind: Kind, record: Mapping[str, str]) -> SensorRow:
    code = record["garagecode"]
    try:
        place = (float(record["longitude"]), float(record["latitude"]))
    except ValueError as exc:
        raise CityFileError(f"garage {code}: latitude, longitude: a number is needed: {exc}") from exc
    name = f"{code.title()} ({record.get('street', '')})" if record.get("street") else code.title()
    return SensorRow(kind.prefix + code, kind.domain, "", place, f"停车场 {name}", f"Car park {name}")


def _found(domain: str, rows: int, sensors: int, picked: Picked) -> str:
    return f"{domain}: {rows:,} rows (sensors: {sensors:,}) from {', '.join(file.path.name for file, _ in picked)}"


def _left_out(found: Folder, chosen: Chosen, links: Sequence[Link], period: tuple[int, int]) -> list[str]:
    sentences = []
    days = range(period[0] // DAY_MS, (period[1] - 1) // DAY_MS + 1)
    known = {link.id for link in links}
    for contents in found.readings:
        name, domain = contents.path.name, contents.kind.domain
        taken = {day for file, own in chosen.get(domain, ()) if file is contents for day in own}
        if doubled := [day for day in days if day in contents.rows and day not in taken]:
            rows = sum(contents.rows[day] for day in doubled)
            sentences.append(f"{name}: {rows:,} rows of {_days(doubled)}, which another file has with more sensors")
        if other := [day for day in contents.rows if day not in days]:
            sentences.append(f"{name}: {sum(contents.rows[day] for day in other):,} rows of other days, {_days(other)}")
        if contents.unreadable_stamps:
            sentences.append(f"{name}: {contents.unreadable_stamps:,} rows without a readable {contents.kind.stamp}")
        if domain == "traffic" and taken:
            strangers = sorted(set().union(*(contents.sensors[day] for day in taken)) - known)
            if strangers:
                sentences.append(
                    f"{name}: {len(strangers)} links have no place, their rows become dead letters: {strangers[0]} …"
                )
    return [*sentences, *(f"{name}: nothing that is replayed" for name in found.other)]


def _spans(found: Folder) -> list[str]:
    return [f"{one.path.name} has {one.kind.domain} of {_days(list(one.rows))}" for one in found.readings if one.rows]


def _days(days: Sequence[int]) -> str:
    first, last = day_text(min(days)), day_text(max(days))
    return first if first == last else f"{first} to {last}"


def _of_kind(readings: Sequence[Contents], domain: str) -> list[Contents]:
    return [contents for contents in readings if contents.kind.domain == domain]


def _ms(at: datetime) -> int:
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="minutes")
