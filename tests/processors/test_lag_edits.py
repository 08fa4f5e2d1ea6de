"""Windows while lags rise and fall, in logs made at random: each has one final, and its newest row has every reading.

Frames of an older version of the city come between those of the newest, as when two partitions of the inbox are read.
"""

import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from processors import congestion, threshold
from streams.city.registry import City, Segment, Sensor, Zone
from streams.contract.records import NO_TIME_MS, Frame
from streams.saving.state import decode, encode

MINUTE_MS, TICK_MS, DISORDER_MS = 60_000, 20_000, 15_000
START_MS = 1_700_000_040_000
SENSORS = 4
PARTS = {
    "fire": (threshold, threshold.Config(), "alarmed_count"),
    "traffic": (congestion, congestion.Config(), "flow_veh_h"),
}
"""A domain's processor, its configuration, and a metric whose count is of all readings."""


def town(domain: str, lags_s: list[int]) -> City:
    """Four sensors; of traffic two a segment."""
    road = domain == "traffic"
    segments = tuple(
        Segment(f"s{n}", 0, "", "", "arterial", 2, 800.0, 60.0, (), ((0.0, 0.0), (0.0, 1.0))) for n in range(2)
    )
    sensors = tuple(
        Sensor(f"d{n}", domain, 0, n // 2 if road else -1, 0.0, 0.0, 20.0, "", "", delay_s=float(lag_s))
        for n, lag_s in enumerate(lags_s)
    )
    return City("c", "", "", "UTC", "", (Zone("z", "", ""),), segments if road else (), sensors)


class Log:
    """Readings in their order of arrival at one or two sources, and what the processor makes of them."""

    def __init__(self, domain: str, seed: int) -> None:
        self.domain, self.chance = domain, random.Random(seed)
        self.part, self.config, self.metric = PARTS[domain]
        self.state = self.part.State()
        self.marks_ms = [NO_TIME_MS] * self.chance.choice([1, 2])
        self.lags_s = [self.chance.choice([0, 0, 40, 300, 900]) for _ in range(SENSORS)]
        self.cities = [town(domain, self.lags_s)]
        self.sent: Counter[tuple[str, int]] = Counter()
        self.rows: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
        """(revision, count) of each (entity, window), as they came."""

    def came(self) -> list[tuple[int, int, int]]:
        """(when it came, sensor, its time) of an hour."""
        way_s = [self.chance.choice([0, 0, lag_s, lag_s + 30]) for lag_s in self.lags_s]
        found = []
        for at_ms in range(START_MS, START_MS + 60 * MINUTE_MS, TICK_MS):
            for sensor in range(SENSORS):
                late_s = self.chance.randint(0, 900) if self.chance.random() < 0.05 else 0
                found.append((at_ms + (way_s[sensor] + late_s) * 1000, sensor, at_ms))
        return sorted(found)

    def run(self) -> None:
        came = self.came()
        changes = sorted(self.chance.sample(range(len(came)), 4))
        first = 0
        while first < len(came):
            if changes and first >= changes[0]:
                changes.pop(0)
                self.lags_s = [self.chance.choice([lag_s, 0, 40, 300, 900]) for lag_s in self.lags_s]
                self.cities = [*self.cities[-1:], town(self.domain, self.lags_s)]
            count = self.chance.randint(1, 12)
            for source in range(len(self.marks_ms)):
                mine = [one for one in came[first : first + count] if one[1] % len(self.marks_ms) == source]
                self.take(source, mine)
            first += count
        self.marks_ms = [mark_ms + 3_600_000 for mark_ms in self.marks_ms]
        self.step(self.cities[-1], [], self.watermark_ms)

    @property
    def watermark_ms(self) -> int:
        least_ms = min(self.marks_ms)
        return least_ms if least_ms == NO_TIME_MS else least_ms // 1000 * 1000

    def take(self, source: int, came: list[tuple[int, int, int]]) -> None:
        """As the zone stage does: rows with the city they were made for, windows closed by the newest."""
        city, rows, before_ms = self.chance.choice(self.cities), [], self.watermark_ms
        for come_ms, sensor, at_ms in came:
            self.marks_ms[source] = max(self.marks_ms[source], min(at_ms, come_ms) - DISORDER_MS)
            rows.append((sensor, at_ms, self.marks_ms[source] - at_ms - int(city.timing.lag_ms[sensor])))
            entity = f"s{sensor // 2}" if self.domain == "traffic" else f"d{sensor}"
            self.sent[entity, at_ms // MINUTE_MS * MINUTE_MS] += 1
        if city is not self.cities[-1]:
            self.step(city, rows, before_ms)
            rows = []
        self.step(self.cities[-1], rows, self.watermark_ms)

    def step(self, city: City, rows: list[tuple[int, int, int]], watermark_ms: int) -> None:
        sensor, at_ms, behind_ms = np.array(rows, np.int64).reshape(-1, 3).T
        names = {"fire": ("alarmed_count",), "traffic": ("speed_km_h", "flow_veh_h")}[self.domain]
        columns = {name: np.full(len(rows), 30.0) for name in names}
        of = (self.domain, 0, sensor.astype(np.int32), at_ms, behind_ms > 0)
        result = self.part.step(self.state, Frame(*of, columns, watermark_ms, behind_ms), city, self.config)
        self.state = decode(self.part.State, encode(result.state))  # as after a restart
        mine = result.rows.where(result.rows.metric == self.metric)
        times = zip(mine.entity.tolist(), mine.at_ms.tolist(), strict=True)
        for key, revision, count in zip(times, mine.revision.tolist(), mine.count.tolist(), strict=True):
            self.rows[key].append((revision, count))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("domain", PARTS)
def test_no_window_is_closed_twice_or_loses_a_reading(domain, seed):
    log = Log(domain, seed)
    log.run()
    assert {key: rows[-1][1] for key, rows in log.rows.items() if rows[-1][1]} == dict(log.sent)
    revisions = {key: [revision for revision, _ in rows] for key, rows in log.rows.items()}
    assert {key: found for key, found in revisions.items() if found != sorted(set(found))} == {}
    assert not any(log.part.waiting(log.state, log.config).values())
