"""`kernel`: the shipped path whole, with the kernel, as `up` runs it: what `intake` does, compiled where it is hot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.contestants.intake import PROCESSES, READINGS, TOPIC, results, run

if TYPE_CHECKING:
    from tests.bench.place import Place

__all__ = ["PROCESSES", "READINGS", "TOPIC", "main", "results"]


def main(process: str, place: Place) -> None:
    """Run one of the two parts."""
    run(process, place, kernel=True)
