"""A sensor that alarms falls silent for half an hour and sends as before again (peer bug A1), up to its row."""

import asyncio

from alerts.judge import alarm_id
from processors import feed_health, threshold
from streams.contract.records import Detection
from tests.alerts.staging import journal, lived, projected
from tests.alerts.writing import acknowledge, names
from tests.fakes import FakeBus
from tests.processors import contract
from tests.processors.contract import CITY, START_MS, Row
from tests.processors.test_threshold import PM

MINUTE_MS = 60_000
LAST_HEARD_S = 9 * 60


def found() -> list[Detection]:
    """What is found of a station at some 160 µg/m³ that says nothing from minute 10 to 40, among others at 20."""
    levels, health, told = threshold.State(), feed_health.State(), list[Detection]()
    columns = contract.load_schemas()["environment"].names
    for minute in range(60):
        at_ms = START_MS + MINUTE_MS * minute
        speak = [one for one in range(len(contract.INTERVALS_S)) if one != 0 or not 10 <= minute < 40]
        rows = []
        for sensor in speak:
            value = (160.0 if sensor == 0 else 20.0) + minute % 7
            rows.append(
                Row(sensor, at_ms, False, tuple(value if name == PM.column else float("nan") for name in columns), 0)
            )
        frame = contract.frame_of("environment", rows, at_ms + MINUTE_MS)
        first = threshold.step(levels, frame, CITY, threshold.Config(rules=(PM,)))
        second = feed_health.step(health, frame, CITY, feed_health.Config())
        levels, health = first.state, second.state
        told += [*first.detections, *second.detections]
    return told


def test_nothing_ends_and_nothing_is_raised_anew():
    raised, silent, heard = found()
    assert [(one.kind, one.level) for one in (raised, silent, heard)] == [
        ("pm2_5_high", 3), ("sensor_silent", 4), ("sensor_silent", 0),
    ]  # fmt: skip
    taken = acknowledge(alarm_id(raised), seen_level=3, city=CITY.id)
    bus = FakeBus()
    asyncio.run(lived(bus, raised, taken, silent))
    row = projected(bus)[alarm_id(raised)]
    assert (row["standing"], row["uncertain_since_ms"]) == ("acknowledged", START_MS + 1000 * LAST_HEARD_S)
    bus = FakeBus()
    asyncio.run(lived(bus, raised, taken, silent, heard))
    after = projected(bus)[alarm_id(raised)]
    assert after["uncertain_since_ms"] is None
    assert (after["standing"], after["waiting_since_ms"], after["revision"]) == (
        "acknowledged", row["waiting_since_ms"], row["revision"],
    )  # fmt: skip
    assert names(journal(bus)) == ["raised", "acknowledge", "raised", "cleared"]
