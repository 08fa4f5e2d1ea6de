"""How a city is doing, from what its processes left behind: works whether it runs or not, and never waits long.

The judgement is a pure function of what was found; finding it is bounded by `WITHIN_S`, whatever hangs.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import msgspec

from deploy.config import run as runs
from deploy.supervision import disk, folder, pulses, refused_city, stack
from deploy.supervision.counts import Counts, counts_of
from deploy.supervision.reasons import of_city, of_losses, of_parts, told
from deploy.supervision.supervisor import read_state
from streams.accounts.losses import losses_of
from streams.contract.name import Name
from streams.errors import CityError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from deploy.config.run import Run
    from deploy.supervision.folder import Holder
    from deploy.supervision.pulses import PartPulse
    from deploy.supervision.supervisor import PartState, SupervisorState

WITHIN_S = 3.0
REPLAY_DONE = "feed_done.json"

EXIT = {"ok": 0, "degraded": 1, "down": 2}


class PartRow(msgspec.Struct, kw_only=True):
    """One process."""

    name: str
    state: str
    pid: int | None
    restarts: int


class PartitionRow(msgspec.Struct, kw_only=True):
    """One partition that a part reads."""

    topic: str
    partition: int
    group: str
    lag_s: float | None
    """By Kafka's timestamp; None = not known until it is fetched."""
    lag_records: int


class Status(msgspec.Struct, kw_only=True):
    """What `citywall status --json` prints."""

    status: Literal["ok", "degraded", "down"]
    reasons: list[str]
    reasons_zh: list[str] = []
    notices: list[str] = []
    """What a person should know and is no fault."""
    notices_zh: list[str] = []
    city: str | None = None
    mode: str | None = None
    speed: float | str | None = None
    since: str | None = None
    data: str
    disk_bytes: int = 0
    disk_free_bytes: int | None = None
    wall: str | None = None
    kafka: str | None = None
    redis: str | None = None
    history: str | None = None
    parts: list[PartRow] = []
    partitions: list[PartitionRow] = []
    counts: Counts = msgspec.field(default_factory=Counts)
    unread_topics: list[str] = []
    sender_stamped_topics: list[str] = []
    """Topics whose records have their senders' timestamps, because Kafka would not let us say otherwise."""
    replay_ended: bool = False


@dataclass
class Found:
    """What could be found out in time."""

    holder: Holder | None = None
    run: Run | None = None
    run_trouble: str = ""
    """Why it cannot be read; "" = it is, or is not there."""
    supervisor: SupervisorState | None = None
    pulses: dict[str, PartPulse] = field(default_factory=dict)
    health: dict[str, Any] | None = None
    books: dict[str, dict[str, Any]] | None = None
    """None = the history could not be read in time."""
    history_trouble: str = "it did not answer in time"
    unread: tuple[str, ...] = ()
    sender_stamped: tuple[str, ...] = ()
    disk_bytes: int = 0
    disk_free_bytes: int | None = None
    """None = it cannot be told."""
    replay_ended: bool = False


def find(data: Path) -> Found:
    """Look everywhere at once, for at most WITHIN_S."""
    found = Found(holder=folder.holder(data), pulses=pulses.read(data))
    found.replay_ended = (data / REPLAY_DONE).exists()
    try:
        found.run = runs.read(data)
    except CityError as error:
        if (data / runs.RUN_FILE).exists():
            found.run_trouble = str(error)
        return found
    if found.holder is not None:
        found.supervisor = read_state(data)
    deadline = time.monotonic() + WITHIN_S
    looks: list[Callable[[Found], None]] = [_look_at_books, _look_at_disk]
    if found.holder is not None:
        looks += [_look_at_wall, _look_at_topics, _look_at_stamps]
    threads = [threading.Thread(target=look, args=(found,), daemon=True) for look in looks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return found


def _look_at_books(found: Found) -> None:
    from streams.sinks.history.opening import open_history

    if found.run is None:
        return
    try:
        history = open_history(found.run.history, read_only=True)
        found.books = history.books()
        history.close()
    except CityError as error:
        found.history_trouble = str(error)


def _look_at_disk(found: Found) -> None:
    if found.run is not None:
        found.disk_free_bytes = disk.free_bytes(found.run.data_path)
        found.disk_bytes = folder.disk_bytes(found.run.data_path)


def _look_at_wall(found: Found) -> None:
    if found.run is not None:
        found.health = stack.ask_health(found.run.bind, found.run.port)


def _look_at_topics(found: Found) -> None:
    from streams.broker import topics

    if found.run is None:
        return
    try:
        found.unread = topics.unread_topics(topics.partition_counts(found.run.kafka, timeout_s=1.0))
    except CityError:
        return


def _look_at_stamps(found: Found) -> None:
    from streams.broker import topics

    if found.run is None:
        return
    try:
        found.sender_stamped = topics.sender_stamped(found.run.kafka, timeout_s=1.0)
    except CityError:
        return


def judge(data: Path, found: Found, now_ms: int) -> Status:
    """Say how the city is doing."""
    run = found.run
    running = found.holder is not None and run is not None
    reasons = _reasons(found, now_ms) if running else [_why_down(data, found)]
    reasons += disk.trouble(data, found.disk_free_bytes)
    reasons += refused_city.trouble(data) if running else []
    status = Status(
        status=("degraded" if reasons else "ok") if running else "down",
        reasons=[reason.en for reason in reasons],
        reasons_zh=[reason.zh for reason in reasons],
        data=str(data),
        counts=counts_of(found.books or {}),
        disk_bytes=found.disk_bytes,
        disk_free_bytes=found.disk_free_bytes,
        unread_topics=list(found.unread),
        sender_stamped_topics=list(found.sender_stamped),
        replay_ended=found.replay_ended,
    )
    if running:
        notices = told(found.pulses, degraded=False)
        status.notices = [notice.en for notice in notices]
        status.notices_zh = [notice.zh for notice in notices]
    if run is not None:
        status.city, status.mode, status.speed = run.city_id, run.mode, run.speed
        status.wall, status.kafka, status.redis = run.wall, run.kafka, _host_port(run.redis)
        status.history = "influxdb" if run.history.startswith("http") else "sqlite"
    if running and found.holder is not None:
        status.since = found.holder.since
        status.parts = [_part_row(part) for part in found.supervisor.parts] if found.supervisor else []
        status.partitions = [
            PartitionRow(
                topic=one.topic, partition=one.partition, group=one.group, lag_s=one.lag_s, lag_records=one.lag_records
            )
            for pulse in found.pulses.values()
            for one in pulse.partitions
        ]
    return status


def _why_down(data: Path, found: Found) -> Name:
    if found.run_trouble and found.holder is not None:
        return Name(f"无法得知 {data} 的状态：{found.run_trouble}", found.run_trouble)
    return Name(f"{data} 中没有运行的城市", f"nothing runs in {data}")


def _reasons(found: Found, now_ms: int) -> list[Name]:
    """List what is not as it should be. Dead letters, alarms and faults of sensors are not among it."""
    reasons = of_city(found.supervisor)
    if reasons or found.supervisor is None:
        return reasons
    reasons = of_parts(found.supervisor, found.pulses, now_ms) + of_losses(losses_of(found.books or {}), now_ms)
    if found.books is None:
        trouble = found.history_trouble
        reasons.append(Name(f"无法读取历史数据：{trouble}", f"the history cannot be read: {trouble}"))
    return reasons + _wall_reasons(found)


def _wall_reasons(found: Found) -> list[Name]:
    if found.replay_ended and found.run is not None and found.run.mode == "replay":
        return []
    if found.health is None:
        return [Name("大屏没有应答", "the wall does not answer")]
    if found.health.get("status") == "ok":
        return []
    said = [Name(f"大屏：{zh}", f"the wall: {en}") for zh, en in _said(found.health)]
    return said or [Name("大屏没有实时数据", "the wall is not living")]


def _said(health: Mapping[str, Any]) -> list[Name]:
    """Return the wall's reasons; one of an earlier version says them in English alone."""
    english = health.get("reasons", [])
    chinese = health.get("reasons_zh", english)
    return [Name(*pair) for pair in zip(chinese if len(chinese) == len(english) else english, english, strict=True)]


def _part_row(part: PartState) -> PartRow:
    return PartRow(name=part.name, state=part.state, pid=part.pid, restarts=part.restarts)


def _host_port(address: str) -> str:
    try:
        parts = urlsplit(address)
        return f"{parts.hostname}:{parts.port or 6379}"
    except ValueError:  # of a version that took any
        return address.rpartition("@")[2]
