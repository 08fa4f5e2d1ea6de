"""How fast the history takes rows: `python -m tests.bench.history_speed sqlite|influxdb [MINUTES]`.

Minutes of 1,500 rows each, as a city's metrics come: written to the store; through the sink, which decodes the frames;
through the sink while the store is away, onto the disk; and from there into the store. CPU is this process's alone.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from streams.broker import topics
from streams.contract.metric_frames import encode_metrics
from streams.contract.records import MetricFrame, Rows
from streams.contract.stage import Message
from streams.errors import UnreachableError
from streams.sinks.history.opening import open_history
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from tests.fakes import FakeBus, FakeHost
from tests.streams.sinks.conftest import influxd_binary
from tests.streams.sinks.influx_server import Influxd
from tests.streams.sinks.rows import MINUTE_MS, START_MS, TOKEN, row, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.sinks.history.store import History

ROWS = 1_500
MINUTES = 200


def minute_of(number: int) -> Rows:
    """One minute's rows: 500 entities, three metrics, values that differ."""
    names = ("tti_ratio", "speed_km_h", "flow_veh_h")
    rows = rows_of(*(row(f"S{i % 500}", 0, metric=names[i // 500]) for i in range(ROWS)))
    values = np.random.default_rng(number).normal(40, 9, ROWS)
    return replace(rows, at_ms=np.full(ROWS, START_MS + number * MINUTE_MS), value=values)


@contextmanager
def measured(what: str, rows: int) -> Iterator[None]:
    """Print what a block cost for each row."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    yield
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    print(f"{what:<32}{rows / wall_s:>12,.0f} rows/s{cpu_s / rows * 1e6:>8.2f} us CPU a row", flush=True)


def nobody() -> History:
    """Be away."""
    raise UnreachableError("nobody answers")


async def sink_story(opening: Callable[[], History], folder: Path, frames: list[bytes]) -> None:
    """Measure the sink with the store there, away, and back."""
    rows = len(frames) * ROWS
    spill = Spill(folder / "spill")
    for what, store in (("sink to store", opening), ("sink to disk, store away", nobody)):
        bus = FakeBus()
        for frame in frames:
            bus.put(Message(topics.METRICS, b"Z1", frame))
        host = FakeHost(HistorySink(store, spill), bus)
        await host.start()
        with measured(what, rows):
            while await host.deliver(topics.METRICS, at_most=10):
                await host.tick()
    host = FakeHost(HistorySink(opening, spill), FakeBus())
    await host.start()
    with measured("disk to store", rows):
        while spill:
            await host.tick()
    spill.close()


def run(address: str, folder: Path, minutes: int) -> None:
    """Measure one store."""
    parts = [minute_of(number) for number in range(minutes)]
    history = open_history(address)
    with measured("store", minutes * ROWS):
        for part in parts:
            history.write(part)
    history.clear()
    history.close()
    frames = [encode_metrics("c", MetricFrame("traffic", 0, part, START_MS)) for part in parts]
    asyncio.run(sink_story(lambda: open_history(address), folder, frames))


def main(kind: str, minutes: int) -> None:
    """Make a place for the store and measure it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if kind == "sqlite":
            run(str(folder / "history.sqlite"), folder, minutes)
            return
        binary = influxd_binary()
        if binary is None:
            sys.exit("influxd is not here: set CITYWALL_INFLUXD to its binary, or let .ci build it")
        server = Influxd(binary, folder, durable=True)
        try:
            run(f"{server.url}?org=citywall&token={TOKEN}&replay=1", folder, minutes)
        finally:
            server.kill()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else MINUTES)
