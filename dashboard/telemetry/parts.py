"""Metrics read from the pulses of the hosted parts. They count since the start of a part's process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.telemetry.metric import Buckets, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dashboard.telemetry.metric import Sample, Seen

PART = ("part",)
PARTITION = ("part", "topic", "partition")


def _counter(name: str, scale: float = 1) -> Callable[[Seen], Iterable[Sample]]:
    """Read one number of every part's counters."""
    return lambda seen: ((one, number * scale) for one, number in _counted(seen, name))


def _counted(seen: Seen, name: str) -> Iterable[tuple[tuple[str], Any]]:
    """Yield what each part counts under a name."""
    for part, pulse in seen.pulses.items():
        found = pulse.get("counters", {}).get(name)
        if found is not None:
            yield (part,), found


def _by_topic(name: str) -> Callable[[Seen], Iterable[Sample]]:
    return lambda seen: (
        ((*part, topic), count) for part, counts in _counted(seen, name) for topic, count in sorted(counts.items())
    )


def _histogram(name: str) -> Callable[[Seen], Iterable[Sample]]:
    return lambda seen: (
        (part, Buckets(found["bounds"], found["counts"], found["sum"])) for part, found in _counted(seen, name)
    )


def _partition(name: str) -> Callable[[Seen], Iterable[Sample]]:
    """Read one number of every partition of the parts that are alive: who else has it now says it better."""
    return lambda seen: (
        ((part, one["topic"], str(one["partition"])), one[name])
        for part, pulse in seen.fresh()
        for one in pulse.get("partitions", ())
        if one.get(name) is not None
    )


def _waiting(seen: Seen) -> Iterable[Sample]:
    return (((part, pulse["waits"]), 1) for part, pulse in seen.fresh() if pulse.get("waits"))


def _set_aside(seen: Seen) -> Iterable[Sample]:
    return (
        ((one["processor"], one["topic"], str(one["partition"])), 1)
        for _, pulse in seen.fresh()
        for one in pulse.get("set_aside", ())
    )


PULSED = (
    Metric(
        *("citywall_processor_set_aside", "gauge", "", ("processor", "topic", "partition")),
        "1 for a processor that failed twice at one offset of a partition and gets nothing of it until it is resumed.",
        "处理器在同一偏移处两次失败而停用，恢复前为 1。",
        _set_aside,
    ),
    Metric(
        *("citywall_chunk_records", "histogram", "records", PART),
        "Records of each chunk that a part has taken; the sum is all it has read of its topics.",
        "每个数据块的记录数；其和即该进程从主题读取的全部记录。",
        _histogram("chunk_records"),
    ),
    Metric(
        *("citywall_chunk_bytes", "histogram", "bytes", PART),
        *("Bytes of the values of each chunk, uncompressed.", "每个数据块的字节数（未压缩）。"),
        _histogram("chunk_bytes"),
    ),
    Metric(
        *("citywall_absorb_seconds", "histogram", "seconds", PART),
        "Time from handing a chunk to the stage until Kafka has acknowledged what it yields.",
        "从交付一个数据块到 Kafka 确认其产出所用的时间。",
        _histogram("absorb_s"),
    ),
    Metric(
        *("citywall_recovery_seconds", "histogram", "seconds", PART),
        "Time to load the state whenever partitions are shared out; the count is how often that was.",
        "每次分配分区后加载状态所用的时间；计数即次数。",
        _histogram("recovery_s"),
    ),
    Metric(
        *("citywall_recovery_records_total", "counter", "records", PART),
        *("Records read to load the state.", "加载状态读取的记录。"),
        _counter("recovered_records"),
    ),
    Metric(
        *("citywall_recovery_bytes_total", "counter", "bytes", PART),
        *("Bytes read to load the state.", "加载状态读取的字节。"),
        _counter("recovered_bytes"),
    ),
    Metric(
        *("citywall_snapshots_total", "counter", "snapshots", PART),
        "Times that all taken from a partition became durable: by a snapshot, or in a sink's store.",
        "某分区已取数据全部持久化的次数：快照，或写入存储。",
        _counter("snapshots"),
    ),
    Metric(
        *("citywall_snapshot_age_seconds", "gauge", "seconds", PARTITION),
        "How long the oldest record taken has not been durable: what a crash would have read again. 0 = all is.",
        "已取而尚未持久化的最早记录的等待时间，即崩溃后须重读的部分。0 表示全部已持久化。",
        _partition("unsaved_s"),
    ),
    Metric(
        *("citywall_lag_seconds", "gauge", "seconds", PARTITION),
        *(
            "How long ago the oldest record that was not taken was sent. 0 = none; missing until it is fetched.",
            "最早未取记录距其发送的时间。0 表示没有；取到之前缺失。",
        ),
        _partition("lag_s"),
    ),
    Metric(
        *("citywall_lag_records", "gauge", "records", PARTITION),
        *("Records not taken yet.", "尚未取的记录。"),
        _partition("lag_records"),
    ),
    Metric(
        *("citywall_sent_records_total", "counter", "records", ("part", "topic")),
        "Records that a part has sent and Kafka has acknowledged; state goes to city.state.v1.….",
        "进程发送并经 Kafka 确认的记录；状态写入 city.state.v1.…。",
        _by_topic("sent_records"),
    ),
    Metric(
        *("citywall_sent_bytes_total", "counter", "bytes", ("part", "topic")),
        *("Bytes of their values.", "其字节数。"),
        _by_topic("sent_bytes"),
    ),
    Metric(
        *("citywall_lost_records_total", "counter", "records", ("part", "topic")),
        "Records that Kafka had deleted before the part read them, since its start; `citywall audit` knows all.",
        "进程读取之前已被 Kafka 删除的记录（自启动以来）；`citywall audit` 列出全部。",
        _by_topic("lost_records"),
    ),
    Metric(
        *("citywall_part_waiting", "gauge", "", ("part", "reason")),
        *("Whether a part need not advance now, and what it waits for.", "进程当前是否可以不前进，及其等待的对象。"),
        _waiting,
    ),
    Metric(
        *("citywall_part_cpu_seconds_total", "counter", "seconds", PART),
        *("Processor time used, all threads.", "占用的处理器时间（全部线程）。"),
        _counter("cpu_s"),
    ),
    Metric(
        *("citywall_part_resident_bytes", "gauge", "bytes", PART),
        *("Memory held.", "占用的内存。"),
        lambda seen: (
            ((part,), pulse["counters"]["resident_bytes"])
            for part, pulse in seen.fresh()
            if pulse.get("counters", {}).get("resident_bytes") is not None
        ),
    ),
    Metric(
        *("citywall_part_start_timestamp_seconds", "gauge", "timestamp_seconds", PART),
        "When its process began, Unix time: each change is a restart, whoever supervises it.",
        "进程启动时刻（Unix 时间）：每次变化即一次重启，无论由谁监管。",
        _counter("started_ms", 0.001),
    ),
    Metric(
        *("citywall_pulse_age_seconds", "gauge", "seconds", PART),
        "Age of a part's last pulse; lag and ages of a part are missing when it is above 10 s.",
        "进程最近一次脉搏距今的时间；超过 10 秒时，其滞后与时延指标缺失。",
        lambda seen: (((part,), seen.pulse_age_s(pulse)) for part, pulse in seen.pulses.items()),
    ),
)
