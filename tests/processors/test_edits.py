"""Edits of a city while it runs, by hand: who is inserted, removed, swapped, moved and put back."""

from dataclasses import replace

import numpy as np
import pytest

from processors import congestion, feed_health, slow_traffic, threshold
from processors.maths.rules import Rule
from streams.city.registry import City, Segment, Sensor, Zone
from streams.contract.records import Detection, Frame, Rows

MINUTE_MS = 60_000
RULE = Rule(
    name="fire_alarm", domain="fire", column="alarmed_count", iii=1, ii=2, dead_band=0.5, on_delay_s=0,
    off_delay_s=120, basis="local", reference="own choice",
)  # fmt: skip
FIRE = threshold.Config(rules=(RULE,))


def panel(name: str, zone: int = 0) -> Sensor:
    return Sensor(name, "fire", zone, -1, 0.0, 0.0, 60.0, "", "")


def town(*sensors: Sensor, segments: tuple[Segment, ...] = ()) -> City:
    return City("c", "", "", "UTC", "", (Zone("a", "", ""), Zone("b", "", "")), segments, sensors)


def minute(city: City, number: int, **values: float) -> Frame:
    """The zone's minute: a value of each sensor named, `_` for `-`; the watermark is at its end."""
    found = {name.replace("_", "-"): value for name, value in values.items()}
    domain = city.sensors[0].domain
    columns = {"fire": ("alarmed_count",), "traffic": ("speed_km_h", "flow_veh_h")}[domain]
    table = {column: np.array(list(found.values()), float) for column in columns}
    if "flow_veh_h" in table:
        table["flow_veh_h"] = np.full(len(found), 600.0)
    sensor = np.array([city.sensor_code[name] for name in found], np.int32)
    at_ms = np.full(len(found), number * MINUTE_MS)
    return Frame(domain, 0, sensor, at_ms, np.zeros(len(found), bool), table, (number + 1) * MINUTE_MS)


def told(found: tuple[Detection, ...]) -> list[tuple[str, int, int, object]]:
    return [(one.entity, one.at_ms // MINUTE_MS, one.level, one.evidence.get("reason")) for one in found]


def of(rows: Rows, metric: str) -> dict[str, tuple[float, int]]:
    """Entity → (value, count) of one metric."""
    picked = rows.where(rows.metric == metric)
    return dict(
        zip(picked.entity.tolist(), zip(picked.value.tolist(), picked.count.tolist(), strict=True), strict=True)
    )


BEFORE = town(panel("panel-a"))
ABOVE = town(panel("panel-0"), panel("panel-a"))


def test_a_line_above_an_alarming_panel_moves_no_alarm():
    state = threshold.State()
    assert told(threshold.step(state, minute(BEFORE, 0, panel_a=3), BEFORE, FIRE).detections) == [
        ("panel-a", 0, 2, None)
    ]
    assert [
        one
        for number in (1, 2, 3)
        for one in told(threshold.step(state, minute(ABOVE, number, panel_0=0, panel_a=0), ABOVE, FIRE).detections)
    ] == [("panel-a", 1, 0, None)]


def test_what_a_slow_panel_said_is_told_as_it_leaves():
    """Zones and city wait as long as the slowest sensor that is there: later they would have closed its minutes."""
    state, slow = threshold.State(), town(panel("panel-0"), replace(panel("panel-a"), delay_s=900.0))
    for number in (0, 1):
        threshold.step(state, minute(slow, number, panel_0=0, panel_a=3), slow, FIRE)
    left = town(panel("panel-0"))
    rows = threshold.step(state, minute(left, 2, panel_0=0), left, FIRE).rows
    mine = rows.where(rows.entity == "panel-a")
    assert (mine.at_ms // MINUTE_MS).tolist() == [0, 1]
    assert mine.value.tolist() == [3.0, 3.0]


def test_the_minute_of_the_reload_is_told_of_each_under_its_name():
    state = threshold.State()
    early = replace(minute(BEFORE, 0, panel_a=3), watermark_ms=0)
    threshold.step(state, early, BEFORE, FIRE)
    rows = threshold.step(state, minute(ABOVE, 0, panel_0=1), ABOVE, FIRE).rows
    assert of(rows, "alarmed_count") == {"panel-0": (1.0, 1), "panel-a": (3.0, 1)}


def test_the_alarm_of_a_panel_that_left_ends_for_that_reason_and_its_minute_is_told():
    state = threshold.State()
    both = ABOVE
    threshold.step(state, minute(both, 0, panel_0=0, panel_a=3), both, FIRE)
    threshold.step(state, replace(minute(both, 1, panel_0=0, panel_a=3), watermark_ms=MINUTE_MS), both, FIRE)
    without = town(panel("panel-0"))
    result = threshold.step(state, minute(without, 1, panel_0=0), without, FIRE)
    assert of(result.rows, "alarmed_count")["panel-a"] == (3.0, 1)
    assert told(result.detections) == [("panel-a", 2, 0, "retired")]
    assert threshold.step(state, minute(without, 2, panel_0=0), without, FIRE).detections == ()
    back = threshold.step(state, minute(both, 3, panel_0=0, panel_a=3), both, FIRE)
    assert told(back.detections) == [("panel-a", 3, 2, None)]


def test_who_left_is_not_waited_for_and_who_comes_back_is_waited_for_from_then_on():
    state, both, alone = feed_health.State(), ABOVE, town(panel("panel-0"))
    config = feed_health.Config(silent_least_s=60, silent_delay_s=60, outage_least_count=9)
    found = []
    for number in range(6):  # panel-a was silent from the start: 3 intervals, then a minute of delay
        found += told(feed_health.step(state, minute(both, number, panel_0=0), both, config).detections)
    assert found == [("panel-a", 3, 4, None)]
    result = feed_health.step(state, minute(alone, 6, panel_0=0), alone, config)
    assert told(result.detections) == [("panel-a", 7, 0, "retired")]
    assert of(result.rows, "reporting_count") == {"feed:fire:a": (1.0, 1)}
    found = []
    for number in range(7, 13):
        found += told(feed_health.step(state, minute(both, number, panel_0=0), both, config).detections)
    assert found == [("panel-a", 10, 4, None)]


def test_a_zone_that_has_left_tells_no_share_and_its_last_minute_is_decided():
    state, gone = feed_health.State(), town(panel("panel-0", zone=1))
    feed_health.step(state, replace(minute(BEFORE, 0, panel_a=1), watermark_ms=0), BEFORE, feed_health.Config())
    nothing = replace(minute(BEFORE, 0), watermark_ms=MINUTE_MS)
    result = feed_health.step(state, nothing, gone, feed_health.Config())
    assert len(result.rows) == 0
    assert result.decided == {0: 1}


LINE = ((0.0, 0.0), (0.0, 1.0))


def road(name: str, length_m: float = 1000.0) -> Segment:
    return Segment(name, 0, "", "", "arterial", 2, length_m, 60.0, (), LINE)


def detector(name: str, segment: int) -> Sensor:
    return Sensor(name, "traffic", 0, segment, 0.0, 0.0, 60.0, "", "")


def test_two_rows_swapped_within_a_minute_swap_no_speeds():
    roads = (road("r0"), road("r1"))
    first, swapped = (
        town(detector("d0", 0), detector("d1", 1), segments=roads),
        town(detector("d1", 0), detector("d0", 1), segments=(roads[1], roads[0])),
    )
    state = congestion.State()
    early = replace(minute(first, 0, d0=20, d1=60), watermark_ms=0)
    congestion.step(state, early, first, congestion.Config())
    rows = congestion.step(state, minute(swapped, 0), swapped, congestion.Config()).rows
    speeds = of(rows, "speed_km_h")
    assert {name: count for name, (_, count) in speeds.items()} == {"r0": 1, "r1": 1}
    assert [speeds[name][0] for name in ("r0", "r1")] == pytest.approx([20, 60])


def test_a_detector_hung_over_another_road_is_told_where_it_was_when_it_measured():
    roads = (road("r0"), road("r1"))
    before, after = (town(detector("d0", watched), segments=roads) for watched in (0, 1))
    state = congestion.State()
    congestion.step(state, replace(minute(before, 0, d0=20), watermark_ms=0), before, congestion.Config())
    rows = congestion.step(state, minute(after, 0, d0=60), after, congestion.Config()).rows
    speeds = {name: value for name, (value, _) in of(rows, "speed_km_h").items()}
    assert speeds == pytest.approx({"r0": 20, "r1": 60})


def test_a_road_that_left_is_told_once_more_and_expected_no_longer():
    roads = (road("r0"), road("r1", 500.0))
    before = town(detector("d0", 0), detector("d1", 1), segments=roads)
    after = town(detector("d0", 0), segments=roads[:1])
    state = congestion.State()
    congestion.step(state, replace(minute(before, 0, d0=60, d1=30), watermark_ms=0), before, congestion.Config())
    rows = congestion.step(state, minute(after, 0), after, congestion.Config()).rows
    # half a kilometre at 30 km/h takes 60 s, at 60 km/h 30 s
    assert of(rows, "delay_s")["r1"] == (pytest.approx(30.0), 1)
    assert set(of(congestion.step(state, minute(after, 1, d0=60), after, congestion.Config()).rows, "delay_s")) == {
        "r0"
    }


def test_slow_traffic_on_a_road_that_nobody_watches_any_more_is_over():
    before = town(detector("d0", 0), detector("d1", 1), segments=(road("r0"), road("r1")))
    after = town(detector("d1", 1), segments=(road("r0"), road("r1")))
    state, found = slow_traffic.State(), []
    for number in range(16):  # ten minutes as usual, then five slow ones are enough
        speed = 60 if number < 10 else 20
        found += slow_traffic.step(
            state, minute(before, number, d0=speed, d1=60), before, slow_traffic.Config()
        ).detections
    assert told(tuple(found)) == [("r0", 10, 4, None)]
    ended = slow_traffic.step(state, minute(after, 16, d1=60), after, slow_traffic.Config()).detections
    assert told(ended) == [("r0", 17, 0, "retired")]
