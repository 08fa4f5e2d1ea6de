"""What the alarm engine needs for its work while 20,000 alarms are open: CPU of judging, folding and making the rows.

Without Kafka, in this process. A run is all that one journal record covers at most, 500 findings that each change an
alarm; then a finding, a repeat of one, and a command by themselves. Each is looked at many times.
"""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from alerts.commands import Note
from alerts.engine import Engine
from alerts.judge import alarm_id
from alerts.signing import signed
from streams.alarms.order import Input
from streams.broker.topics import COMMANDS
from streams.engine.run import COLLECT_AFTER_OBJECTS
from tests.bench import flood

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TARGETS = {"run_p50_ms": 50.0, "run_p99_ms": 50.0, "checkpoint_ms": 50.0}

LOOKS = 200
BEGIN_MS = 1_000_000
KEY = b"bench"


def measure(_: Path) -> dict[str, float]:
    """Open the alarms, then look at one kind of work after the other → CPU, ms."""
    engine, found = Engine(KEY), flood.findings(flood.OPEN, BEGIN_MS)
    with as_a_part():
        offset = 0
        for _ in range(flood.OPEN // flood.RUN):
            done(engine, flood.inputs(found, offset, flood.RUN))
            offset += flood.RUN
        figures = {}
        for name, count in (("run", flood.RUN), ("finding", 1)):
            took_ms = []
            for _ in range(LOOKS):
                took_ms.append(done(engine, flood.inputs(found, offset, count)))
                offset += count
            figures |= told(name, took_ms)
        repeat = flood.inputs(iter([flood.finding(0, BEGIN_MS, 3)]), offset, 1)
        figures |= told("repeat", [done(engine, repeat) for _ in range(LOOKS)])
        figures |= told("command", [done(engine, [_note(number, offset)]) for number in range(LOOKS)])
        began_s = time.process_time()
        engine.checkpoint(0)
        return figures | {"checkpoint_ms": (time.process_time() - began_s) * 1000}


@contextmanager
def as_a_part() -> Iterator[None]:
    """Look for cycles as seldom as the city's parts do."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def done(engine: Engine, inputs: Sequence[Input]) -> float:
    """Judge, fold and make the rows → CPU of it, ms."""
    began_s = time.process_time()
    record = engine.judge(inputs, whole=False)
    if record is not None:
        engine.fold(record)
    return (time.process_time() - began_s) * 1000


def told(name: str, took_ms: Sequence[float]) -> dict[str, float]:
    """Name the middle, the tail and the most of it."""
    found = np.percentile(took_ms, [50, 99, 100]).tolist()
    return {f"{name}_{which}_ms": ms for which, ms in zip(("p50", "p99", "most"), found, strict=True)}


def _note(number: int, offset: int) -> Input:
    alarm = alarm_id(flood.finding(number, BEGIN_MS + number, 0))
    note = Note(id=f"k{number}", city=flood.CITY, who="bench", desk="1", role="operator", alarm=alarm, why="seen")
    return Input(COMMANDS, number, signed(msgspec.json.encode(note), KEY), BEGIN_MS + offset)
