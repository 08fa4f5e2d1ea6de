"""One trial: the day without faults, the day with them, and what differs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from deploy.config.command_key import command_key
from tests.faults.feeder import Feeder
from tests.faults.inflicting import Inflicting, Pace
from tests.faults.outcome import SOUND, Outcome, differences, outcome
from tests.faults.running import City, running

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.schedule import Fault

FED_WITHIN_S = 600.0
WELL_WITHIN_S = 60.0


def say(line: str) -> None:
    """Print at once."""
    print(line, file=sys.stderr, flush=True)


def undisturbed(folder: Path, minutes: int) -> Outcome:
    """Run the day as fast as it goes."""
    with running(folder) as city:
        feeder = Feeder(city.run.kafka, minutes, lambda _: None, command_key(city.run))
        feeder.start()
        return _rest(city, feeder)


def disturbed(folder: Path, minutes: int, faults: Sequence[Fault]) -> tuple[Outcome, Counter[str]]:
    """Run the day while the faults are inflicted → what it came to, and what was done."""
    with running(folder) as city:
        pace = Pace()
        feeder = Feeder(city.run.kafka, minutes, pace, command_key(city.run))
        feeder.start()
        inflicting = Inflicting(city, faults, feeder, say)
        try:
            inflicting.run(pace, minutes)
            found = _rest(city, feeder)
            _check_running(city)
        except BaseException:
            say(_logs(city))
            raise
        inflicting.done["restarts"] = city.restarts()
        return found, inflicting.done


def compare(folder: Path, minutes: int, seed: int, faults: Sequence[Fault]) -> list[str]:
    """Run both and print what was done → what differs, nothing when all is equal."""
    say(f"seed {seed}, {len(faults)} faults:")
    for fault in faults:
        say(f"    {fault}")
    began = time.monotonic()
    wanted = undisturbed(folder / "undisturbed", minutes)
    say(f"{len(wanted.rows)} rows, {len(wanted.findings)} conditions without faults, {time.monotonic() - began:.0f} s")
    found, done = disturbed(folder / "disturbed", minutes, faults)
    say(f"with faults, {time.monotonic() - began:.0f} s: {dict(done)}")
    return [*differences(wanted, found), *_unsound(wanted), *_unreached(done)]


def _rest(city: City, feeder: Feeder) -> Outcome:
    feeder.join(FED_WITHIN_S)
    if feeder.error is not None:
        raise feeder.error
    if feeder.is_alive():
        raise TimeoutError(f"the day has not been given whole: minute {feeder.minute}")
    city.wait_through()
    return outcome(city)


def _check_running(city: City) -> None:
    """Raise TimeoutError when something does not run: nobody but the supervisor has lent a hand."""
    until = time.monotonic() + WELL_WITHIN_S
    while city.supervisor.poll() is not None or any(part.state != "running" for part in city.parts().values()):
        if time.monotonic() > until:
            raise TimeoutError(f"not everything runs again: {city.parts()}")
        time.sleep(0.5)


def _unsound(wanted: Outcome) -> list[str]:
    return [] if wanted.sound == SOUND else [f"the run without faults is not sound: {wanted.sound}"]


def _unreached(done: Counter[str]) -> list[str]:
    enough = done["gap reached"] * 2 >= done["gap"]
    return [] if enough else [f"of {done['gap']} failpoints only {done['gap reached']} were reached"]


def _logs(city: City) -> str:
    logs = sorted((city.data / "logs").glob("*.log"))
    return "\n".join(f"== {log.name}\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}" for log in logs)
