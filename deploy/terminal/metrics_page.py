"""`docs/metrics.md`, made from the table of exported metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.telemetry.counts import BOOKED
from dashboard.telemetry.load import LOADED
from dashboard.telemetry.parts import PULSED
from dashboard.telemetry.wall import WATCHED
from streams.health import counters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dashboard.telemetry.metric import Metric

HEAD = """\
# Metrics for Prometheus

Written by `python -m deploy.terminal.reference` from `dashboard/telemetry/`. `GET /metrics` of the wall gives them in
Prometheus's text format, for all parts of the city wherever they run; how to scrape and draw them: `docs/running.md`.
Readers: administrators, engineers.

A name ends in its unit, a counter's then in `_total`; a metric without a unit is 1 where it is so and 0 where not. A
histogram has `_bucket`, `_sum` and `_count`. Mean readings a chunk:

    sum(rate(citywall_intake_readings_total[5m])) / sum(rate(citywall_chunk_records_count{part=~"intake.*"}[5m]))
"""

SECTIONS = (
    (
        "From the books · 账目",
        "Counted from the beginning of the data folder, as of the last snapshot (at most 5 s old): no crash and no "
        "restart makes them jump, and none goes back, whichever worker reports it. Those of the history count since "
        "the start of its sink.",
        BOOKED,
    ),
    (
        "The operators' load · 值班负荷",
        "From the alarm engine's book, at most 10 s old; what each figure is, and the published limits: "
        "[alarms.md](alarms.md#load-ten-in-ten-minutes).",
        LOADED,
    ),
    (
        "From the pulses · 脉搏",
        "Counted by each part since the start of its process, told once a second; `rate()` knows such a start by "
        "itself. `part` is `intake`, `intake-2`, …",
        PULSED,
    ),
    (
        "From the wall · 大屏",
        "What the wall itself and the supervisor see. In containers, without a supervisor, there is no process metric.",
        WATCHED,
    ),
)


def page() -> str:
    """Describe every exported metric."""
    lines = [HEAD]
    for title, about, metrics in SECTIONS:
        lines += [f"## {title}", "", about, "", *_table(metrics), ""]
    lines += ["## Buckets · 分桶", "", "| metric | upper ends |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(f'{bound:,}' for bound in bounds)} |" for name, bounds in BUCKETS.items()]
    return "\n".join([*lines, ""])


BUCKETS = {
    "citywall_chunk_records": counters.CHUNK_RECORDS,
    "citywall_chunk_bytes": counters.CHUNK_BYTES,
    "citywall_absorb_seconds": counters.ABSORB_S,
    "citywall_recovery_seconds": counters.RECOVERY_S,
}


def _table(metrics: Sequence[Metric]) -> Iterator[str]:
    yield "| name | kind | unit | labels | meaning |"
    yield "|---|---|---|---|---|"
    for one in metrics:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        unit = one.unit.replace("timestamp_seconds", "Unix time, seconds") or "1 or 0"
        yield f"| `{one.name}` | {one.kind} | {unit} | {labels} | {one.en}<br>{one.zh} |"
