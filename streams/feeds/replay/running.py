"""Publishes the rows of a plan to the inbox in order of event time, with marks, at the speed of the city clock.

Exact over restarts: the rows have numbers; every record carries, in the header `row`, the run and the number of the
last row in its partition so far, so the newest record of a partition says which of its rows are sent. A sensor's rows
are all in one partition.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from streams.broker.topics import inbox, partition_counts
from streams.city.clock import ClockSetting
from streams.contract.durations import HOUR_MS
from streams.contract.records import EXACT
from streams.errors import RefusedError, UnreachableError
from streams.feeds.lanes import Lane, send_mark
from streams.feeds.producer import connected, flush, set_clock, wall_ms

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from kafka import KafkaConsumer, KafkaProducer, TopicPartition

    from streams.feeds.replay.plan import Plan, Row

DONE_FILE = "feed_done.json"
ROW = "row"
STEP_ROWS = 2_000
"""At full speed that many rows, and the rest of their last stamp, go out between two marks."""
RECORD_ROWS = 1_000
"""Rows of one record at most: some 150 kB."""
MARK_EVERY_S = 1.0
TICK_S = 0.05
ACKNOWLEDGED_WITHIN_S = 60.0
TAIL_RECORDS = 50
SETTLE_MS = 2 * HOUR_MS
"""The last mark is that much after the last row, and then at a full hour: every window ends before it."""


@dataclass
class _Run:
    """A replay under way. Invariant: in each lane the rows up to `sent[lane]` are acknowledged, and no others."""

    plan: Plan
    rows: Sequence[Row]
    producer: KafkaProducer
    lane_of: Mapping[tuple[str, str], Lane]
    """(domain, sensor) → its lane."""
    sent: dict[Lane, int] = field(default_factory=dict)
    mark_ms: int | None = None

    def send(self, begin: int, end: int) -> None:
        """Send the rows of that range which are not sent, several to a record, and wait until they are acknowledged."""
        batches: dict[Lane, list[int]] = {}
        for number in range(begin, end):
            lane = self.lane_of[self.rows[number].place]
            if number > self.sent[lane]:
                batches.setdefault(lane, []).append(number)
        waiting = []
        for lane, numbers in batches.items():
            for part in _records(self.rows, numbers):
                value = b"\n".join(self.rows[number].value for number in part)
                headers = [self._row_header(part[-1])]
                waiting.append(self.producer.send(lane.topic, value=value, partition=lane.partition, headers=headers))
            self.sent[lane] = numbers[-1]
        flush(self.producer, ACKNOWLEDGED_WITHIN_S)
        for future in waiting:
            future.get(timeout=ACKNOWLEDGED_WITHIN_S)

    def mark(self, at_ms: int) -> None:
        """Say in every lane that all rows before `at_ms` are sent, less what its domain's may still be behind."""
        if self.mark_ms is not None and at_ms <= self.mark_ms:
            return
        for lane, number in self.sent.items():
            own_ms = at_ms - self.plan.disorder_ms.get(lane.domain, 0)
            send_mark(self.producer, lane, own_ms, [self._row_header(number), (EXACT, b"")])
        self.mark_ms = at_ms

    def _row_header(self, number: int) -> tuple[str, bytes]:
        return (ROW, f"{self.plan.run}:{number}".encode())


def run_replay(plan: Plan, bootstrap: str, *, speed: float | None, data: Path, stop: threading.Event) -> None:
    """Send what is not sent yet, at `speed` (None = as fast as Kafka acknowledges), until all is sent or `stop` is set.

    At the end, writes `<data>/feed_done.json`.
    Raises CityFileError, UnreachableError, RefusedError; ExactnessError when a record was not acknowledged: restart.
    """
    rows = plan.read()
    counts = partition_counts(bootstrap)
    lanes = {domain: _lanes(counts, domain) for domain in plan.rows}
    with connected(bootstrap, batch_bytes=2**20) as producer:
        sent = _sent_rows(bootstrap, [lane for of_domain in lanes.values() for lane in of_domain], plan.run)
        run = _Run(plan, rows, producer, _lane_of_sensor(rows, lanes), sent)
        begin = next((number for number, row in enumerate(rows) if number > sent[run.lane_of[row.place]]), len(rows))
        clock = _clock(plan, rows[begin].at_ms if begin < len(rows) else plan.last_at_ms, speed)
        clock = set_clock(producer, plan.city, clock, ACKNOWLEDGED_WITHIN_S)
        if begin < len(rows):
            run.mark(rows[begin].at_ms)
        steps = full_speed(rows, begin) if speed is None else _paced(run, begin, clock, stop)
        for first, end in steps:
            if stop.is_set():
                return
            run.send(first, end)
            if speed is None and end < len(rows):
                run.mark(rows[end].at_ms)
        if stop.is_set():
            return
        final_mark_ms = -(-(plan.last_at_ms + SETTLE_MS) // HOUR_MS) * HOUR_MS
        run.mark(final_mark_ms)
        flush(producer, ACKNOWLEDGED_WITHIN_S)
    _write_done(data, plan, final_mark_ms)


def full_speed(rows: Sequence[Row], begin: int) -> Iterator[tuple[int, int]]:
    """Cut into runs of some STEP_ROWS rows; no stamp is in two."""
    while begin < len(rows):
        end = min(begin + STEP_ROWS, len(rows))
        while end < len(rows) and rows[end].at_ms == rows[end - 1].at_ms:
            end += 1
        yield begin, end
        begin = end


def _paced(run: _Run, begin: int, clock: ClockSetting, stop: threading.Event) -> Iterator[tuple[int, int]]:
    """Yield the rows that the clock has reached; between them, mark how far it has come."""
    rows, marked_s = run.rows, time.monotonic()
    while begin < len(rows) and not stop.is_set():
        now_ms = clock.at(wall_ms())
        end = begin
        while end < len(rows) and rows[end].at_ms <= now_ms:
            end += 1
        if end > begin:
            yield begin, end
            begin = end
        if time.monotonic() - marked_s >= MARK_EVERY_S and begin < len(rows):
            marked_s += MARK_EVERY_S
            run.mark(min(now_ms // 1000 * 1000, rows[begin].at_ms))
        stop.wait(TICK_S)


def _clock(plan: Plan, at_ms: int, speed: float | None) -> ClockSetting:
    """At full speed the city's time is that of the last row from the start, so that no row is ever ahead of it."""
    if speed is None:
        return ClockSetting(at_ms=plan.last_at_ms, wall_ms=wall_ms(), speed=0.0, until_ms=plan.last_at_ms)
    return ClockSetting(at_ms=at_ms, wall_ms=wall_ms(), speed=speed, until_ms=plan.last_at_ms)


def _lanes(counts: Mapping[str, int], domain: str) -> list[Lane]:
    if inbox(domain) not in counts:
        raise RefusedError(f"Kafka has no topic {inbox(domain)}; start the city first, it creates the topics")
    return [Lane(domain, partition) for partition in range(counts[inbox(domain)])]


def _lane_of_sensor(rows: Sequence[Row], lanes: Mapping[str, Sequence[Lane]]) -> dict[tuple[str, str], Lane]:
    """Return each sensor's lane: where Kafka's own partitioner would put it by its key."""
    from kafka.partitioner.default import murmur2

    return {
        (domain, sensor): lanes[domain][int(murmur2(sensor.encode()) & 0x7FFFFFFF) % len(lanes[domain])]
        for domain, sensor in {row.place for row in rows}
    }


def _records(rows: Sequence[Row], numbers: Sequence[int]) -> Iterator[list[int]]:
    """Cut into records: runs of rows, and each that has to be one by itself."""
    part: list[int] = []
    for number in numbers:
        if part and (rows[number].alone or rows[part[-1]].alone or len(part) == RECORD_ROWS):
            yield part
            part = []
        part.append(number)
    if part:
        yield part


def _sent_rows(bootstrap: str, lanes: Sequence[Lane], run: str) -> dict[Lane, int]:
    """Ask each lane for the number of the last row of this run in it, -1 = none."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, group_id=None)
    try:
        found = {}
        for lane in lanes:
            source = TopicPartition(lane.topic, lane.partition)
            begin = consumer.beginning_offsets([source])[source]
            end = consumer.end_offsets([source])[source]
            tail = _last_row(consumer, source, (max(begin, end - TAIL_RECORDS), end), run)
            found[lane] = tail if tail is not None else _last_row(consumer, source, (begin, end), run)
        return {lane: -1 if number is None else number for lane, number in found.items()}
    except KafkaError as exc:
        raise UnreachableError(f"Kafka at {bootstrap} does not say what the inbox holds ({exc})") from exc
    finally:
        consumer.close()


def _last_row(consumer: KafkaConsumer, source: TopicPartition, offsets: tuple[int, int], run: str) -> int | None:
    begin, end = offsets
    consumer.assign([source])
    consumer.seek(source, begin)
    found = None
    deadline_s = time.monotonic() + ACKNOWLEDGED_WITHIN_S
    while consumer.position(source) < end:
        if time.monotonic() > deadline_s:
            raise UnreachableError(
                f"Kafka does not give the records {begin} to {end} of {source.topic}-{source.partition}"
            )
        for record in consumer.poll(timeout_ms=500).get(source, ()):
            whose, _, number = dict(record.headers).get(ROW, b"").decode("ascii", "replace").partition(":")
            if whose == run and record.offset < end:
                found = int(number)
    return found


def _write_done(data: Path, plan: Plan, final_mark_ms: int) -> None:
    path = data / DONE_FILE
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode({"run": plan.run, "rows": plan.rows, "final_mark_ms": final_mark_ms}))
    partial.replace(path)
