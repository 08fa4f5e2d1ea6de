"""A city that is edited while its stages run, or between two of their lives: nothing stops, nothing goes to another."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from alerts.engine import Engine
from streams.alarms.alarm_stage import AlarmStage
from streams.broker import topics
from streams.city import versions
from streams.city.folder import read_folder
from streams.contract.metric_frames import decode_metrics
from streams.intake import followed_city
from tests.alerts.writing import events
from tests.fakes import FakeHost
from tests.small_city import write_small_city
from tests.streams.stack import INBOX, MINUTE_MS, START_MS, Stack, fed, mark, reading


def rows_of(stack: Stack, metric: str, window_s: int = 60) -> dict[tuple[str, int], list[tuple[float, int]]]:
    """(Entity, minute) → (value, count) of each row."""
    told: dict[tuple[str, int], list[tuple[float, int]]] = {}
    for record in stack.bus.log(topics.METRICS):
        rows = decode_metrics(record.value or b"").rows
        rows = rows.where((rows.metric == metric) & (rows.window_s == window_s))
        for entity, at_ms, value, count in zip(rows.entity, rows.at_ms, rows.value, rows.count, strict=True):
            told.setdefault((entity, int(at_ms - START_MS) // MINUTE_MS), []).append(
                (round(float(value), 6), int(count))
            )
    return told


def publish(stack: Stack) -> None:
    counts = {"traffic": 2, "weather": 1}
    known = versions.stored(stack.bus.log(topics.CITIES))
    for message in versions.next_version(read_folder(stack.folder), known, counts):
        stack.bus.put(message)


def edit(folder: Path, change: str) -> None:
    path = folder / "sensors.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *EDITS[change](lines)]) + "\n", encoding="utf-8")


EDITS = {
    "removed": lambda lines: [line for line in lines if not line.startswith("d4,")],
    "inserted above": lambda lines: ["d9,traffic,z0,s0,0,0,1,,", *lines],
    "swapped": lambda lines: [lines[4], *lines[1:4], lines[0], *lines[5:]],
    "turned round": lambda lines: lines[::-1],
    "hung over another road of another zone": lambda lines: [
        line.replace("d4,traffic,z0,s4", "d4,traffic,z1,s5") for line in lines
    ],
}


def minutes(first: int, *, without: int = -1) -> list:
    """A minute of d0 at 20 km/h and of the others at 60."""
    at_ms = START_MS + first * MINUTE_MS
    rows = [
        fed(sensor % 2, reading(sensor, at_ms + second * 1000, speed_km_h=20 if sensor == 0 else 60))
        for second in range(0, 60, 10)
        for sensor in range(8)
        if sensor != without
    ]
    return [*rows, *mark(at_ms + MINUTE_MS)]


@pytest.mark.parametrize("restart", [False, True], ids=["while it runs", "between two lives"])
@pytest.mark.parametrize("change", EDITS)
def test_any_edit_leaves_the_others_as_they_were(tmp_path: Path, change: str, restart: bool):
    stack = Stack(write_small_city(tmp_path / "city"), minutes(0)[:30])
    publish(stack)

    async def run() -> None:
        await stack.start()
        await stack.drain()
        edit(stack.folder, change)
        publish(stack)
        if restart:
            await stack.start()
        for host in stack.intake.hosts:
            await host.tick()
        stack.put([*minutes(0)[30:], *minutes(1), *minutes(2), *mark(START_MS + 4 * 3_600_000)])
        await stack.drain()

    asyncio.run(run())
    speeds = rows_of(stack, "speed_km_h")
    for minute in (0, 1, 2):
        for segment in (0, 1, 2, 3, 6, 7):
            assert speeds[f"s{segment}", minute] == [(20.0 if segment == 0 else 60.0, 6)]
    assert speeds["s4", 0][0][0] == 60.0
    if change == "removed":
        assert ("s4", 1) not in speeds
    sent = sum(book["counts"]["sent"] for book in stack.intake.books().values())
    assert sent == sum(stack.books().get(name, 0) for name in ("in_frames", "duplicates", "too_late"))
    hours = rows_of(stack, "speed_km_h", window_s=3600)
    assert {entity for entity, _ in hours} >= {"s0", "zone:z0", "city:small"}


@pytest.mark.parametrize("seed", range(3))
def test_a_delay_that_is_taken_away_gives_no_minute_twice(tmp_path: Path, seed: int):
    """The zones hear of it at random, one after the other: none is closed over while it still waits for its sensors."""
    stack = Stack(write_small_city(tmp_path / "city"), [one for minute in range(15) for one in minutes(minute)])
    path = stack.folder / "sensors.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([f"{head},delay_s", *(f"{line},600" for line in lines)]) + "\n", encoding="utf-8")
    publish(stack)

    async def run() -> None:
        await stack.start()
        for host in stack.intake.hosts:
            await host.drain()
        path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        publish(stack)
        for host in stack.intake.hosts:
            await host.tick()
        stack.put([*minutes(15), *minutes(16), *mark(START_MS + 4 * 3_600_000)])
        await stack.wander(random.Random(seed))

    asyncio.run(run())
    told = {key: found for key, found in rows_of(stack, "speed_km_h").items() if key[1] < 17}
    assert {key: found for key, found in told.items() if len(found) != 1} == {}
    assert {minute for entity, minute in told if entity == "city:small"} == set(range(17))
    assert [told["city:small", minute][0][1] for minute in range(17)] == [48] * 17  # eight sensors, each 10 s


@pytest.mark.parametrize("look_every_s", [0.0, 1e9], ids=["intake goes over", "only the alarm engine hears of it"])
def test_the_alarm_of_a_sensor_that_left_ends_once_and_is_raised_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look_every_s: float
):
    """d4 falls silent, leaves the city, comes back and says nothing."""
    stack = Stack(write_small_city(tmp_path / "city"), minutes(0))
    publish(stack)
    lines = (stack.folder / "sensors.csv").read_text(encoding="utf-8")
    alarms = FakeHost(AlarmStage(Engine), stack.bus)

    async def six_minutes(first: int) -> None:
        for host in stack.intake.hosts:
            await host.tick()
        stack.put([one for number in range(first, first + 6) for one in minutes(number, without=4)])
        await stack.drain()
        await alarms.drain()

    async def run() -> None:
        await alarms.start()
        await stack.start()
        await stack.intake.hosts[0].tick()  # the first look; the next one comes after `look_every_s`
        monkeypatch.setattr(followed_city, "LOOK_EVERY_S", look_every_s)
        await six_minutes(1)
        edit(stack.folder, "removed")
        publish(stack)
        await six_minutes(7)
        (stack.folder / "sensors.csv").write_text(lines, encoding="utf-8")
        publish(stack)
        await six_minutes(13)

    asyncio.run(run())
    found = events([record.value for record in stack.bus.log(topics.JOURNAL)])
    told = [(one.get("change", one["type"]), one.get("detection", one)["version"]) for one in found]
    if look_every_s:  # its processor never knew, and says nothing again
        assert told == [("raised", 1), ("retired", 2), ("raised", 0)]
        assert found[0]["alarm"] == found[2]["alarm"]
    else:  # its processor's own end waits for the version that it was made with, and finds the alarm ended
        assert told == [("raised", 1), ("retired", 2), ("normal", 2), ("raised", 3)]
        assert found[0]["alarm"] != found[3]["alarm"]
    assert {one["detection"]["processor"] for one in found if "detection" in one} == {"feed_health"}


def test_a_backlog_of_a_zone_and_sensors_that_left_is_read_with_the_city_it_was_made_for(tmp_path: Path):
    stack = Stack(write_small_city(tmp_path / "city"), minutes(0))
    publish(stack)

    async def run() -> None:
        await stack.start()
        for host in stack.intake.hosts:
            await host.drain()
        for name in ("zones.geojson", "segments.geojson", "sensors.csv"):
            path = stack.folder / name
            path.write_text(path.read_text(encoding="utf-8").replace("z0", "zero"), encoding="utf-8")
        publish(stack)
        for host in stack.intake.hosts:
            await host.tick()
        stack.put([*minutes(1), *mark(START_MS + 4 * 3_600_000)])
        await stack.start()
        await stack.drain()

    asyncio.run(run())
    speeds = rows_of(stack, "speed_km_h")
    assert speeds["s0", 0] == [(20.0, 6)]
    assert speeds["s0", 1] == [(20.0, 6)]
    zones = {entity for entity, _ in rows_of(stack, "tti_ratio") if entity.startswith("zone:")}
    assert zones == {"zone:z0", "zone:z1", "zone:z2", "zone:z3", "zone:zero"}
    assert stack.books()["in_frames"] == 96


def test_what_was_sent_and_not_noted_is_sent_again_with_the_version_of_then(tmp_path: Path):
    """Intake ends between its frames and its state; the city changes; its next life sends the same frames."""
    stack = Stack(write_small_city(tmp_path / "city"), minutes(0))
    publish(stack)

    async def run() -> None:
        await stack.start()
        state = topics.state("intake", "traffic")
        seen = Counter()

        def end_before_the_state(message) -> None:
            seen[message.topic] += 1
            if message.topic == state and seen[topics.readings("traffic")]:
                raise RuntimeError

        stack.bus.before_send = end_before_the_state
        with pytest.raises(RuntimeError):
            await stack.intake.hosts[0].deliver(INBOX, 0)
        stack.bus.before_send = None
        await stack.zone.hosts[0].drain()
        edit(stack.folder, "hung over another road of another zone")
        publish(stack)
        await stack.start()
        for host in stack.intake.hosts:
            await host.tick()
        stack.put(mark(START_MS + 4 * 3_600_000))
        await stack.drain()

    asyncio.run(run())
    assert stack.books()["in_frames"] == 48
    assert rows_of(stack, "speed_km_h")["s4", 0] == [(60.0, 6)]


def test_a_segment_watched_from_two_zones_has_one_row_that_holds_both(tmp_path: Path):
    stack = Stack(write_small_city(tmp_path / "city"), ())
    path = stack.folder / "sensors.csv"
    path.write_text(path.read_text(encoding="utf-8") + "d8,traffic,z1,s0,0,0,1,,\n", encoding="utf-8")
    publish(stack)
    extra = [fed(0, reading(8, START_MS + second * 1000, speed_km_h=20)) for second in range(0, 60, 10)]
    stack.put([*mark(START_MS), *extra, *minutes(0), *mark(START_MS + 4 * 3_600_000)])

    async def run() -> None:
        await stack.start()
        await stack.drain()

    asyncio.run(run())
    assert rows_of(stack, "speed_km_h")["s0", 0] == [(20.0, 12)]
    assert stack.books()["in_frames"] == 54


def test_an_unknown_version_and_unknown_names_stop_nothing(tmp_path: Path):
    """A frame of a city that nobody has any more: its sensors are counted under their ids."""
    stack = Stack(write_small_city(tmp_path / "city"), minutes(0))
    publish(stack)

    async def run() -> None:
        await stack.start()
        for host in stack.intake.hosts:
            await host.drain()
        edit(stack.folder, "removed")
        publish(stack)
        del stack.bus.log(topics.CITIES)[0]
        await stack.zone.start()
        await stack.second.start()
        stack.put(mark(START_MS + 4 * 3_600_000))
        await stack.drain()

    asyncio.run(run())
    assert stack.books()["in_frames"] == 48
    assert rows_of(stack, "speed_km_h")["s0", 0] == [(20.0, 6)]
    assert np.isfinite(rows_of(stack, "speed_km_h")["s1", 0][0][0])
