"""Who is silent when lags, intervals and clocks change, by hand: four panels of a domain without marks."""

from dataclasses import replace

import numpy as np
import pytest

from processors import feed_health
from streams.city.registry import City, Sensor, Zone
from streams.contract.records import NO_TIME_MS, Frame, Rows
from streams.saving.state import decode, encode

MINUTE_MS = 60_000
DISORDER_MS = 15_000
NAMES = "abcd"
CONFIG = feed_health.Config()


def city(**changed: dict[str, object]) -> City:
    """Panels of 10 s, or as told by name."""
    base = Sensor("", "fire", 0, -1, 0.0, 0.0, 10.0, "", "")
    sensors = tuple(replace(base, id=name, **changed.get(name, {})) for name in NAMES)
    return City("c", "", "", "UTC", "", (Zone("z", "", ""),), (), sensors)


def lagging(lag_s: float, names: str = "b") -> City:
    return city(**{name: {"delay_s": lag_s} for name in names})


PLAIN = city()


class Town:
    """One source; a reading's time is as late (or as far ahead) as its clock and its way make it."""

    def __init__(self, of: City, cut: int = 1000) -> None:
        self.city, self.cut, self.state = of, cut, feed_health.State()
        self.mark_ms = NO_TIME_MS
        self.queue: list[tuple[int, str, int]] = []
        self.now_ms = 0
        self.found: list[tuple[str, str, int, float]] = []
        self.silent: dict[float, int] = {}

    def live(self, seconds: int, but: str = "", every_s: int = 10, **way_s: int) -> "Town":
        """Let time pass; `way_s`, by name: how long its readings are under way, below 0 = its clock is ahead."""
        for at_ms in range(self.now_ms, self.now_ms + seconds * 1000, every_s * 1000):
            for name in NAMES:
                if name not in but:
                    way_ms = way_s.get(name, 0) * 1000
                    self.queue.append((at_ms + max(way_ms, 0), name, at_ms - min(way_ms, 0)))
        self.now_ms += seconds * 1000
        return self.deliver()

    def deliver(self) -> "Town":
        came = sorted(one for one in self.queue if one[0] < self.now_ms)
        self.queue = [one for one in self.queue if one[0] >= self.now_ms]
        for first in range(0, len(came), self.cut):
            self.step(came[first : first + self.cut])
        return self

    def step(self, rows: list[tuple[int, str, int]]) -> None:
        lag_ms, behind = self.city.timing.lag_ms, []
        sensor = np.array([self.city.sensor_code[name] for _, name, _ in rows], np.int32)
        for (now_ms, _, at_ms), code in zip(rows, sensor, strict=True):
            self.mark_ms = max(self.mark_ms, min(at_ms, now_ms) - DISORDER_MS)
            behind.append(self.mark_ms - at_ms - int(lag_ms[code]))
        behind_ms, at = np.array(behind, np.int64), np.array([at_ms for _, _, at_ms in rows], np.int64)
        value = {"alarmed_count": np.zeros(len(rows))}
        frame = Frame("fire", 0, sensor, at, behind_ms > 0, value, self.mark_ms // 1000 * 1000, behind_ms)
        result = feed_health.step(self.state, frame, self.city, CONFIG)
        self.state = decode(feed_health.State, encode(result.state))  # as after a restart
        self.found += [
            (one.kind, one.entity, one.level, (one.known_at_ms or 0) / MINUTE_MS) for one in result.detections
        ]
        self.silent.update(silent_of(result.rows))

    def quiet(self, seconds: int) -> "Town":
        """Let time pass in which nothing comes: intake sends marks of its own."""
        for _ in range(0, seconds, 10):
            self.now_ms += 10_000
            self.mark_ms = max(self.mark_ms, self.now_ms - DISORDER_MS)
            self.step([])
        return self

    def change(self, to: City) -> "Town":
        self.city = to
        return self


def silent_of(rows: Rows) -> dict[float, int]:
    """Minute → silent sensors."""
    mine = rows.where(rows.metric == "silent_ratio")
    return dict(zip((mine.at_ms / MINUTE_MS).tolist(), mine.numerator.tolist(), strict=True))


def silences(town: Town) -> list[tuple[str, int, float]]:
    return [(entity, level, known) for kind, entity, level, known in town.found if kind == "sensor_silent"]


@pytest.mark.parametrize("at_s", [600, 625, 655])
@pytest.mark.parametrize("names", ["b", NAMES], ids=["one", "all"])
@pytest.mark.parametrize("lag_s", [40, 600, 900])
class TestALagThatChanges:
    """Nobody is silent, in no minute, whatever the sensors themselves do at that moment."""

    def test_is_raised_for_sensors_as_fast_as_ever(self, lag_s, names, at_s):
        town = Town(PLAIN).live(at_s).change(lagging(lag_s, names)).live(2400)
        assert silences(town) == []
        assert set(town.silent.values()) == {0}

    def test_is_raised_for_sensors_that_become_as_slow(self, lag_s, names, at_s):
        town = Town(PLAIN).live(at_s).change(lagging(lag_s, names)).live(2400, **dict.fromkeys(names, lag_s))
        assert silences(town) == []
        assert set(town.silent.values()) == {0}

    def test_is_lowered_for_sensors_that_were_fast(self, lag_s, names, at_s):
        town = Town(lagging(lag_s, names)).live(at_s + 900).change(PLAIN).live(2400)
        assert silences(town) == []
        assert set(town.silent.values()) == {0}

    def test_is_lowered_for_sensors_that_become_fast(self, lag_s, names, at_s):
        slow = dict.fromkeys(names, lag_s)
        town = Town(lagging(lag_s, names)).live(at_s + 1200, **slow).change(PLAIN).live(2400)
        assert silences(town) == []
        assert set(town.silent.values()) == {0}


def test_a_sensor_that_dies_as_its_lag_is_raised_is_found_when_its_next_reading_is_due():
    town = Town(PLAIN).live(600).change(lagging(900)).live(2400, but="b")
    # Last at 9:50; its next was due at 25:00. Silent a minute after 24:50, told two later, at a whole minute.
    assert silences(town) == [("b", 4, 28.0)]


def test_a_sensor_that_dies_as_its_lag_is_lowered_is_found_as_if_it_had_never_had_one():
    town = Town(lagging(900)).live(1800).change(PLAIN).live(1800, but="b")
    # Last at 29:50, told at 32:50 or the next whole minute.
    assert silences(town) == [("b", 4, 33.0)]


def test_a_sensor_that_is_silent_stays_so_when_its_lag_is_raised_by_less():
    town = Town(PLAIN).live(600).live(1200, but="b").change(lagging(900)).live(600, but="b")
    assert silences(town) == [("b", 4, 13.0)]


def test_an_alarm_ends_where_the_lag_says_that_nothing_was_due():
    town = Town(PLAIN).live(600).live(300, b=900).change(lagging(900)).live(2400, b=900)
    # Told at 13:00; the file is put right at 15:00.
    assert silences(town) == [("b", 4, 13.0), ("b", 0, 15.0)]


@pytest.mark.parametrize("lag_s", [90, 900])
def test_a_new_sensor_is_waited_for_as_long_as_its_first_reading_takes(lag_s):
    town = Town(lagging(lag_s)).live(2400, b=lag_s)
    assert silences(town) == []
    assert set(town.silent.values()) == {0}


@pytest.mark.parametrize(("before_s", "after_s"), [(300, 10), (300, 60), (60, 10), (10, 300), (10, 60)])
def test_an_interval_that_changes_makes_nobody_silent(before_s, after_s):
    """They wait once more as long as before, and go on by the new one."""
    slow, fast = (city(**{name: {"interval_s": one} for name in NAMES}) for one in (float(before_s), float(after_s)))
    town = Town(slow).live(1210, every_s=before_s).change(fast).quiet(before_s - 10)
    town.live(1800, every_s=after_s)
    assert silences(town) == []
    assert set(town.silent.values()) == {0}


def test_a_dead_sensor_whose_interval_becomes_shorter_is_found_by_the_new_one():
    hourly = city(b={"interval_s": 3600.0})
    town = Town(hourly).live(3600, but="b").live(10).live(3590, but="b").live(600, but="b").change(PLAIN)
    town.live(1800, but="b")
    # Heard at 60:00, nothing at 120:00; changed with 129:00 judged: told three minutes later, not after three hours.
    assert silences(town) == [("b", 4, 132.0)]


@pytest.mark.parametrize("ahead_s", [61, 120, 270])
def test_a_clock_that_is_ahead_from_the_start_is_wrong_and_not_silent(ahead_s):
    town = Town(PLAIN).live(1200, b=-ahead_s)
    assert town.found == [("sensor_clock_wrong", "b", 4, 15.0)]
    assert set(town.silent.values()) == {0}


def test_a_clock_that_jumps_ahead_makes_nobody_silent():
    town = Town(PLAIN).live(600).live(1200, b=-270)
    assert silences(town) == []
    assert set(town.silent.values()) == {0}


@pytest.mark.parametrize("cut", [1, 7, 64])
def test_no_cut_decides_who_is_silent(cut):
    """A lag that comes and goes, a wrong clock, a dead sensor."""

    def lived(cut: int) -> Town:
        town = Town(PLAIN, cut).live(300, c=-270).live(200).change(lagging(600)).live(900, c=-270, but="d")
        return town.change(PLAIN).live(400, but="b").change(lagging(900)).live(600, b=-100)

    assert (lived(cut).found, lived(cut).silent) == (lived(1000).found, lived(1000).silent)
