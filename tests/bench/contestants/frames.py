"""`frames`: the zone stage alone, with the kernel, on frames that intake has made before the clock starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import preload
from tests.bench.contestants import intake
from tests.bench.contestants.intake import TOPIC, results
from tests.bench.job import WHOLE

if TYPE_CHECKING:
    from tests.bench.job import Job
    from tests.bench.place import Place

__all__ = ["PROCESSES", "READINGS", "TOPIC", "main", "prepare", "results"]

READINGS = WHOLE
PROCESSES = ("processors",)


def prepare(place: Place, _: Job) -> None:
    """Leave all frames in the readings topic."""
    preload.run_to_end("kernel", "intake", "citywall-intake", place)


def main(process: str, place: Place) -> None:
    """Run the zone stage."""
    intake.run(process, place, kernel=True)
