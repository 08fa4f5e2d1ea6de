"""Segments whose length or free flow is edited: a window is told with those of its close, its corrections too."""

from dataclasses import replace

import numpy as np
import pytest

from processors.congestion import Config, State, live, step
from streams.city.registry import City, Segment, Sensor, Zone
from streams.contract.records import Frame, Rows
from streams.saving.state import decode, encode

MINUTE_MS = 60_000
LINE = ((0.0, 0.0), (0.0, 1.0))
LATE = True


def town(*free_flow_km_h: float, length_m: float = 500.0, delays_s: tuple[float, ...] = (0.0, 0.0)) -> City:
    """Segments r0, r1, …, each with its detector."""
    roads = tuple(
        Segment(f"r{at}", 0, "", "", "arterial", 2, length_m, free, (), LINE) for at, free in enumerate(free_flow_km_h)
    )
    sensors = tuple(
        Sensor(f"d{at}", "traffic", 0, at, 0.0, 0.0, 60.0, "", "", delay_s=delays_s[at]) for at in range(len(roads))
    )
    return City("c", "", "", "UTC", "", (Zone("z", "", ""),), roads, sensors)


def frame(watermark: float, *readings: tuple[int, int], late: bool = False) -> Frame:
    """Readings, (sensor, minute), of 40 km/h; the watermark is at so many minutes."""
    sensor = np.array([one for one, _ in readings], np.int32)
    at_ms = np.array([number * MINUTE_MS for _, number in readings], np.int64)
    columns = {"speed_km_h": np.full(len(readings), 40.0), "flow_veh_h": np.full(len(readings), 600.0)}
    return Frame("traffic", 0, sensor, at_ms, np.full(len(readings), late), columns, int(watermark * MINUTE_MS))


def told(rows: Rows, metric: str = "tti_ratio") -> list[tuple[str, int, int, float]]:
    """(segment, minute, revision, value) of what has one."""
    one = rows.where((rows.metric == metric) & ~np.isnan(rows.value))
    heads = zip(one.entity.tolist(), (one.at_ms // MINUTE_MS).tolist(), one.revision.tolist(), strict=True)
    return [(*head, round(value, 9)) for head, value in zip(heads, one.value.tolist(), strict=True)]


class Lived:
    """A state that lives through frames; it is saved and read again after each."""

    def __init__(self) -> None:
        self.state = State()

    def step(self, city: City, of: Frame) -> Rows:
        result = step(self.state, of, city, Config())
        self.state = decode(State, encode(result.state))
        return result.rows

    def correct(self, city: City, watermark: float, *readings: tuple[int, int]) -> list[tuple[str, int, int, float]]:
        return told(self.step(city, frame(watermark, *readings, late=LATE)))


SLOW, FAST = town(60.0, 60.0), town(90.0, 60.0)


def test_a_late_reading_counts_with_the_free_flow_of_its_minutes_close():
    life = Lived()
    assert told(life.step(SLOW, frame(1, (0, 0)))) == [("r0", 0, 0, 1.5)]
    assert told(life.step(FAST, frame(2, (0, 1)))) == [("r0", 1, 0, 2.25)]
    assert life.correct(FAST, 2, (0, 0)) == [("r0", 0, 1, 1.5)]
    assert life.correct(FAST, 2, (0, 1)) == [("r0", 1, 1, 2.25)]


def test_a_minute_that_is_open_at_the_edit_counts_with_what_is_new():
    life = Lived()
    life.step(SLOW, frame(0.5, (0, 0)))
    assert told(life.step(FAST, frame(1, (0, 0)))) == [("r0", 0, 0, 2.25)]
    assert life.correct(FAST, 1, (0, 0)) == [("r0", 0, 1, 2.25)]


def test_a_late_reading_counts_with_the_length_of_its_minutes_close():
    life, longer = Lived(), town(60.0, 60.0, length_m=1000.0)
    first = life.step(SLOW, frame(1, (0, 0)))
    second = life.step(longer, frame(2, (0, 1)))
    late = life.step(longer, frame(2, (0, 0), (0, 1), late=LATE))
    assert [told(rows, "delay_s") for rows in (first, second)] == [[("r0", 0, 0, 15.0)], [("r0", 1, 0, 30.0)]]
    assert told(late, "delay_s") == [("r0", 0, 1, 15.0), ("r0", 1, 1, 30.0)]
    sums = late.where((late.metric == "speed_km_h") & ~np.isnan(late.value))
    assert (sums.numerator / sums.numerator[0]).tolist() == [1.0, 2.0]  # what zones and city add up: vehicle-kilometres


def test_each_of_several_edits_holds_for_the_minutes_that_closed_under_it():
    life = Lived()
    for number, free in enumerate((60.0, 90.0, 120.0, 60.0)):
        life.step(town(free, 60.0), frame(number + 1, (0, number)))
    late = life.correct(town(60.0, 60.0), 4, *((0, number) for number in range(4)))
    assert late == [("r0", number, 1, tti) for number, tti in enumerate((1.5, 2.25, 3.0, 1.5))]


def test_frames_of_an_older_city_between_those_of_the_newest_add_nothing():
    life = Lived()
    life.step(SLOW, frame(1, (0, 0)))
    for _ in range(20):
        for city in (FAST, SLOW):
            life.step(city, frame(1, (0, 1)))
    life.step(FAST, frame(2, (0, 1)))
    assert len(life.state.edited.segment) == 1
    assert life.correct(FAST, 2, (0, 0), (0, 1)) == [("r0", 0, 1, 1.5), ("r0", 1, 1, 2.25)]


def test_an_edit_that_the_wall_is_shown_first_is_not_missed():
    state = step(State(), frame(1, (0, 0), (0, 1)), SLOW, Config()).state
    assert told(live(state, np.array([0], np.int32), FAST, Config())) == [("r0", 1, -1, 2.25)]
    late = step(state, frame(1, (0, 0), late=LATE), FAST, Config()).rows
    assert told(late) == [("r0", 0, 1, 1.5)]


def test_a_segment_that_left_is_as_it_was_last_and_is_edited_when_it_comes_back():
    life, alone = Lived(), town(90.0)
    life.step(SLOW, frame(1, (1, 0)))
    life.step(town(60.0, 90.0), frame(1.5, (1, 1)))
    assert told(life.step(alone, frame(2)))[-1] == ("r1", 1, 0, 2.25)
    life.step(town(60.0, 120.0), frame(3, (1, 2)))
    late = life.correct(town(60.0, 120.0), 3, (1, 0), (1, 1), (1, 2))
    assert late == [("r1", 0, 1, 1.5), ("r1", 1, 1, 2.25), ("r1", 2, 1, 3.0)]


def test_what_lags_counts_with_what_held_when_its_own_minute_closed():
    """At 2:00 the first minute of r0 is closed, that of r1, five minutes behind, is not."""
    before, after = (town(free, free, delays_s=(0.0, 300.0)) for free in (60.0, 90.0))
    life = Lived()
    assert told(life.step(before, frame(2, (0, 0), (1, 0)))) == [("r0", 0, 0, 1.5)]
    assert told(life.step(after, frame(6, (0, 2)))) == [("r0", 2, 0, 2.25), ("r1", 0, 0, 2.25)]
    assert life.correct(after, 6, (0, 0), (1, 0)) == [("r0", 0, 1, 1.5), ("r1", 0, 1, 2.25)]


@pytest.mark.parametrize(("last", "kept"), [(60, 1), (61, 0)])
def test_what_no_late_reading_can_ask_for_is_forgotten(last: int, kept: int):
    """The minute 0:00 may be corrected to the end of the minute in which it is an hour old."""
    life = Lived()
    life.step(SLOW, frame(1, (0, 0)))
    life.step(FAST, frame(last, (0, last - 1)))
    assert (len(life.state.windows.closed), len(life.state.edited.segment)) == (1 + kept, kept)


def test_where_no_segment_was_edited_nothing_is_kept():
    life = Lived()
    life.step(SLOW, frame(1, (0, 0)))
    life.step(replace(SLOW, sensors=SLOW.sensors[:1]), frame(2, (0, 1)))
    life.step(town(60.0, 60.0), frame(3, (0, 2)))
    assert len(life.state.edited.segment) == 0
