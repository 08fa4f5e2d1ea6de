"""Very many alarms, from a seed: findings of the job's city, and the journal that an engine makes of them.

Entity `s<i>` has alarms of `KINDS` kinds; of each open alarm a finding comes again and again, of another level now and
then, every one of them news.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from streams.alarms.order import Input
from streams.broker.topics import DETECTIONS
from streams.contract.records import Detection
from tests.bench.job import SEGMENTS, ZONES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.engine import Engine

OPEN = 20_000
KINDS = 10
CITY = "bench"
RUN = 500
"""Findings that one journal record covers at most."""
SEED = 11
HIGHEST = 2
"""Levels II to IV: a city with so many of level I has other worries."""


def finding(number: int, at_ms: int, level: int) -> Detection:
    """Return a finding of alarm `number`."""
    segment = number // KINDS
    return Detection(
        city=CITY,
        domain="traffic",
        kind=f"flood_{number % KINDS}",
        entity=f"s{segment}",
        zone=f"z{segment * ZONES // SEGMENTS}",
        at_ms=at_ms,
        level=level,
        value=number / 7,
        limit=0.5,
        unit="ratio",
        basis="own choice",
        evidence={"window_s": 60.0, "of": "flow"},
    )


def findings(open_count: int, begin_ms: int) -> Iterator[Detection]:
    """Yield the raise of each alarm, then news of any of them without end; a millisecond apart."""
    chance = random.Random(SEED)
    for number in range(open_count):
        yield finding(number, begin_ms + number, HIGHEST + number % 3)
    at_ms = begin_ms + open_count
    while True:
        yield finding(chance.randrange(open_count), at_ms, chance.choice((2, 3, 3, 3, 4)))
        at_ms += 1


def inputs(found: Iterator[Detection], offset: int, count: int) -> list[Input]:
    """Return the next findings as the engine takes them: each arrives as it was found."""
    taken = [next(found) for _ in range(count)]
    return [Input(DETECTIONS, offset + place, msgspec.json.encode(one), one.at_ms) for place, one in enumerate(taken)]


def journal(engine: Engine, open_count: int, event_count: int, begin_ms: int) -> Iterator[bytes]:
    """Yield the journal that an engine writes of so many findings; it has folded what was yielded.

    Nothing is sealed without judging: how alarms come together and are shown depends on all that is open.
    """
    found = findings(open_count, begin_ms)
    for offset in range(0, event_count, RUN):
        value = engine.judge(inputs(found, offset, min(RUN, event_count - offset)), whole=True)
        engine.take(value)
        yield value or b""
