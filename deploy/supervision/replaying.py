"""What a replay adds to a run: its city, its end and its report."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import msgspec

from deploy.supervision import pulses
from deploy.supervision.counts import Counts, counts_of, offsets_of
from deploy.supervision.launch import Wanted
from streams.broker import topics
from streams.city.registry import load_city
from streams.contract.name import Name
from streams.domains.schema import all_domains
from streams.errors import CityError, SettingError
from streams.feeds import aarhus, recorded
from streams.feeds.replay.running import DONE_FILE
from streams.sinks.history.opening import open_history

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from deploy.config.run import Run
    from deploy.config.settings import Settings
    from deploy.supervision.pulses import PartPulse
    from streams.feeds.replay.plan import Plan

LOOK_EVERY_S = 0.5
QUIET_S = 3.0
"""So long nothing may move after the files have ended: longer than a fetch waits and a pulse takes. A part that is at
work on much at once tells nothing meanwhile: each has to have told, behind that time, that it has nothing to do."""
HOSTED = ("intake", "processors", "processors_second", "alarms", "sinks_live", "sinks_history")
NEVER_QUIET = (topics.BOOKS, topics.LIVE)
"""Books are sent once a second whatever happens."""
STAGE_OF = {"zone": topics.readings, "intake": topics.inbox}


def city_id(folder: Path, city: Path | None) -> str:
    """Return the id of the city that a folder's files are of."""
    if city is not None or _is_recorded(folder):
        return load_city(city or folder).id
    return aarhus.city_id(folder)


def prepare(args: argparse.Namespace, settings: Settings, data: Path, say: Callable[[str], None]) -> Wanted:
    """Choose what is replayed, write its city folder, say what was found and left out.

    Raises CityFileError where the files cannot be used.
    """
    begun_s, city_folder = time.monotonic(), data / "city"
    if _is_recorded(args.dir):
        plan: Plan = recorded.prepare(args.dir, city_folder, args.at, args.until, city=args.city)
    else:
        plan = aarhus.prepare(args.dir, city_folder, args.at, args.until)
    for line in plan.found:
        say(f"found {line}")
    for line in plan.left_out:
        say(f"left out {line}")
    if args.city is not None:
        load_city(args.city)
        recorded.copy_city(args.city, city_folder)
    city = load_city(city_folder)
    return Wanted(
        settings=settings,
        city_id=city.id,
        city_name=Name(city.name_zh, city.name_en),
        city_folder=city_folder,
        mode="replay",
        speed=args.speed,
        data=data,
        show=not args.no_open,
        begun_s=begun_s,
    )


def _is_recorded(folder: Path) -> bool:
    """Tell a city folder with inbox records, or inbox records alone, from files like those of Aarhus."""
    return bool(recorded.line_files(folder, all_domains())) or (folder / "sensors.csv").is_file()


class Watch:
    """Tells when a replay has ended: files sent, everything absorbed, the last window stored, the books closed."""

    def __init__(self, say: Callable[[str], None], *, stay: bool, report: Path | None) -> None:
        self._say = say
        self._stay = stay
        self._report = report
        self._looked_at = 0.0
        self._quiet_since = self._quiet_since_ms = 0.0
        self._seen: object = None
        self._told = False

    def __call__(self, run: Run) -> bool:
        """Look, at most twice a second → whether the run is over."""
        now = time.monotonic()
        if self._told or now - self._looked_at < LOOK_EVERY_S:
            return False
        self._looked_at = now
        if not self._is_quiet(run, now):
            return False
        counts = closed_counts(run)
        if counts is None:
            return False
        self._tell(counts)
        self._told = True
        return not self._stay

    def _is_quiet(self, run: Run, now: float) -> bool:
        done = run.data_path / DONE_FILE
        if not done.exists():
            return False
        found = pulses.read(run.data_path)
        if not all_absorbed(found, done.stat().st_mtime_ns // 1_000_000):
            self._seen = None
            return False
        seen = {part: _positions(pulse) for part, pulse in found.items()}
        if seen != self._seen:
            self._seen, self._quiet_since, self._quiet_since_ms = seen, now, time.time() * 1000
        told_ms = min(pulse.at_ms for pulse in found.values())
        return now - self._quiet_since >= QUIET_S and told_ms >= self._quiet_since_ms + QUIET_S / 2 * 1000

    def _tell(self, counts: Counts) -> None:
        dead = sum(counts.dead_lettered.values())
        self._say(
            f"the files have ended: {counts.readings_in:,} readings, {counts.in_frames:,} used, "
            f"{counts.duplicates:,} duplicates, {dead:,} dead letters"
        )
        if self._report is not None:
            _write(self._report, msgspec.json.format(msgspec.json.encode(counts), indent=2) + b"\n")


def check_report(path: Path) -> None:
    """Raise SettingError where a report cannot be written: a day of replay is not to end with that."""
    if os.path.isdir(path) or not os.access(path if os.path.exists(path) else path.parent, os.W_OK):
        raise SettingError(f"--report {path}: no file can be written there; choose another place")


def _write(report: Path, text: bytes) -> None:
    try:
        report.write_bytes(text)
    except OSError as exc:
        raise SettingError(f"--report {report}: cannot be written: {exc.strerror}") from exc


def all_absorbed(found: dict[str, PartPulse], since_ms: int) -> bool:
    """Tell whether every stage has, after that wall time, seen all that was sent to it."""
    return all(part in found for part in HOSTED) and all(
        found[part].at_ms > since_ms
        and found[part].is_at_work  # else it knows of no lag
        and all(one.lag_records == 0 for one in found[part].partitions if one.topic not in NEVER_QUIET)
        for part in found
    )


def _positions(pulse: PartPulse) -> list[tuple[str, int, int]]:
    return [(one.topic, one.partition, one.absorbed) for one in pulse.partitions if one.topic not in NEVER_QUIET]


def closed_counts(run: Run) -> Counts | None:
    """Return the counts once the stored books go as far as the stages and miss nothing."""
    try:
        history = open_history(run.history, read_only=True)
        try:
            books = history.books()
        finally:
            history.close()
    except CityError:
        return None
    stored = offsets_of(books)
    absorbed = {
        (one.topic, one.partition): one.absorbed
        for pulse in pulses.read(run.data_path).values()
        for one in pulse.partitions
    }
    for stage, topic in STAGE_OF.items():
        for domain in all_domains():
            for (name, partition), offset in absorbed.items():
                if name == topic(domain) and offset > stored.get((stage, domain, partition), 0):
                    return None
    counts = counts_of(books)
    return counts if counts.missing == 0 else None
