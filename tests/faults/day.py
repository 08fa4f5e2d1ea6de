"""A fixed piece of city time for the fault suite: readings with dirt among them, marks, and what a dispatcher does.

Everything comes from one seed, so every run is given the same records, in the same order in each inbox partition.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.broker.topics import inbox
from tests.small_city import ZONES, write_small_city

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
START_MS = 472_222 * HOUR_MS
"""2023-11-14T22:00Z, a whole hour."""
READING_EVERY_S = 15
SEGMENTS = 16
STATIONS = ("weather", "environment")
PARTITIONS = {"traffic": 2, "weather": 1, "environment": 1}
"""Inbox partitions, as `streams.broker.topics` makes them by default."""
REPEATED, LATE, TOO_LATE, BAD = 0.03, 0.02, 0.01, 0.02
"""Shares of readings that are followed by such a one."""


class Item(NamedTuple):
    """One record for an inbox partition."""

    domain: str
    partition: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def topic(self) -> str:
        """The inbox it goes to."""
        return inbox(self.domain)


class Order(NamedTuple):
    """What a dispatcher does at the start of a minute, once the alarm of (entity, kind) stands as expected."""

    minute: int
    id: str
    entity: str
    kind: str
    stands: int
    """Level to wait for, 0 = cleared."""
    seen_level: int
    """Level that the command names."""
    who: str = "李敏"


ORDERS = (
    Order(34, "first", "w0", "underpass_flooding", 4, 4),
    Order(35, "second", "w0", "underpass_flooding", 4, 4, "王强"),
    Order(45, "missed-the-rise", "w0", "underpass_flooding", 3, 4),
    Order(46, "again-at-iii", "w0", "underpass_flooding", 3, 3),
    Order(50, "quick", "e1", "pm2_5_high", 4, 4),
    Order(64, "cleared-one", "w2", "underpass_flooding", 0, 4, "王强"),
    Order(66, "jam", "s5", "slow_traffic", 2, 2, "赵云"),
    Order(80, "nobody", "nowhere", "nothing", 4, 4),
)
"""Each is given twice: a second time with the same id changes nothing. None is given while its alarm may change, so
that its place among the alarm's events is the same in every run."""


def write_city(folder: Path) -> Path:
    """Write the folder of the city that this is a piece of."""
    return write_small_city(folder, SEGMENTS, STATIONS, (READING_EVERY_S, READING_EVERY_S))


def minutes(count: int, seed: int = 4) -> Iterator[tuple[list[Item], list[Item]]]:
    """Yield, minute by minute, the records and the marks that follow them; the last marks end every window."""
    chance = random.Random(seed)
    sent: list[tuple[str, int, dict[str, Any]]] = []
    for minute in range(count):
        lanes: dict[tuple[str, int], list[bytes]] = {}
        for domain, sensor, number in _sensors():
            partition = number % PARTITIONS[domain]
            lane = lanes.setdefault((domain, partition), [])
            for row in _rows(chance, domain, sensor, number, minute):
                sent.append((domain, partition, row))
                lane += [json.dumps(one).encode() for one in (row, *_dirt(chance, row, minute))]
                if chance.random() < BAD:
                    lane.append(_bad(chance, row))
            if sent and chance.random() < REPEATED * 4:
                domain_, partition_, row = chance.choice(sent[-400:])
                lanes.setdefault((domain_, partition_), []).append(json.dumps(row).encode())
        items = [
            item for (domain, partition), lines in lanes.items() for item in _cut(chance, domain, partition, lines)
        ]
        end_ms = START_MS + (minute + 1) * MINUTE_MS
        yield items, list(_marks(end_ms if minute + 1 < count else _after(end_ms)))


def end_ms(count: int) -> int:
    """Event time at which so many minutes end."""
    return START_MS + count * MINUTE_MS


def _after(at_ms: int) -> int:
    return (at_ms // HOUR_MS + 3) * HOUR_MS


def _marks(at_ms: int) -> Iterator[Item]:
    for domain, partitions in PARTITIONS.items():
        for partition in range(partitions):
            yield Item(domain, partition, b"", (("mark", b"%d" % at_ms),))


def _sensors() -> Iterator[tuple[str, str, int]]:
    for number in range(SEGMENTS):
        yield "traffic", f"d{number}", number
    for domain in STATIONS:
        for number in range(ZONES):
            yield domain, f"{domain[0]}{number}", number


def _rows(chance: random.Random, domain: str, sensor: str, number: int, minute: int) -> Iterator[dict[str, Any]]:
    if sensor == "e3" and 70 <= minute < 90:
        return  # it falls silent
    for second in range(0, 60, READING_EVERY_S):
        at_ms = START_MS + minute * MINUTE_MS + second * 1000 + chance.randrange(READING_EVERY_S * 1000)
        yield {"sensor": sensor, "at": at_ms, **_values(chance, domain, number, minute)}


def _values(chance: random.Random, domain: str, number: int, minute: int) -> dict[str, float]:
    if domain == "traffic":
        slow = number == 5 and 50 <= minute < 90
        speed = chance.uniform(8, 14) if slow else chance.uniform(52, 68)
        return {"speed_km_h": round(speed, 1), "flow_veh_h": chance.randint(400, 900)}
    if domain == "weather":
        return {"depth_cm": _depth_cm(number, minute) + chance.randrange(10) / 10, "temperature_c": 20 + number}
    polluted = number == 1 and 30 <= minute < 60
    return {"pm2_5_ug_m3": (120 if polluted else 40) + chance.randrange(200) / 10}


def _depth_cm(number: int, minute: int) -> int:
    """`w0` rises to IV, then III; `w2` to IV; the others come and go, so that detections never cease."""
    if number == 0:
        return 12 if 38 <= minute < 70 else 7 if 20 <= minute < 38 else 0
    if number == 2:
        return 7 if 40 <= minute < 55 else 0
    return 7 if (minute + 6 * number) % 10 < 3 else 0


def _dirt(chance: random.Random, row: dict[str, Any], minute: int) -> Iterator[dict[str, Any]]:
    kind = chance.random()
    if kind < LATE and minute > 10:
        yield {**row, "at": row["at"] - chance.randrange(2, 9) * MINUTE_MS}
    elif kind < LATE + TOO_LATE and minute > 10:
        yield {**row, "at": row["at"] - chance.randrange(70, 100) * MINUTE_MS}


def _bad(chance: random.Random, row: dict[str, Any]) -> bytes:
    return chance.choice(
        [
            b"{rubbish",
            b"[]",
            json.dumps({**row, "sensor": "nobody"}).encode(),
            json.dumps({**row, "at": "yesterday"}).encode(),
            json.dumps({**row, "speed_km_h": -5, "depth_cm": -5, "pm2_5_ug_m3": -5}).encode(),
        ]
    )


def _cut(chance: random.Random, domain: str, partition: int, lines: Sequence[bytes]) -> Iterator[Item]:
    """Several readings to a record, as NDJSON; one that cannot be decoded stands alone."""
    waiting: list[bytes] = []
    for line in lines:
        alone = not line.startswith(b'{"')
        if waiting and (alone or len(waiting) > chance.randrange(8)):
            yield Item(domain, partition, b"\n".join(waiting))
            waiting = []
        if alone:
            yield Item(domain, partition, line)
        else:
            waiting.append(line)
    if waiting:
        yield Item(domain, partition, b"\n".join(waiting))
