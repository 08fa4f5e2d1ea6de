"""What comes to a stage from outside about failing processors: a person's wish to take one in again, and a death."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.contract.stage import TopicPartition
from streams.health.pulse import now_ms
from streams.saving import chains
from streams.saving.aside import DEATH, Aside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streams.contract.stage import Bus
    from streams.health.stepping import Stepping

FOLDER = "resume"
"""In a city's data folder: a file for each processor that a person wants back, `{"at_ms"}`: when."""


class _Wish(msgspec.Struct):
    at_ms: int


def ask(data: Path, processor: str) -> None:
    """Ask for a processor, wherever it was set aside until now."""
    (data / FOLDER).mkdir(parents=True, exist_ok=True)
    (data / FOLDER / processor).write_bytes(msgspec.json.encode(_Wish(now_ms())))


class Resuming:
    """Reads the wishes of a data folder."""

    def __init__(self, data: Path | None) -> None:
        self._folder = None if data is None else data / FOLDER

    def asked(self) -> dict[str, int]:
        """Return the processors that were asked for → when, ms."""
        found = {}
        for path in () if self._folder is None or not self._folder.is_dir() else self._folder.iterdir():
            try:
                found[path.name] = msgspec.json.decode(path.read_bytes(), type=_Wish).at_ms
            except (OSError, msgspec.DecodeError):  # just being written
                continue
        return found


async def note_death(stepping: Stepping, state_topic: Callable[[str], str], bus: Bus) -> None:
    """Count a death of the process before as a failure of the processor whose code it was in."""
    left, stepping.left = stepping.left, None
    if left is None:
        return
    topic, source = state_topic(left.topic), TopicPartition(left.topic, left.partition)
    found = await chains.load(bus, topic, left.partition)
    await Aside(topic, source, found.notes).failed(bus, left.processor, left.offset, DEATH, now_ms())
