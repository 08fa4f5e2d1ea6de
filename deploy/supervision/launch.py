"""From a command line to a running city: settings, data folder, servers, supervisor, and the end."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from deploy.config import run as runs
from deploy.config import settings
from deploy.config.run import Run
from deploy.embedded import borrowed, kafka, valkey
from deploy.supervision import disk, folder, pulses, refused_city, stack
from deploy.supervision.supervisor import Supervisor
from streams.errors import ConfigError, SettingError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from deploy.config.run import Mode, Speed
    from deploy.config.settings import Settings
    from deploy.supervision.folder import Lock
    from streams.contract.name import Name


SIGNALS_PART = "feeds_signals"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `up` and `replay` share."""
    parser.add_argument("--port", type=int, metavar="N", help="the wall's port (default 8050; 0 = any free one)")
    parser.add_argument("--no-open", action="store_true", help="do not open a browser")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="a Kafka of your own in the place of the embedded one")
    parser.add_argument("--redis", metavar="HOST:PORT", help="a Redis of your own in the place of the embedded one")
    parser.add_argument(
        "--influx", metavar="URL", help="an InfluxDB 2 for the history in the place of SQLite; its token from "
        "CITYWALL_INFLUX_TOKEN, or http://HOST:PORT?org=…&bucket=…&token=…"
    )  # fmt: skip
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, TOML; see `citywall config check`")


def effective(args: argparse.Namespace) -> Settings:
    """Read the settings and put what the command line says over them.

    Raises SettingError.
    """
    found = settings.load(args.config)
    said = {name: getattr(args, name) for name in ("port", "kafka", "redis", "influx") if getattr(args, name)}
    if args.port == 0:
        said["port"] = 0
    if not 0 <= said.get("port", 0) <= 65535:  # noqa: PLR2004 - TCP has 16 bits for it
        raise SettingError(f"--port {said['port']}: a port is a number from 0 to 65535")
    return found.replace(**said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to run."""

    settings: Settings
    city_id: str
    city_name: Name
    city_folder: Path
    city_edited: Path | None = None
    """The folder that people edit, where `city_folder` is a copy of it."""
    mode: Mode
    speed: Speed
    data: Path
    show: bool
    """Open a browser, where there can be one."""
    begun_s: float
    """When the command began, by `time.monotonic`."""


def hold(data: Path, city_id: str) -> Lock:
    """Hold a data folder for this process.

    Raises ConfigError when that cannot be.
    """
    since = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    return folder.take(data, folder.Holder(os.getpid(), city_id, since))


def check_same_city(data: Path, city_id: str) -> None:
    """Raise ConfigError when the folder holds another city, or a replay."""
    if not (data / runs.RUN_FILE).exists():
        return
    earlier = runs.read(data)
    if earlier.mode == "replay":
        raise ConfigError(f"{data} holds a replay; choose another folder for `up` with --data DIR")
    if earlier.city_id != city_id:
        raise ConfigError(f"{data} holds the city {earlier.city_id}, not {city_id}; choose another with --data DIR")


@contextmanager
def interruptible() -> Iterator[None]:
    """Take SIGTERM and SIGHUP for Ctrl-C: each ends what is within by a KeyboardInterrupt."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def launch(wanted: Wanted, say: Callable[[str], None], finished: Callable[[Run], bool] | None = None) -> Run | None:
    """Run a city in a folder that we hold until asked to stop, or until it is `finished` → the run if it finished.

    Raises ConfigError or ServerError with one sentence when it cannot be started.
    """
    try:
        with interruptible():
            run, supervisor = _prepare(wanted, say)
    except KeyboardInterrupt:
        return None
    with supervisor.signals():
        try:
            city = stack.Stack(run, supervisor, say, wanted.begun_s)
            over = (lambda: False) if finished is None else (lambda: finished(run))
            show = (lambda: stack.open_browser(run.wall)) if wanted.show and settings.has_display() else (lambda: None)
            if city.start() and city.run(over, show):
                return run
        finally:
            supervisor.stop()
    return None


def idle_parts(run: Run) -> list[str]:
    """List the parts that have nothing to do: a replay is of another time than the signals that are issued now."""
    signals = run.signals.sources if run.mode != "replay" else ()
    return [name for name, needed in (("notifiers", run.notifiers.routes), (SIGNALS_PART, signals)) if not needed]


def _prepare(wanted: Wanted, say: Callable[[str], None]) -> tuple[Run, Supervisor]:
    choice, data = wanted.settings.stack, wanted.data
    disk.refuse_full(data, disk.free_bytes(data), say)
    port = stack.choose_port(choice.bind, choice.port)
    folder.remember(data)
    shutil.rmtree(data / pulses.FOLDER, ignore_errors=True)
    refused_city.forget(data)
    broker = None if choice.kafka else kafka.embedded(data / borrowed.FOLDER, settings.cache_home(), say)
    redis = None if choice.redis else valkey.embedded(data / "redis")
    run = Run(
        data=str(data),
        city=str(wanted.city_folder),
        city_edited=str(wanted.city_edited or ""),
        city_id=wanted.city_id,
        mode=wanted.mode,
        speed=wanted.speed,
        kernel=choice.kernel,
        kafka=choice.kafka if broker is None else broker.address,
        embedded_kafka=broker is not None,
        redis=runs.redis_url(choice.redis if redis is None else redis.address),
        history=runs.history_address(choice, data, replay=wanted.mode == "replay"),
        history_spill_mib=choice.history_spill_mib,
        bind=choice.bind,
        port=port,
        started_ms=time.time_ns() // 1_000_000,
        components=wanted.settings.components,
        own_rules=wanted.settings.own_rules,
        notifiers=wanted.settings.notifiers,
        signals=wanted.settings.signals,
        warnings=wanted.settings.warnings,
    )
    run.write()
    say(f"starting {wanted.city_name.en} {wanted.city_name.zh} in {data}")
    servers = stack.server_plans(broker, redis)
    workers = msgspec.structs.asdict(wanted.settings.workers)
    plans = stack.part_plans(data, os.getpid(), workers, without=idle_parts(run))
    return run, Supervisor(data, servers, plans, say, stack.tail_plan(data))
