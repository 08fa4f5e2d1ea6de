"""Moves of sensors between zones and segments: from when on they hold, how long they are told, and what they undo."""

from dataclasses import replace

import cramjam
import msgspec
import numpy as np
import pytest

from processors.maths.places import Places
from streams.city import versions
from streams.city.folder import Folder
from streams.city.moves import KEPT_MS, NEVER_MS, Move, Moves, next_moves
from streams.city.parts import Segment, Sensor, Zone
from streams.city.registry import City
from streams.contract.durations import HOUR_MS, MINUTE_MS
from streams.contract.frames import FrameRows
from streams.contract.stage import Record

NOW_MS = 1_700_002_800_000 + 40_000  # 40 s into a minute
FIVE_MINUTES_MS = 300_000
HOLDS_MS = NOW_MS + FIVE_MINUTES_MS + 20_000  # the next whole minute
ZONES = ("a", "b", "c")


def city(*moves: Move, number: int = 1, roads: int = 0, **zone_of: str) -> City:
    """A city of road sensors by name, each in a zone; the first `roads` watch a segment of their own name."""
    zones = tuple(Zone(name, "", "") for name in ZONES)
    names = list(zone_of)
    sensors = tuple(
        Sensor(name, "traffic", ZONES.index(zone), at if at < roads else -1, 0.0, 0.0, 60.0, "", "")
        for at, (name, zone) in enumerate(zone_of.items())
    )
    segments = tuple(
        Segment(f"road {name}", ZONES.index(zone_of[name]), "", "", "arterial", 2, 500.0, 60.0, (), ())
        for name in names[:roads]
    )
    return City("c", "", "", "UTC", "", zones, segments, sensors, number=number, moves=Moves(moves))


def test_a_move_holds_from_the_whole_minute_that_no_reading_has_reached():
    told = next_moves(city(x="a", y="b"), city(x="c", y="b"), 2, NOW_MS)
    assert told.moves == (Move(2, HOLDS_MS, "x", "a"),)


def test_it_waits_for_a_sensor_whose_times_may_be_further_ahead():
    before = city(x="a")
    hourly = replace(before.sensors[0], stamps="end", interval_s=3600.0)
    told = next_moves(replace(before, sensors=(hourly,)), city(x="b"), 2, NOW_MS)
    assert [one.until_ms for one in told.moves] == [NOW_MS + 3_600_000 + 20_000]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(city(x="a"), city(x="a"), id="nothing"),
        pytest.param(city(x="a"), city(x="a", y="b"), id="another sensor"),
        pytest.param(city(x="a", roads=1), city(x="a", roads=1), id="a segment"),
    ],
)
def test_what_stays_where_it_is_is_not_moved(before: City, after: City):
    assert next_moves(before, after, 2, NOW_MS) == Moves()


def test_moves_are_told_as_long_as_a_reading_may_meet_them_and_hold_one_after_the_other():
    old, ahead = Move(2, NOW_MS - KEPT_MS, "x", "c"), Move(3, HOLDS_MS + MINUTE_MS, "x", "b")
    told = next_moves(city(old, ahead, x="a"), city(x="c"), 4, NOW_MS)
    assert told.moves == (ahead,)  # it has not been in a for a minute: a move of the same minute would say nothing
    told = next_moves(city(old, ahead, x="a", y="a"), city(x="a", y="c"), 4, NOW_MS)
    assert told.moves == (ahead, Move(4, ahead.until_ms, "y", "a"))  # no clock that was set back brings it forward


def test_a_segment_that_leaves_is_told_with_the_move_that_names_it():
    before = city(x="a", y="b", roads=1)
    told = next_moves(before, city(x="b", y="b", roads=0), 2, NOW_MS)
    assert told.moves == (Move(2, HOLDS_MS, "x", "a", "road x"),)
    assert told.left == (before.segments[0],)
    again = next_moves(replace(city(x="b", y="b", number=2), moves=told), city(x="b", y="b"), 3, NOW_MS + MINUTE_MS)
    assert again == told._replace(moves=(Move(2, HOLDS_MS, "x", "a", "road x", HOLDS_MS),))


def test_each_reading_is_of_the_zone_of_its_time():
    moves = (Move(2, 1000, "x", "a"), Move(3, 2000, "x", "gone"), Move(3, 2000, "y", "b"))
    former = city(*moves, x="a", y="c", z="b").former["traffic"]
    sensor = np.array([0, 0, 0, 0, 1, 1, 2], np.int32)
    at_ms = np.array([999, 1000, 1999, 2000, 1999, 2000, 0])
    zone = former.zone_at(sensor, at_ms)
    assert zone is not None
    assert [former.zones[one] for one in zone] == ["a", "gone", "gone", "a", "b", "c", "b"]
    assert former.zone_at(sensor, at_ms + 2000) is None


def test_windows_are_closed_by_the_city_of_their_time_a_lag_later():
    moved = city(Move(2, 60_000, "x", "a"), Move(2, 60_000, "y", "gone"), x="b", y="b", z="c")
    slow = replace(moved.sensors[1], stamps="begin")
    moved = replace(moved, sensors=(moved.sensors[0], slow, moved.sensors[2]))  # y is 60 s behind
    former = moved.former["traffic"]

    def zones(watermark_ms: int) -> list[str]:
        now = former.city_at(watermark_ms, "b")
        return [now.zones[sensor.zone].id for sensor in now.sensors]

    assert [zones(ms) for ms in (0, 59_999, 60_000, 119_999, 120_000)] == [
        ["a", "gone", "c"],
        ["a", "gone", "c"],
        ["b", "gone", "c"],
        ["b", "gone", "c"],
        ["b", "b", "c"],
    ]
    assert former.city_at(0, "b").arriving == {("traffic", 1): [0, 1]}
    assert former.city_at(0, "c") is moved
    assert former.city_at(120_000, "b") is former.city_of(60_000) is moved
    assert former.city_of(0) is former.city_at(0, "gone")
    assert former.stops_ms(59_000, "b", 1000) == [60_000, 61_000, 120_000, 121_000]
    assert former.stops_ms(121_000, "b", 1000) == former.stops_ms(0, "c", 1000) == []


def test_the_second_level_waits_for_the_zones_that_have_given_sensors_away():
    assert city(Move(2, 60_000, "x", "gone"), x="b").zones_awaited == {"traffic": ("b", "gone")}


def test_each_row_of_a_frame_is_read_where_its_sensor_was():
    moves = (Move(2, 60_000, "x", "a", "road x"), Move(3, 120_000, "x", "a"), Move(3, 120_000, "y", "b"))
    former = city(*moves, x="a", y="a", z="a").former["traffic"]
    at_ms = np.array([59_999, 60_000, 120_000, 119_999, 120_000, 0])
    rows = FrameRows(at_ms, at_ms, np.array([1, 1, 1, 0, 0, 2]), at_ms, at_ms, {})
    until_ms = former.until_of(["y", "x", "z"], rows)
    assert until_ms is not None
    assert until_ms.tolist() == [60_000, 120_000, NEVER_MS, 120_000, NEVER_MS, NEVER_MS]
    assert former.city_of(NEVER_MS - 1) is former.city
    later = replace(rows, at_ms=at_ms + 120_000)
    assert former.until_of(["y", "x", "z"], later) is former.until_of(["z"], replace(rows, sensor=at_ms * 0)) is None


def test_a_sensor_that_is_hung_on_another_road_of_its_zone_watches_that_of_its_time():
    before = city(x="a", y="a", roads=2)
    after = replace(before, sensors=(replace(before.sensors[0], segment=1), before.sensors[1]))
    off = replace(before, sensors=(replace(before.sensors[0], segment=-1), before.sensors[1]))
    assert next_moves(before, after, 2, NOW_MS).moves == (Move(2, HOLDS_MS, "x", "a", "road x"),)
    assert next_moves(before, off, 2, NOW_MS).moves == (Move(2, HOLDS_MS, "x", "a", "road x"),)
    assert next_moves(off, before, 2, NOW_MS).moves == (Move(2, HOLDS_MS, "x", "a"),)
    former = replace(after, moves=next_moves(before, after, 2, NOW_MS)).former["traffic"]
    assert [former.city_of(ms).sensors[0].segment for ms in (HOLDS_MS - MINUTE_MS, HOLDS_MS)] == [0, 1]


def test_a_slow_domain_holds_up_no_move_of_another():
    before = city(x="a", y="a")
    daily = replace(before.sensors[0], domain="environment", stamps="end", interval_s=86_400.0)
    before, after = (
        replace(one, sensors=(daily, replace(one.sensors[1], zone=zone))) for one, zone in ((before, 0), (before, 1))
    )
    moved = replace(after, sensors=(replace(daily, zone=1), after.sensors[1]))
    told = next_moves(before, moved, 2, NOW_MS)
    assert [(one.sensor, one.until_ms) for one in told.moves] == [("x", NOW_MS + 86_400_000 + 20_000), ("y", HOLDS_MS)]
    back = next_moves(replace(moved, moves=told), before, 3, NOW_MS + MINUTE_MS)
    assert [one.until_ms for one in back.moves[2:] if one.sensor == "y"] == [HOLDS_MS + MINUTE_MS]


def test_who_leaves_the_city_is_of_its_zone_a_while_wherever_it_comes_back():
    before, gone = city(x="a", y="a", roads=1), city(y="a", number=2)
    told = next_moves(before, gone, 2, NOW_MS)
    assert told == Moves((Move(2, HOLDS_MS, "x", "a", "road x"),), (before.segments[0],))
    gone = replace(gone, moves=told)
    assert gone.former == {}  # nobody is asked for it meanwhile
    back = replace(city(x="b", y="a", number=3), moves=next_moves(gone, city(x="b", y="a"), 3, NOW_MS + MINUTE_MS))
    zone = back.former["traffic"].zone_at(np.zeros(2, np.int32), np.array([HOLDS_MS - 1, HOLDS_MS]))
    assert zone is not None
    assert [ZONES[one] for one in zone] == ["a", "b"]


def test_no_lag_that_is_edited_later_takes_back_what_is_over():
    def slow(one: City) -> City:
        return replace(one, sensors=tuple(replace(sensor, delay_s=900.0) for sensor in one.sensors))

    before = city(Move(2, NOW_MS, "x", "a"), x="b")
    for after_ms, passed_ms in ((-301_000, NOW_MS + 900_000), (-300_000, NOW_MS), (60_000, NOW_MS)):
        told = next_moves(before, slow(before), 3, NOW_MS + after_ms)
        assert replace(slow(before), moves=told).former["traffic"].passed_ms.tolist() == [passed_ms]
    told = next_moves(slow(before), before, 3, NOW_MS + HOUR_MS)
    assert replace(before, moves=told).former["traffic"].passed_ms.tolist() == [NOW_MS]  # a smaller one does at once


def test_a_sensor_is_asked_for_where_it_is_while_its_road_waits_for_a_slower_one():
    found = city(Move(2, 60_000, "x", "a", "road y"), x="b", y="a", roads=2)
    moved = replace(found, sensors=(found.sensors[0], replace(found.sensors[1], stamps="begin")))  # 60 s behind
    former = moved.former["traffic"]
    asked = [former.city_at(ms, "a") for ms in (59_999, 60_000, 119_999, 120_000)]
    assert [one.sensors[0].zone for one in asked] == [0, 0, 0, 1]
    assert [dict(one.elsewhere) for one in asked] == [{}, {0: 1}, {0: 1}, {}]
    awaited = [[*Places().layout(one, "traffic", zone).awaited] for one in asked for zone in (0, 1)]
    assert awaited == [[True, True], [False], [False, True], [True], [False, True], [True], [True], [True]]


@pytest.mark.parametrize("slow", [1, 2])
def test_it_is_closed_as_late_as_the_slowest_beside_it_before_and_after(slow: int):
    found = city(Move(2, 60_000, "x", "a", "road y"), x="a", y="a", z="a", roads=3)
    sensors = [replace(found.sensors[0], segment=2), *found.sensors[1:]]
    sensors[slow] = replace(sensors[slow], stamps="begin")  # 60 s behind
    assert replace(found, sensors=tuple(sensors)).former["traffic"].last_ms == 120_000


def test_a_citywall_that_knows_no_moves_reads_the_version_and_one_that_does_an_old_one():
    class Before(msgspec.Struct):
        files: dict[str, bytes]
        partitions: dict[str, dict[str, int]]
        rules: dict[str, list | None] | None = None

    left = Segment("s", 0, "", "", "arterial", 2, 500.0, 60.0, ("r",), ((0.0, 1.0),))
    told = Moves((Move(2, 60_000, "x", "a", "s"),), (left,))
    whole = versions.Opened(Folder("f", {"city.toml": b"id"}), {"traffic": {"a": 0}}, None, told)
    [message] = versions.to_messages("c", 2, whole)
    [stored] = versions.stored([Record(0, message.key, message.value, 0, message.headers)]).values()
    assert stored.open().moves == told
    plain = msgspec.msgpack.encode(Before({"city.toml": b"id"}, {"traffic": {"a": 0}}))
    assert msgspec.msgpack.decode(_plain(stored), type=Before).partitions == {"traffic": {"a": 0}}
    assert versions.Stored(2, "", len(plain), bytes(cramjam.zstd.compress(plain))).open().moves == Moves()


def _plain(stored: versions.Stored) -> bytes:
    return bytes(cramjam.zstd.decompress(stored.data, output_len=stored.size))
