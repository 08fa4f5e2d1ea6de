"""What a trial runs over: the processor with its settings, and the recording that the command line names."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from deploy.config import run as runs
from deploy.config import settings
from deploy.config.components import discover
from deploy.terminal.reading import data_of, take_in_domains
from deploy.terminal.timespan import iso
from deploy.trial import topic
from deploy.trial.recording import Recording, of_lines, of_plan
from deploy.trial.running import Outcome, Trial
from streams.broker import topics
from streams.city.own_domains import take_in
from streams.city.registry import load_city
from streams.contract.spec import Hosted
from streams.domains.schema import all_domains
from streams.errors import ConfigError, SettingError
from streams.feeds.aarhus import prepare
from streams.feeds.recorded import ENDINGS, line_files
from streams.hints import nearest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from streams.contract.spec import Spec


class Tried(NamedTuple):
    """A processor, the first-level ones behind it, and what it made of a recording."""

    hosted: Hosted
    behind: list[Hosted]
    recording: Recording
    outcome: Outcome


def tried(args: argparse.Namespace, also: Sequence[str] = ()) -> Tried:
    """Run the processor that the command line names over the recording that it names.

    `also` are names that the command takes besides those of processors.

    Raises ConfigError when something asked for is not there, ServerError when Kafka cannot be used.
    """
    if args.city or Path(args.on).is_dir():
        take_in(args.city or Path(args.on))
    else:
        take_in_domains(args)
    one, behind = _hosted(args, discover(), also)
    if args.from_ms is not None and args.until_ms is not None and args.until_ms <= args.from_ms:
        raise SettingError(f"--until {iso(args.until_ms)} is not after --from {iso(args.from_ms)}; give a later one")
    with _recording(args, one.spec.taken()) as recording:
        outcome = Trial(recording, one, behind).run(args.from_ms, args.until_ms)
    if not outcome.admission["in_frames"]:
        raise SettingError(f"--on {args.on}: {_nothing(recording, outcome, one, args)}")
    return Tried(one, behind, recording, outcome)


def _hosted(args: argparse.Namespace, specs: Mapping[str, Spec], also: Sequence[str]) -> tuple[Hosted, list[Hosted]]:
    """Return the processor, and the first-level ones behind it, each with its settings."""
    if args.name not in specs:
        hint = nearest(args.name, [*also, *specs])
        raise SettingError(f"no processor is called {args.name!r}{hint}; there are {', '.join([*also, *specs])}")
    components = settings.load(args.config).components

    def with_settings(name: str) -> Hosted:
        return Hosted(name, specs[name], msgspec.convert(components.get(name, {}), specs[name].config))

    asked = with_settings(args.name)
    if not asked.spec.second_level:
        return asked, []
    domains = set(asked.spec.taken())
    first = [name for name, one in specs.items() if not one.second_level and domains & set(one.taken())]
    return asked, [with_settings(name) for name in first]


@contextmanager
def _recording(args: argparse.Namespace, domains: tuple[str, ...]) -> Iterator[Recording]:
    folder = Path(args.on)
    if folder.is_dir():
        files = line_files(folder, domains)
        if files or line_files(folder, all_domains()):
            yield _of_lines(args, folder, files, domains)
            return
        with tempfile.TemporaryDirectory() as scratch:
            yield _of_files(args, folder, Path(scratch), domains)
    elif topic.domain_of(args.on) is not None:
        yield _of_topic(args, domains)
    elif folder.is_file():
        raise SettingError(f"--on {args.on}: a file; name the folder that it lies in, {folder.parent}")
    else:
        hint = nearest(args.on, topics.domain_of())
        raise SettingError(
            f"--on {args.on}: there is no such folder, and no topic is called so{hint}; "
            "topics are city.inbox.v1.<domain> and city.readings.v1.<domain>"
        )


def _of_lines(args: argparse.Namespace, folder: Path, files: Mapping[str, Path], domains: tuple[str, ...]) -> Recording:
    if not files:
        there = ", ".join(sorted(line_files(folder, all_domains())))
        raise SettingError(f"--on {folder}: {args.name} reads {', '.join(domains)}; the folder has {there}")
    return of_lines(str(folder), files, load_city(args.city or folder))


def _of_files(args: argparse.Namespace, folder: Path, scratch: Path, domains: tuple[str, ...]) -> Recording:
    if (folder / "city.toml").exists():
        raise SettingError(
            f"--on {folder}: a city folder without readings; put inbox records, one a line, into "
            f"<domain>{ENDINGS[0]} there, such as {domains[0]}{ENDINGS[0]}"
        )
    begin, end = (
        None if at is None else datetime.fromtimestamp(at / 1000, UTC) for at in (args.from_ms, args.until_ms)
    )
    plan = prepare(folder, scratch, begin, end)
    if not set(domains) & set(plan.rows):
        raise SettingError(
            f"--on {folder}: {args.name} reads {', '.join(domains)}; the files have {', '.join(plan.rows)} "
            f"from {iso(plan.begin_ms)} to {iso(plan.until_ms)}; choose another time with --from"
        )
    return of_plan(str(folder), plan, load_city(args.city or scratch), domains)


def _of_topic(args: argparse.Namespace, domains: tuple[str, ...]) -> Recording:
    if topic.domain_of(args.on) not in domains:
        raise SettingError(
            f"--on {args.on}: {args.name} reads {', '.join(domains)}; give {topics.readings(domains[0])}"
        )
    try:
        known = None if args.kafka and args.city else runs.read(data_of(args))
    except ConfigError as exc:
        raise SettingError(
            f"--on {args.on}: no city runs here ({exc}); name Kafka and city with --kafka HOST:PORT --city DIR"
        ) from exc
    kafka = args.kafka or (known.kafka if known else "")
    city = args.city or (known.city_path if known else Path())
    return topic.of_topic(args.on, kafka, load_city(city))


def _nothing(recording: Recording, outcome: Outcome, tried: Hosted, args: argparse.Namespace) -> str:
    """Say why not a single reading reached the processor."""
    if not recording.taken.readings_in:
        return f"there are no readings of {', '.join(recording.sources)} in it"
    reasons = {**recording.taken.dead_lettered, **{key: count for key, count in outcome.admission.items() if count}}
    dead = ", ".join(
        f"{reason} {count:,}" for reason, count in sorted(reasons.items(), key=lambda one: (-one[1], one[0]))
    )
    where = "" if args.from_ms is None and args.until_ms is None else " in the time of --from and --until"
    return f"none of {recording.taken.readings_in:,} readings can be used by {tried.name}{where}" + (
        f": {dead}" if dead else ""
    )
