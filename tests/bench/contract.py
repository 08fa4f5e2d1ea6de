"""What a contestant's file says of it, with defaults for what it leaves out. `contestants/__init__.py` describes it."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import contestant
from tests.bench.job import RESULTS, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tests.bench.job import Job
    from tests.bench.place import Place

FOLDER = Path(__file__).parent / "contestants"


class ContestantError(Exception):
    """A contestant cannot run, or its results are wrong; `str()` of it says why. Not for bugs of the harness."""


@dataclass(frozen=True)
class Contestant:
    """One contestant."""

    name: str
    processes: tuple[str, ...]
    topic: str
    results: Callable[[bytes], Iterable[tuple[int, int, float, int]]]
    command: Callable[[str, Place], list[str]]
    most_readings: int | None = None
    """The most that it is given; None = as many as are asked for."""
    durable: bool = True
    inexact: str = ""
    """Why windows of it may be wrong; empty = none may."""
    prepare: Callable[[Place, Job], None] | None = None
    versions: Callable[[], Mapping[str, str]] = dict

    def readings(self, asked: int) -> int:
        """Return how many readings it is given when so many are asked for."""
        return asked if self.most_readings is None else min(asked, self.most_readings)


def names() -> list[str]:
    """List the contestants there are."""
    return sorted(file.stem for file in FOLDER.glob("[a-z]*.py"))


def load(name: str) -> Contestant:
    """Read a contestant's module."""
    module: Any = importlib.import_module(f"tests.bench.contestants.{name}")
    return Contestant(
        name=name,
        processes=tuple(module.PROCESSES),
        topic=getattr(module, "TOPIC", RESULTS),
        results=getattr(module, "results", _results),
        command=getattr(module, "command", partial(contestant.command, name)),
        most_readings=module.READINGS if module.READINGS < WHOLE else None,
        durable=getattr(module, "DURABLE", True),
        inexact=getattr(module, "INEXACT", ""),
        prepare=getattr(module, "prepare", None),
        versions=getattr(module, "versions", dict),
    )


def _results(value: bytes) -> Iterator[tuple[int, int, float, int]]:
    found = json.loads(value)
    yield found["segment"], found["at_ms"], found["tti"], found["count"]
