"""Levels of measurements, by hand: PM2.5 with IV at 115 and III at 150, dead band 10, two minutes up, three down."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from processors.maths.rules import Rule
from processors.threshold import Config, State, step
from tests.processors import contract
from tests.processors.contract import CITY, START_MS, Row

MINUTE_MS = 60_000
NAN = float("nan")
PM = Rule(
    name="pm2_5_high", domain="environment", column="pm2_5_ug_m3", iv=115, iii=150, dead_band=10,
    on_delay_s=120, off_delay_s=180, basis="standard", reference="HJ 633-2026",
)  # fmt: skip
LOW = Rule(
    name="water_low", domain="water", column="pressure_mpa", sense="below", iv=0.14, i=0.03,
    on_delay_s=0, off_delay_s=0, basis="standard", reference="CJJ 58",
)  # fmt: skip


def minutes(rule: Rule, *means: float, sensor: int = 0) -> list[tuple[int, int, float | None]]:
    """(minute of `at`, level, limit) of what is found for minutes with these means; NaN = the sensor says nothing."""
    names = contract.load_schemas()[rule.domain].names
    state, found = State(), []
    for minute, mean in enumerate(means):
        values = tuple(mean if name == rule.column else NAN for name in names)
        rows = [] if np.isnan(mean) else [Row(sensor, START_MS + MINUTE_MS * minute, False, values, 0)]
        frame = contract.frame_of(rule.domain, rows, START_MS + MINUTE_MS * (minute + 1))
        result = step(state, frame, CITY, Config(rules=(rule,)))
        found += [((one.at_ms - START_MS) // MINUTE_MS, one.level, one.limit) for one in result.detections]
    return found


@pytest.mark.parametrize(
    ("means", "found"),
    [
        pytest.param((114.9,) * 5, [], id="below the limit"),
        pytest.param((115, 80, 115, 80), [], id="never two minutes in a row"),
        pytest.param((80, 115, 115), [(1, 4, 115)], id="two minutes: since the first"),
        pytest.param((150, 150), [(0, 3, 150)], id="straight to III"),
        pytest.param((120, 150, 150, 150), [(0, 4, 115), (2, 3, 150)], id="the milder of two minutes, then higher"),
        pytest.param((120, 120, 106, 106, 106, 106), [(0, 4, 115)], id="within the dead band it stays"),
        pytest.param((120, 120, 104, 104, 104), [(0, 4, 115), (2, 0, 115)], id="behind it, for three minutes"),
        pytest.param((150, 150, 139, 139, 139), [(0, 3, 150), (2, 4, 115)], id="down one level"),
        pytest.param((120, 120, *(NAN,) * 30), [(0, 4, 115)], id="silence clears nothing"),
        pytest.param((120, *(NAN,) * 5, 120), [], id="silence breaks a run"),
    ],
)
def test_levels_with_dead_band_and_delays(means, found):
    assert minutes(PM, *means) == found


def test_low_values_can_be_the_bad_ones():
    assert minutes(LOW, 0.14, 0.139, 0.02, 0.14) == [(1, 4, 0.14), (2, 1, 0.03), (3, 0, 0.03)]


def test_a_minutes_mean_its_correction_and_a_sensor_that_was_due():
    names = contract.load_schemas()["environment"].names
    values = [tuple(value if name == "noise_db" else NAN for name in names) for value in (60.0, 70.0, 95.0)]
    first = [Row(1, START_MS, False, values[0], 0), Row(1, START_MS + 1, False, values[1], 0)]
    other = [Row(0, START_MS + MINUTE_MS, False, values[0], 0)]
    state, rows = State(), []
    for log, minute in ((first, 1), (other, 2), ([Row(1, START_MS + 2, True, values[2], 0)], 2)):
        result = step(state, contract.frame_of("environment", log, START_MS + MINUTE_MS * minute), CITY, Config())
        state = result.state
        found = result.rows
        rows += zip(
            found.entity, found.value.tolist(), found.coverage_ratio.tolist(), found.revision.tolist(), strict=True
        )
    assert rows[0] == ("environment-north-1", 67.404, 1.0, 0)  # 10 lg((10^6 + 10^7) / 2)
    assert rows[1] == ("environment-north-0", 60.0, 1.0, 0)
    assert rows[2][0] == "environment-north-1"
    assert np.isnan(rows[2][1])
    assert rows[2][2:] == (0.0, 0)
    assert rows[3] == ("environment-north-1", 90.244, 1.0, 1)  # 10 lg((10^6 + 10^7 + 10^9.5) / 3)


def test_a_value_too_large_for_a_sum_costs_itself():
    """5e9 at 1e6 units fit no thousand times. Of the first reading the noise counts, of the second nothing."""
    names = contract.load_schemas()["environment"].names
    given = [{"pm10_ug_m3": 5e9, "noise_db": 60.0}, {"pm10_ug_m3": -5e9}, {"pm10_ug_m3": 30.0}, {}]
    log = [
        Row(0, START_MS + second, False, tuple(values.get(name, NAN) for name in names), 0)
        for second, values in enumerate(given)
    ]
    result = step(State(), contract.frame_of("environment", log, START_MS + MINUTE_MS), CITY, Config())
    assert result.dropped == {"too_large": 2, "no_value": 1}
    assert result.counted == 2
    rows = result.rows
    assert dict(zip(rows.metric, rows.value.tolist(), strict=True)) == {"noise_db": 60.0, "pm10_ug_m3": 30.0}
    assert rows.count.tolist() == [1, 1]


def test_a_reading_without_columns_has_no_value():
    frame = replace(contract.frame_of("environment", [Row(0, START_MS, False, (NAN,) * 7, 0)], START_MS), columns={})
    assert step(State(), frame, CITY, Config()).dropped == {"no_value": 1}


@pytest.mark.parametrize("reload", [False, True])
@pytest.mark.parametrize(
    ("means", "found"),
    [
        pytest.param([(80, 60), (120, 60), (120, 60)], [("pm2_5_high", 1, 4)], id="the one beside it says nothing"),
        pytest.param(
            [(120, 90), (120, 90), (120, 60)],
            [("loud", 0, 4), ("pm2_5_high", 0, 4), ("loud", 2, 0)],
            id="both, in order",
        ),
        pytest.param([(80, 39.9), (80, 40), (80, 60)], [("hushed", 0, 4), ("hushed", 1, 0)], id="below, beside above"),
        pytest.param([(120, 60), (80, 60), (120, 60)], [], id="a run that ends far from every limit"),
    ],
)
def test_rules_of_one_frame_do_not_disturb_each_other(means, found, reload):
    """Two columns, two rules for one of them: a look at all means must find each that is near a limit."""
    now = {"on_delay_s": 0, "off_delay_s": 0, "dead_band": 0}
    loud = msgspec.structs.replace(PM, name="loud", column="noise_db", iv=90, iii=None, **now)
    hushed = msgspec.structs.replace(loud, name="hushed", sense="below", iv=40)
    config, names = Config(rules=(loud, hushed, PM)), contract.load_schemas()["environment"].names
    state, told = State(), []
    for minute, (pm, noise) in enumerate(means):
        values = tuple({"pm2_5_ug_m3": pm, "noise_db": noise}.get(name, NAN) for name in names)
        rows = [Row(0, START_MS + MINUTE_MS * minute, False, values, 0)]
        result = step(state, contract.frame_of("environment", rows, START_MS + MINUTE_MS * (minute + 1)), CITY, config)
        state = contract.decode(State, contract.encode(result.state)) if reload else result.state
        told += [(one.kind, (one.at_ms - START_MS) // MINUTE_MS, one.level) for one in result.detections]
    assert told == found


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"domain": "environmnt"}, "domain: there is none called 'environmnt'; the nearest is 'environment'"),
        ({"column": "pm25_ug_m3"}, "environment has no column 'pm25_ug_m3'; the nearest is 'pm2_5_ug_m3'"),
        ({"iv": 200}, "from iv to i the limits must get stricter"),
        ({"iv": None, "iii": None}, "at least one of iv, iii, ii, i is needed"),
        ({"dead_band": -1}, "dead_band"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_with_the_cure(change, sentence):
    rule = {key: value for key, value in {**msgspec.to_builtins(PM), **change}.items() if value is not None}
    with pytest.raises(msgspec.ValidationError, match=sentence):
        msgspec.convert({"rules": [rule]}, Config)


def test_a_name_stands_there_once():
    with pytest.raises(ValueError, match="pm2_5_high: the name stands there twice"):
        Config(rules=(PM, PM))


FLOOD = Rule(
    name="flood", domain="weather", column="depth_cm", iii=20, ii=40, dead_band=5,
    on_delay_s=120, off_delay_s=180, basis="local", reference="own choice",
)  # fmt: skip


def readings(rule: Rule, *rows: tuple[int, float, int], at_once: bool, end_s: int = 0) -> list[tuple[int, int, int]]:
    """(since, known, level), in minutes, of what is found for (second, value, seconds behind its source) of a sensor.

    No watermark until `end_s`: only what the sensor says lets its windows be judged.
    """
    names = contract.load_schemas()[rule.domain].names
    log = [
        Row(
            0, START_MS + 1000 * second, behind_s > 0, tuple(value if name == rule.column else NAN for name in names),
            contract.NO_TIME_MS, 1000 * behind_s,
        )
        for second, value, behind_s in rows
    ]  # fmt: skip
    parts = [log] if at_once else [[row] for row in log]
    end_ms = START_MS + 1000 * end_s if end_s else contract.NO_TIME_MS
    state, found = State(), []
    frames = [*(contract.frame_of(rule.domain, part, contract.NO_TIME_MS) for part in parts)]
    for frame in [*frames, contract.frame_of(rule.domain, [], end_ms)]:
        for one in step(state, frame, CITY, Config(rules=(rule,))).detections:
            known_ms = one.known_at_ms or 0
            found.append(((one.at_ms - START_MS) // MINUTE_MS, (known_ms - START_MS) // MINUTE_MS, one.level))
    return found


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("rule", "rows", "end_s", "found"),
    [
        pytest.param(FLOOD, [(0, 30, 0), (60, 30, 0)], 0, [], id="the last minute spoken of is not judged"),
        pytest.param(FLOOD, [(0, 30, 0), (60, 30, 0)], 120, [(0, 2, 3)], id="but by the watermark"),
        pytest.param(FLOOD, [(0, 30, 0), (60, 30, 0), (120, 30, 0)], 0, [(0, 2, 3)], id="it spoke of a later one"),
        pytest.param(
            FLOOD, [(60 * minute, 30, 90) for minute in range(10)], 0, [(0, 2, 3)], id="each reading late by 90 s"
        ),
        pytest.param(
            FLOOD, [(60 * minute, 30, 600) for minute in range(10)], 0, [(0, 11, 3)], id="each late by ten minutes"
        ),
        pytest.param(
            FLOOD, [(0, 0, 0), (60, 0, 0), (120, 0, 0), (30, 60, 0), (90, 60, 0)], 0, [(0, 2, 3)],
            id="out of order, on time: (0 + 60) / 2 in both minutes",
        ),
        pytest.param(
            FLOOD, [(0, 30, 0), (60, 30, 0), (120, 30, 0), (30, 60, 100), (90, 60, 40)], 0, [(0, 2, 3), (0, 2, 2)],
            id="late readings heighten: (30 + 60) / 2",
        ),
        pytest.param(
            FLOOD, [(0, 30, 100), (60, 30, 100), (180, 0, 0), (240, 0, 0), (300, 0, 0), (360, 0, 0)], 0,
            [(0, 2, 3), (3, 6, 0)], id="what is judged next in order ends it, with its delay",
        ),
        pytest.param(
            FLOOD,
            [*((60 * minute, 30 if minute < 3 else 0, 0) for minute in range(8)), (70, 31, 400)], 0,
            [(0, 2, 3), (3, 6, 0)], id="a late one that finds nothing higher wakes no alarm that is over",
        ),
        pytest.param(
            FLOOD, [*((60 * minute, 0, 0) for minute in range(8)), (70, 100, 410), (130, 100, 350)], 0, [(1, 8, 2)],
            id="one that does raises it, minutes later",
        ),
        pytest.param(
            msgspec.structs.replace(FLOOD, grace_s=349),
            [*((60 * minute, 0, 0) for minute in range(8)), (70, 100, 410), (130, 100, 350)], 0, [],
            id="but not beyond the rule's grace",
        ),
        pytest.param(
            FLOOD, [(0, 30, 0), (60, 30, 0), (600, 30, 0), (660, 30, 0), (720, 30, 0)], 0, [(0, 2, 3)],
            id="judged each once",
        ),
    ],
)  # fmt: skip
def test_late_is_not_unheard(rule, rows, end_s, found, at_once):
    assert readings(rule, *rows, at_once=at_once, end_s=end_s) == found
