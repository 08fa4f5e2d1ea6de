"""Air quality by hand: HJ 633-2026 table 1, its rounding and its NA; GB 3095-2026 for what is valid."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from processors.maths import aqi
from processors.maths.aqi import POLLUTANTS, code
from tests.processors.air import DAY_MS, HOUR_MS, MIDNIGHT_MS, MINUTE_MS, SIX, Air, minute, town

BY_NAME = {one.name: one for one in POLLUTANTS}


def hour_of(**changed: float | None) -> Air:
    """An hourly station's hour of good air, but for what is named by pollutant; None = not measured."""
    values = SIX | {BY_NAME[name].column: value for name, value in changed.items()}
    air = Air(town(3600))
    air.pass_by(MIDNIGHT_MS + HOUR_MS, minute("a0", MIDNIGHT_MS, {k: v for k, v in values.items() if v is not None}))
    return air


def day_of(hours: int = 24, **changed: float) -> Air:
    """So many hours of a day from its begin on."""
    values = SIX | {BY_NAME[name].column: value for name, value in changed.items()}
    air = Air(town(3600))
    air.pass_by(MIDNIGHT_MS + DAY_MS, *(minute("a0", MIDNIGHT_MS + hour * HOUR_MS, values) for hour in range(hours)))
    return air


@pytest.mark.parametrize(
    ("pollutant", "value", "index"),
    [
        pytest.param("pm2_5", 50.5, 80, id="50.5 is 50 (half to even), 50 + 50 / 25 * 15 = 80"),
        pytest.param("pm2_5", 51.5, 84, id="51.5 is 52, 50 + 50 / 25 * 17 = 84"),
        pytest.param("pm2_5", 82, 120, id="100 + 50 / 55 * 22 = 120"),
        pytest.param("pm2_5", 35.4, 50, id="35"),
        pytest.param("pm2_5", 35.6, 52, id="36: 50 + 50 / 25 = 52"),
        pytest.param("pm2_5", 1, 2, id="50 / 35 = 1.43, up"),
        pytest.param("pm2_5", 500, 500, id="last break point"),
        pytest.param("pm2_5", 999, 500, id="above it"),
        pytest.param("pm10", 150, 112, id="100 + 50 / 130 * 30 = 111.5, up"),
        pytest.param("pm10", 120, 100, id="the break point of 2026"),
        pytest.param("so2", 650, 150, id="SO2 break point of the hour"),
        pytest.param("so2", 801, 200, id="above 800 in an hour: 200"),
        pytest.param("no2", 100, 50, id="NO2 of the hour"),
        pytest.param("co", 5.05, 50, id="5.05 is 5.0 (half to even)"),
        pytest.param("co", 5.15, 52, id="5.15 is 5.2: 50 + 50 / 5 * 0.2 = 52"),
        pytest.param("o3", 240, 120, id="100 + 50 / 100 * 40 = 120"),
        pytest.param("o3", 1200, 500, id="O3 of the hour has an end of its own"),
        pytest.param("o3", 0, 0, id="0 is a value"),
    ],
)
def test_an_hour_has_the_index_of_table_1(pollutant: str, value: float, index: int):
    assert hour_of(**{pollutant: value}).value(f"{pollutant}_iaqi", MIDNIGHT_MS) == index


@pytest.mark.parametrize(
    ("pollutant", "value", "index"),
    [
        pytest.param("so2", 475, 150, id="SO2 of the day"),
        pytest.param("so2", 2700, 500, id="SO2 of the day goes to 500"),
        pytest.param("no2", 80, 100, id="NO2 of the day"),
        pytest.param("co", 4, 100, id="CO of the day"),
        pytest.param("o3", 160, 100, id="O3 of 8 hours"),
        pytest.param("o3", 900, 300, id="above 800 over 8 hours: 300"),
        pytest.param("pm2_5", 60, 100, id="PM2.5"),
    ],
)
def test_a_day_has_break_points_of_its_own(pollutant: str, value: float, index: int):
    assert day_of(**{pollutant: value}).value(f"{pollutant}_iaqi", MIDNIGHT_MS, 86_400) == index


@pytest.mark.parametrize(
    ("values", "index", "primaries"),
    [
        pytest.param({"pm2_5": 58}, 96, ("pm2_5",), id="all six: the largest, 50 + 50 / 25 * 23"),
        pytest.param({"pm10": 101, "no2": None}, None, None, id="87 (50 + 50 / 70 * 51, up) without NO2: NA"),
        pytest.param({"pm2_5": 61, "no2": None}, 101, ("pm2_5",), id="101 (100 + 50 / 55, up) without NO2: 101"),
        pytest.param({"pm2_5": 60, "no2": None}, None, None, id="100 without NO2: NA"),
        pytest.param({"pm2_5": 82, "o3": 240}, 120, ("o3", "pm2_5"), id="both 120: both primary"),
        pytest.param({"pm2_5": 35}, 50, (), id="50: none"),
        pytest.param(dict.fromkeys(BY_NAME), None, None, id="nothing measured"),
        pytest.param(dict.fromkeys(set(BY_NAME) - {"o3"}), None, None, id="ozone alone, 13"),
    ],
)
def test_the_index_and_its_primary_pollutants(values: dict[str, float | None], index, primaries):
    air = hour_of(**values)
    if all(one is None for one in values.values()) and len(values) == len(BY_NAME):
        assert air.held == {}  # nobody was heard
        return
    assert air.value("aqi", MIDNIGHT_MS) == index
    wanted = None if primaries is None else code([BY_NAME[name] for name in primaries])
    assert air.value("primary_pollutants_code", MIDNIGHT_MS) == wanted


def test_single_values_are_shown_where_the_index_is_na():
    air = hour_of(pm2_5=50, no2=None)
    assert air.value("aqi", MIDNIGHT_MS) is None
    assert air.value("pm2_5_iaqi", MIDNIGHT_MS) == 80
    assert air.value("no2_iaqi", MIDNIGHT_MS) is None


@pytest.mark.parametrize(
    ("interval_s", "minutes", "valid"),
    [
        (60, 44, False),
        (60, 45, True),
        (20, 44, False),
        (20, 45, True),
        (300, 8, False),
        (300, 9, True),
        (3600, 1, True),
    ],
)
def test_an_hour_needs_45_minutes(interval_s: int, minutes: int, valid: bool):
    air = Air(town(interval_s))
    step_ms = max(interval_s, 60) * 1000
    air.pass_by(MIDNIGHT_MS + HOUR_MS, *(minute("a0", MIDNIGHT_MS + n * step_ms, SIX) for n in range(minutes)))
    assert air.value("aqi", MIDNIGHT_MS) == (20 if valid else None)  # of PM10, 50 / 50 * 20


@pytest.mark.parametrize(("hours", "valid"), [(19, False), (20, True)])
def test_a_day_needs_20_hours(hours: int, valid: bool):
    air = day_of(hours, pm2_5=58)
    assert air.value("aqi", MIDNIGHT_MS, 86_400) == (96 if valid else None)
    assert air.value("pm2_5_day_ug_m3", MIDNIGHT_MS, 86_400) == (58 if valid else None)
    assert air.value("co_day_mg_m3", MIDNIGHT_MS, 86_400) == (0.5 if valid else None)
    assert air.value("o3_8h_ug_m3", MIDNIGHT_MS, 86_400) == 40
    assert air.held["a0", "pm2_5_iaqi", MIDNIGHT_MS, 86_400][2] == hours / 24


@pytest.mark.parametrize(
    ("hours", "mean"),
    [
        pytest.param({8: 100, 9: 100, 10: 100, 11: 100, 12: 100}, None, id="5 of 8 are not enough"),
        pytest.param(dict.fromkeys(range(8, 14), 100), 100, id="6 of 8"),
        pytest.param(dict.fromkeys(range(8, 16), 100) | {16: 0}, 100, id="the largest of the day's"),
        pytest.param(
            dict.fromkeys(range(-6, 2), 300) | dict.fromkeys(range(2, 10), 100), 150, id="2 of 300, 6 of 100 since 0 h"
        ),
    ],
)
def test_ozone_is_the_largest_mean_of_8_hours_within_the_day(hours: dict[int, float], mean: float | None):
    air = Air(town(3600))
    rows = [minute("a0", MIDNIGHT_MS + at * HOUR_MS, {"o3_ug_m3": value}) for at, value in hours.items()]
    air.pass_by(MIDNIGHT_MS + DAY_MS, *rows)
    assert air.value("o3_8h_ug_m3", MIDNIGHT_MS, 86_400) == mean


def test_the_mean_of_a_day_is_of_hours_not_of_readings():
    """An hour of 60 readings of 90, 19 of one of 50: (90 + 19 * 50) / 20 = 52, not (60 * 90 + 19 * 50) / 79 = 80."""
    air = Air(town(3600))
    first = minute("a0", MIDNIGHT_MS, SIX | {"pm2_5_ug_m3": 90}, count=60)
    rest = (minute("a0", MIDNIGHT_MS + hour * HOUR_MS, SIX | {"pm2_5_ug_m3": 50}) for hour in range(1, 20))
    air.pass_by(MIDNIGHT_MS + DAY_MS, first, *rest)
    assert air.value("pm2_5_day_ug_m3", MIDNIGHT_MS, 86_400) == 52


def test_days_are_of_the_citys_clock():
    """`at` of 2 October in Shanghai is 2026-10-01T16:00Z; 15:00Z is the last hour of the 1st."""
    air = day_of()
    second_ms = int(datetime(2026, 10, 1, 16, tzinfo=UTC).timestamp() * 1000)
    air.pass_by(second_ms + DAY_MS, *(minute("a0", second_ms + hour * HOUR_MS, SIX) for hour in range(20)))
    days = sorted(at_ms for _, metric, at_ms, window_s in air.held if metric == "aqi" and window_s == 86_400)
    assert days == [second_ms - DAY_MS, second_ms]


def test_a_day_of_25_hours_is_one_day():
    """Copenhagen, 2026-10-25: 22:00Z of the 24th to 23:00Z of the 25th."""
    begin_ms = int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp() * 1000)
    air = Air(town(3600, time_zone="Europe/Copenhagen"))
    hours = [minute("a0", begin_ms + hour * HOUR_MS, SIX | {"pm10_ug_m3": 25.0 * (hour == 24)}) for hour in range(25)]
    air.pass_by(begin_ms + 24 * HOUR_MS, *hours)
    assert not [key for key in air.held if key[3] == 86_400]
    air.pass_by(begin_ms + 25 * HOUR_MS)
    assert air.value("pm10_day_ug_m3", begin_ms, 86_400) == 1  # 25 / 25


@pytest.mark.parametrize(("stamps", "hour"), [("", 10), ("begin", 10), ("moment", 10), ("end", 9)])
def test_who_stamps_the_end_speaks_of_the_hour_before(stamps: str, hour: int):
    """A reading at 10:00:00.000."""
    air = Air(town(3600, stamps=stamps))
    air.pass_by(MIDNIGHT_MS + 12 * HOUR_MS, minute("a0", MIDNIGHT_MS + 10 * HOUR_MS, SIX))
    told = [at_ms for _, metric, at_ms, _ in air.held if metric == "aqi"]
    assert min(told) == MIDNIGHT_MS + hour * HOUR_MS
    assert air.value("aqi", MIDNIGHT_MS + hour * HOUR_MS) == 20


def test_nothing_is_told_before_all_zones_have_passed():
    air = Air(town(3600, 3600))
    air.take(0, MIDNIGHT_MS + HOUR_MS, minute("a0", MIDNIGHT_MS, SIX))
    assert air.held == {}
    air.take(1, MIDNIGHT_MS + HOUR_MS)
    assert air.value("aqi", MIDNIGHT_MS) == 20


def test_a_late_reading_corrects_its_hour_and_its_day():
    """PM2.5 in 20 hours of 58 (96), then one of them read again beside it: (58 + 82) / 2 = 70 → 100 + 50 / 55 * 10."""
    air = day_of(20, pm2_5=58)
    at_ms = MIDNIGHT_MS + 19 * HOUR_MS
    both = {"pm2_5_ug_m3": 70.0}
    air.pass_by(MIDNIGHT_MS + DAY_MS, minute("a0", at_ms, both, count=2, revision=1))
    assert air.dropped["too_late"] == 1
    at_ms = MIDNIGHT_MS + 23 * HOUR_MS
    late = SIX | {"pm2_5_ug_m3": 142.0}
    air.pass_by(MIDNIGHT_MS + DAY_MS, minute("a0", at_ms, late, revision=1))
    assert air.held["a0", "aqi", at_ms, 3600][:2] == (189, 6)  # 150 + 50 / 35 * 27 = 188.6; six late values
    assert air.held["a0", "pm2_5_day_ug_m3", MIDNIGHT_MS, 86_400][:2] == (62, 1)  # (20 * 58 + 142) / 21


def test_a_station_that_falls_silent_is_unknown_never_0():
    air = Air(town(3600, 3600))
    both = [minute(f"a{n}", MIDNIGHT_MS, SIX) for n in range(2)]
    air.take(1, MIDNIGHT_MS + 3 * HOUR_MS, both[1], minute("a1", MIDNIGHT_MS + 2 * HOUR_MS, SIX))
    air.take(0, MIDNIGHT_MS + 3 * HOUR_MS, both[0])
    assert [air.value("aqi", MIDNIGHT_MS + n * HOUR_MS, station="a1") for n in range(3)] == [20, None, 20]
    assert [air.value("aqi", MIDNIGHT_MS + n * HOUR_MS) for n in range(3)] == [20, None, None]
    assert air.held["a0", "aqi", MIDNIGHT_MS + HOUR_MS, 3600][2] == 0.0


def test_hours_of_whom_nobody_hears_end_after_a_day():
    air = Air(town(3600))
    air.pass_by(MIDNIGHT_MS + 10 * DAY_MS, minute("a0", MIDNIGHT_MS, SIX))
    told = sorted(at_ms for _, metric, at_ms, window_s in air.held if metric == "aqi" and window_s == 3600)
    assert told == [MIDNIGHT_MS + n * HOUR_MS for n in range(24)]


def test_a_station_that_moved_to_another_zone_has_one_hour():
    """30 minutes each."""
    air = Air(town(60, 60))
    halves = [[minute("a0", MIDNIGHT_MS + (30 * n + m) * MINUTE_MS, SIX) for m in range(30)] for n in range(2)]
    air.take(0, MIDNIGHT_MS + HOUR_MS, *halves[0])
    air.take(1, MIDNIGHT_MS + HOUR_MS, *halves[1])
    assert air.value("aqi", MIDNIGHT_MS) == 20


def test_levels_have_the_colours_of_annex_a():
    assert [one.rgb for one in aqi.LEVELS] == [
        (0, 228, 0), (255, 255, 0), (255, 126, 0), (255, 0, 0), (153, 0, 76), (126, 0, 35)
    ]  # fmt: skip
    assert [aqi.level(of).called.zh for of in (50, 51, 101, 151, 201, 301, 500)] == [
        "优", "良", "轻度污染", "中度污染", "重度污染", "严重污染", "严重污染"
    ]  # fmt: skip
