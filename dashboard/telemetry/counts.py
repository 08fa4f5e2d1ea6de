"""Metrics read from the books: they come out of durable states, so that no crash makes them jump or begin anew.

Each partition has a series of its own: books come one by one, and a sum over some of them would look like a reset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.telemetry.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from dashboard.telemetry.metric import Sample, Seen

PLACE = ("domain", "partition")
VERDICTS = {"in_frames": "admitted", "duplicates": "duplicate", "too_late": "too_late"}


def _count(stage: str, name: str) -> Callable[[Seen], Iterable[Sample]]:
    """Read one number of every book of a stage."""

    def read(seen: Seen) -> Iterable[Sample]:
        return (((key.domain, key.partition), counts[name]) for key, counts in seen.books_of(stage) if name in counts)

    return read


def _verdicts(seen: Seen) -> Iterable[Sample]:
    for key, counts in seen.books_of("zone"):
        for name, verdict in VERDICTS.items():
            if name in counts:
                yield (key.domain, key.partition, verdict), counts[name]


def _dead_letters(seen: Seen) -> Iterable[Sample]:
    for key in sorted(seen.books):
        counts = seen.books[key]["counts"]
        reasons: Mapping[str, int] = counts.get("dead_lettered", {})
        if "too_late" in counts:
            reasons = {**reasons, "too_late": counts["too_late"]}
        for reason, count in sorted(reasons.items()):
            yield (*key, reason), count


def _refused_values(seen: Seen) -> Iterable[Sample]:
    for key, counts in seen.books_of("intake"):
        for column, reasons in sorted(counts.get("refused_values", {}).items()):
            for reason, count in sorted(reasons.items()):
                yield (key.domain, key.partition, column, reason), count


def _processors(seen: Seen) -> Iterable[tuple[tuple[str, str, str], Mapping[str, Any]]]:
    for stage in ("second", "zone"):
        for key, counts in seen.books_of(stage):
            for name, book in sorted(counts.get("processors", {}).items()):
                yield (name, key.domain, key.partition), book


def _dropped(seen: Seen) -> Iterable[Sample]:
    for labels, book in _processors(seen):
        for reason, count in sorted(book["dropped"].items()):
            yield (*labels, reason), count


def _watermark_ages(seen: Seen) -> Iterable[Sample]:
    slowest: dict[str, list[int | None]] = {}
    for key, counts in seen.books_of("zone"):
        if "watermark_ms" in counts:
            slowest.setdefault(key.domain, []).append(counts["watermark_ms"])
    for domain, marks in slowest.items():
        known = [mark for mark in marks if mark is not None]
        if len(known) == len(marks):
            yield (domain,), (seen.city_ms - min(known)) / 1000


def _stored(seen: Seen) -> Iterable[Sample]:
    for _, counts in seen.books_of("history"):
        for outcome in ("stored", "expired"):
            if outcome in counts:
                yield (outcome,), counts[outcome]


def _alone(stage: str, name: str) -> Callable[[Seen], Iterable[Sample]]:
    """Read one number of the books of a stage that has one."""
    return lambda seen: (((), counts[name]) for _, counts in seen.books_of(stage) if name in counts)


def _history(name: str) -> Callable[[Seen], Iterable[Sample]]:
    """Read one number that stands beside the counts."""
    return lambda seen: (
        ((), float(book[name])) for key, book in seen.books.items() if key.stage == "history" and name in book
    )


BOOKED = (
    Metric(
        *("citywall_intake_readings_total", "counter", "readings", PLACE),
        *("Readings taken in.", "接入的读数。"),
        _count("intake", "readings_in"),
    ),
    Metric(
        *("citywall_intake_rows_total", "counter", "rows", PLACE),
        *("Rows that intake has sent to the zones.", "接入环节发往分区的行。"),
        _count("intake", "sent"),
    ),
    Metric(
        *("citywall_intake_unknown_fields_total", "counter", "fields", PLACE),
        *("Fields of readings that the domain's schema does not name.", "读数中模式未定义的字段。"),
        _count("intake", "unknown_fields"),
    ),
    Metric(
        *("citywall_intake_refused_values_total", "counter", "values", (*PLACE, "column", "reason")),
        "Values that their column cannot take; what else their readings say is used.",
        "其所在字段不能接受的数值；同一读数的其他数值照常使用。",
        _refused_values,
    ),
    Metric(
        *("citywall_dead_letters_total", "counter", "letters", ("stage", *PLACE, "reason")),
        "What could not be used, by who refused it and why. Domain and partition are empty for the history.",
        "无法使用而转入死信的数据，按环节与原因。历史库的领域和分区为空。",
        _dead_letters,
    ),
    Metric(
        *("citywall_zone_rows_total", "counter", "rows", (*PLACE, "verdict")),
        "Rows that the zones have judged: admitted, duplicate or too_late.",
        "分区判定过的行：接纳、重复或过迟。",
        _verdicts,
    ),
    Metric(
        *("citywall_zone_conflicting_rows_total", "counter", "rows", PLACE),
        *("Duplicates that carried other values than the first.", "重复但数值不同的行。"),
        _count("zone", "conflicts"),
    ),
    Metric(
        *("citywall_zone_repeated_values_total", "counter", "values", PLACE),
        *("Values that admitted rows brought again; they were left out.", "接纳的行中重复出现而略去的值。"),
        _count("zone", "repeated_values"),
    ),
    Metric(
        *("citywall_processor_rows_total", "counter", "rows", ("processor", *PLACE)),
        "Rows that a processor has used; at the second level rows of metrics, of the domain `all`.",
        "处理器用到的行；二级处理器为指标行，领域为 `all`。",
        lambda seen: ((labels, book["used"]) for labels, book in _processors(seen)),
    ),
    Metric(
        *("citywall_processor_dropped_rows_total", "counter", "rows", ("processor", *PLACE, "reason")),
        "Rows that a processor has left out, by its declared reason; at the second level rows of metrics.",
        "处理器按声明原因舍弃的行；二级处理器为指标行。",
        _dropped,
    ),
    Metric(
        *("citywall_watermark_age_seconds", "gauge", "seconds", ("domain",)),
        "City clock less the domain's slowest watermark, in event time; missing while a source has not been heard.",
        "城市时钟与该领域最慢水位线之差（事件时间）；有来源尚未到达时缺失。",
        _watermark_ages,
    ),
    Metric(
        *("citywall_second_level_frames_total", "counter", "frames", ()),
        *("Frames of metrics that the second level has read.", "二级处理读取的指标帧。"),
        _alone("second", "frames"),
    ),
    Metric(
        *("citywall_history_rows_total", "counter", "rows", ("outcome",)),
        "Rows that the history has stored, or found older than it keeps (expired), since the sink's start.",
        "历史库自启动以来已存（stored）或因超出保留期未存（expired）的行。",
        _stored,
    ),
    Metric(
        *("citywall_history_spill_bytes", "gauge", "bytes", ()),
        *("What waits on disk for a history that is away.", "历史库不可用时暂存磁盘的数据量。"),
        _history("spilled_bytes"),
    ),
    Metric(
        *("citywall_history_away", "gauge", "", ()),
        *("Whether the history's store is away.", "历史库是否不可用。"),
        _history("away"),
    ),
)
