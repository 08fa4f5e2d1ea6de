"""A process of the history sink on a seed's frames: `python -m tests.streams.sinks.history_process ADDRESS FOLDER HOW`.

It goes on from the last offset in FOLDER/commits. HOW is one of

run         to the end, then prints `done`
away        the same while nobody answers at the store
stored      to its death by SIGKILL when the store has taken a batch that is not committed yet
replayed    the same with the first batch, which comes from the spill if there is one
spilled     to its death when the spill has taken, fsynced, what is not committed yet; the store is away
full        to the end, with a disk that is full for a while
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streams.errors import UnreachableError
from streams.sinks.history import sink
from streams.sinks.history.opening import open_history
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.streams.sinks.feed import SOURCE, at_rest, frames, send, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.sinks.history.store import History

SEED, FRAMES = 5, 240
BEFORE_DEATH = 9
"""Writes."""
FULL_BYTES = 20_000


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DeadlySpill(Spill):
    """Kills the process once it has taken some."""

    appended = 0

    def append(self, payload: bytes) -> None:
        super().append(payload)
        self.appended += 1
        if self.appended == BEFORE_DEATH:
            die()


def deadly_store(address: str, before_death: int) -> Callable[[], History]:
    """Open a store that kills the process once it has taken some."""
    history = open_history(address)
    write, calls = history.write, []

    def deadly(rows: object) -> int:
        expired = write(rows)
        calls.append(1)
        if len(calls) == before_death:
            die()
        return expired

    history.write = deadly
    return lambda: history


def nobody() -> History:
    raise UnreachableError("nobody answers")


async def feed(host: FakeHost, clock: FakeClock, commits: Path) -> None:
    """Deliver what fits, a few frames at a time, and note what is committed, until no more fits or all is taken."""
    at_most, noted = 1, -1
    while await host.deliver(*SOURCE, at_most=at_most):
        at_most = at_most % 5 + 1
        await host.tick()
        clock.advance(60)
        if host.committed[SOURCE] != noted:
            noted = host.committed[SOURCE]
            with commits.open("a", encoding="utf-8") as file:
                file.write(f"{noted}\n")


async def full(host: FakeHost, clock: FakeClock, commits: Path, spill: Spill) -> None:
    """Let the disk be full, for the store and the spill, from the 50th frame until nothing more is taken."""
    sink.BATCH_ROWS = 100
    await host.deliver(*SOURCE, at_most=50)
    await host.tick()
    unlimited = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, unlimited))
    await feed(host, clock, commits)
    taken, kept = host.positions[SOURCE], host.committed[SOURCE]
    print(f"paused: {50 < kept < taken < FRAMES} {bool(spill)} {host.stage.waits()}", flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))


async def main(address: str, folder: Path, how: str) -> None:
    commits = folder / "commits"
    bus, clock = FakeBus(), FakeClock()
    send(bus, frames(FRAMES, SEED))
    spill = (DeadlySpill if how == "spilled" else Spill)(folder / "spill")
    opening: Callable[[], History] = lambda: open_history(address)  # noqa: E731 - one of three
    if how in {"away", "spilled"}:
        opening = nobody
    elif how in {"stored", "replayed"}:
        opening = deadly_store(address, 1 if how == "replayed" else BEFORE_DEATH)
    host = FakeHost(HistorySink(opening, spill, clock.seconds), bus)
    if commits.exists():
        host.committed[SOURCE] = int(commits.read_text(encoding="utf-8").split()[-1])
    await host.start()
    print("begun", flush=True)
    if how == "full":
        await full(host, clock, commits, spill)
    await feed(host, clock, commits)
    if how != "away":
        await until(lambda: at_rest(host, spill), host, clock)
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
