"""Silent, stuck and late sensors, and silent feeds, by hand: four sensors of a zone that speak every 30 s."""

from dataclasses import replace

import numpy as np
import pytest

from processors import feed_health, feed_outage
from processors.maths.measures import Amounts, Heads, make_rows
from streams.city.registry import City, Sensor, Zone
from streams.contract.records import Frame, MetricFrame

MINUTE_MS = 60_000
DOMAIN = "environment"
ZONES = 3
SENSORS = 4
TOWN = City(
    "c", "", "", "UTC", "", tuple(Zone(f"z{n}", "", "") for n in range(ZONES)), (),
    tuple(Sensor(f"d{z}{n}", DOMAIN, z, -1, 0.0, 0.0, 30.0, "", "") for z in range(ZONES) for n in range(SENSORS)),
)  # fmt: skip


class Town:
    """Three zones, minute by minute, with the second level behind them."""

    def __init__(self, *, moving: bool = True) -> None:
        self.moving = moving
        self.states = [feed_health.State() for _ in range(ZONES)]
        self.outage = feed_outage.State()
        self.found: list[tuple[str, str, int, float]] = []
        self.minute = 0

    def live(
        self, minutes: int, silent: frozenset[str] | set[str] = frozenset(), stuck: str = "", late: str = ""
    ) -> None:
        """Let time pass; all but the silent ones speak at :00 and :30."""
        for _ in range(minutes):
            start_ms = self.minute * MINUTE_MS
            for zone, state in enumerate(self.states):
                rows = [
                    (code, start_ms + second * 1000, TOWN.sensors[code].id == late, self.value(code, second, stuck))
                    for second in (0, 30)
                    for code in range(zone * SENSORS, (zone + 1) * SENSORS)
                    if TOWN.sensors[code].id not in silent
                ]
                self.take(zone, state, rows, start_ms + MINUTE_MS)
            self.minute += 1

    def value(self, code: int, second: int, stuck: str) -> float:
        if not self.moving:
            return 0.0
        return 50.0 if TOWN.sensors[code].id == stuck else 50.0 + self.minute + second / 60

    def take(self, zone, state, rows, watermark_ms) -> None:
        sensor, at_ms, late, value = zip(*rows, strict=True) if rows else ((), (), (), ())
        frame = Frame(
            DOMAIN, zone, np.array(sensor, np.int32), np.array(at_ms, np.int64), np.array(late, bool),
            {"noise_db": np.array(value, float)}, watermark_ms,
        )  # fmt: skip
        health = feed_health.step(state, frame, TOWN, feed_health.Config())
        metrics = MetricFrame(DOMAIN, zone, health.rows, watermark_ms)
        outage = feed_outage.step(self.outage, metrics, TOWN, feed_outage.Config())
        self.found += [
            (one.kind, one.entity, one.level, one.at_ms / MINUTE_MS) for one in (*health.detections, *outage.detections)
        ]


def of_zone(zone: int) -> set[str]:
    return {sensor.id for sensor in TOWN.sensors if sensor.zone == zone}


def test_one_silent_sensor_alarms_and_clears_by_itself():
    town = Town()
    town.live(5)
    town.live(6, silent={"d00"})
    town.live(1)
    # last at 4:30, silent after 3 * 30 s, alarm two minutes later; back at 11:30, its newest reading then
    assert town.found == [("sensor_silent", "d00", 4, 6.0), ("sensor_silent", "d00", 0, 11.5)]


def test_a_silent_zone_is_one_alarm():
    town = Town()
    town.live(5)
    town.live(20, silent=of_zone(1))
    town.live(1)
    assert [(kind, entity, level) for kind, entity, level, _ in town.found] == [
        ("feed_silent", "feed:environment:z1", 4),
        ("feed_silent", "feed:environment:z1", 0),
    ]


def test_a_zone_that_never_spoke_is_told_after_an_hour_until_it_speaks():
    town = Town()
    town.live(61, silent=of_zone(1))
    assert town.found == []
    town.live(20, silent=of_zone(1))
    assert town.found == [("feed_silent", "feed:environment:z1", 4, 59.0)]
    town.live(3)
    assert [(kind, entity, level) for kind, entity, level, _ in town.found[1:]] == [
        ("feed_silent", "feed:environment:z1", 0)
    ]


def test_zones_that_never_spoke_count_among_the_silent_of_their_domain():
    town = Town()
    town.live(70, silent=of_zone(1) | of_zone(2))
    assert town.found == [("feed_silent", "feed:environment", 3, 59.0)]


def test_stations_that_report_by_the_hour_are_awaited_for_three_hours(monkeypatch: pytest.MonkeyPatch):
    slow = tuple(replace(one, interval_s=3600.0) if one.zone == 1 else one for one in TOWN.sensors)
    monkeypatch.setattr("tests.processors.test_feeds.TOWN", replace(TOWN, sensors=slow))
    town = Town()
    town.live(181, silent=of_zone(1))
    assert town.found == []
    town.live(20, silent=of_zone(1))
    assert town.found == [("feed_silent", "feed:environment:z1", 4, 179.0)]


def test_a_silent_domain_is_one_alarm():
    town = Town()
    town.live(5)
    town.live(20, silent=of_zone(0) | of_zone(1) | of_zone(2))
    town.live(1)
    assert [(kind, entity, level) for kind, entity, level, _ in town.found] == [
        ("feed_silent", "feed:environment", 3),
        ("feed_silent", "feed:environment", 0),
    ]


def test_a_sensor_that_repeats_itself_is_stuck_until_it_moves():
    town = Town()
    town.live(5)
    town.live(40, stuck="d03")
    town.live(2)
    assert town.found == [("sensor_stuck", "d03", 4, 5.0), ("sensor_stuck", "d03", 0, 45.0)]


def frozen(minutes: int, interval_s: float, **columns: object) -> list[tuple[str, int, float, str]]:
    """What one sensor comes to whose columns are functions of the minute, or numbers, or None where it says none."""
    city = City(
        "c", "", "", "UTC", "", (Zone("z", "", ""),), (), (Sensor("d", DOMAIN, 0, -1, 0.0, 0.0, interval_s, "", ""),)
    )
    state, found = feed_health.State(), []
    for minute in np.arange(0, minutes, interval_s / 60).tolist():
        said = {name: column(minute) if callable(column) else column for name, column in columns.items()}
        frame = Frame(
            DOMAIN, 0, np.array([0], np.int32), np.array([int(minute * MINUTE_MS)]), np.array([False]),
            {name: np.array([value], float) for name, value in said.items() if value is not None},
            int(minute * MINUTE_MS),
        )  # fmt: skip
        result = feed_health.step(state, frame, city, feed_health.Config())
        state = result.state
        found += [(one.kind, one.level, one.at_ms / MINUTE_MS, str(one.evidence)) for one in result.detections]
    return found


def moves(minute: float) -> float:
    return 20.0 + minute / 7


@pytest.mark.parametrize("interval_s", [10.0, 60.0, 150.0, 300.0, 600.0])
def test_a_frozen_column_beside_one_that_moves_is_found(interval_s):
    found = frozen(180, interval_s, pm2_5_ug_m3=12.5, pm10_ug_m3=moves)
    assert found == [("sensor_stuck", 4, 0.0, "{'column': 'pm2_5_ug_m3'}")]


def test_it_is_over_when_the_column_moves_again():
    found = frozen(240, 60.0, pm2_5_ug_m3=lambda minute: 12.5 if minute < 200 else moves(minute), pm10_ug_m3=moves)
    assert [(kind, level, at) for kind, level, at, _ in found] == [("sensor_stuck", 4, 0.0), ("sensor_stuck", 0, 200.0)]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"pm2_5_ug_m3": moves, "pm10_ug_m3": moves}, id="both move"),
        pytest.param({"pm2_5_ug_m3": 0.0, "pm10_ug_m3": moves}, id="a zero that stays"),
        pytest.param({"occupancy_ratio": 0.25, "pm10_ug_m3": moves}, id="a column that may rightly stay"),
        pytest.param({"humidity_ratio": 0.99, "pm10_ug_m3": moves}, id="a column that is told coarsely"),
        pytest.param({"pm2_5_ug_m3": lambda minute: 12.5 + (minute > 100), "pm10_ug_m3": moves}, id="a step of one"),
        pytest.param({"pm2_5_ug_m3": None, "pm10_ug_m3": moves}, id="a column that it does not have"),
    ],
)
def test_columns_that_are_no_sign(columns):
    assert frozen(180, 60.0, **columns) == []


def test_a_sensor_that_is_frozen_whole_is_told_as_such():
    assert frozen(180, 60.0, pm2_5_ug_m3=12.5, pm10_ug_m3=30.0) == [("sensor_stuck", 4, 0.0, "{}")]


def test_columns_that_come_in_records_of_their_own_are_looked_at_each():
    """One measurement a record: PM2.5 at :00, PM10 at :30."""
    found = frozen(
        180,
        30.0,
        pm2_5_ug_m3=lambda minute: 12.5 if minute % 1 == 0 else None,
        pm10_ug_m3=lambda minute: None if minute % 1 == 0 else moves(minute),
    )
    assert found == [("sensor_stuck", 4, 0.0, "{'column': 'pm2_5_ug_m3'}")]


def test_a_sensor_whose_hour_came_late_is_late():
    town = Town()
    town.live(60)
    town.live(60, late="d01")
    town.live(121)
    late = [one for one in town.found if one[0] == "sensor_late"]
    assert late == [("sensor_late", "d01", 4, 60.0), ("sensor_late", "d01", 0, 120.0)]


def test_a_zero_that_stays_is_no_sign():
    town = Town(moving=False)
    town.live(60)
    assert town.found == []


def test_a_sensor_that_brings_no_value_is_silent():
    # Sensor 0 of zone 0 speaks each half minute for ten minutes, but of nothing that its domain knows.
    town, places = Town(), range(SENSORS)
    at_ms = [minute * MINUTE_MS + second * 1000 for minute in range(10) for second in (0, 30)]
    rows = [(code, at, False, np.nan if code == 0 and at >= MINUTE_MS else at / 1e3) for at in at_ms for code in places]
    found = []
    for minute in range(1, 11):
        part = [row for row in rows if (minute - 1) * MINUTE_MS <= row[1] < minute * MINUTE_MS]
        sensor, times, late, value = zip(*part, strict=True)
        frame = Frame(
            DOMAIN, 0, np.array(sensor, np.int32), np.array(times, np.int64), np.array(late, bool),
            {"noise_db": np.array(value, float)}, minute * MINUTE_MS,
        )  # fmt: skip
        result = feed_health.step(town.states[0], frame, TOWN, feed_health.Config())
        found += [(one.kind, one.entity, one.level) for one in result.detections]
        assert result.dropped == ({"no_value": 2} if minute > 1 else {})
        last = {str(name): float(one) for name, one in zip(result.rows.metric, result.rows.value, strict=True)}
    assert found == [("sensor_silent", "d00", 4)]
    assert last == {"silent_ratio": 0.25, "reporting_count": 3.0}


def outage_of(sensors: int, silent: list[int], **settings: float) -> list[tuple[int, int]]:
    """(minute, level) of what a domain of one zone finds that has so many silent sensors in each minute."""
    state, found = feed_outage.State(), []
    city = City("c", "", "", "UTC", "", (Zone("z", "", ""),), (), (replace(TOWN.sensors[0], zone=0),))
    for minute, number in enumerate(silent):
        heads = Heads(np.array(["feed:environment:z"], object), minute * MINUTE_MS, 60, np.ones(1), np.zeros(1, int))
        amounts = Amounts(*(np.array([one]) for one in (number, sensors, number / sensors, 0)))
        rows = make_rows(np.array(["silent_ratio"], object), heads, amounts)
        frame = MetricFrame(DOMAIN, 0, rows, (minute + 1) * MINUTE_MS)
        result = feed_outage.step(state, frame, city, feed_outage.Config(**settings))
        found += [(one.at_ms // MINUTE_MS, one.level) for one in result.detections if one.entity == "feed:environment"]
    return found


@pytest.mark.parametrize(
    ("sensors", "out", "still_out", "back"),
    [
        pytest.param(2, 2, 2, 1, id="2: both"),
        pytest.param(3, 2, 2, 1, id="3: one may stay dead, although it is a third"),
        pytest.param(5, 3, 2, 1, id="5: 2 are 0.4"),
        pytest.param(50, 25, 15, 14, id="50: 15 are 0.3, 14 are less"),
    ],
)
def test_an_outage_is_over_when_the_feed_is_back_but_for_one_sensor(sensors, out, still_out, back):
    silent = [0, out - 1, out, still_out, still_out, back, back]
    assert outage_of(sensors, silent) == [(2, 3), (5, 0)]


def test_what_makes_an_outage_does_not_end_it():
    # One silent sensor is enough, and half of two: it is out as long as one is.
    assert outage_of(2, [0, 1, 1, 1, 0], outage_least_count=1) == [(1, 3), (4, 0)]
