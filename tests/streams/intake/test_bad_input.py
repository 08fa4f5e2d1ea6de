"""Whatever comes into the inbox: nothing stops, nothing good is lost, each bad reading becomes a dead letter."""

import asyncio
import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.broker import topics
from streams.contract.reasons import REASONS
from streams.contract.stage import Message
from streams.intake.decode import MOST_REFUSED
from streams.intake.decoded import MARK
from streams.intake.intake_stage import IntakeStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost

NOW_MS = 1_700_000_000_000
INBOX = topics.inbox("traffic")
TWO = {
    INBOX: 2,
    topics.readings("traffic"): 2,
    topics.state("intake", "traffic"): 2,
    topics.state("zone", "traffic"): 2,
}


def good(sensor=1, ago_s=1.0):
    return json.dumps(
        {"sensor": f"d{sensor}", "at": NOW_MS - round(ago_s * 1000), "speed_km_h": 50, "flow_veh_h": 60}
    ).encode()


def bad(**fields):
    return json.dumps({"sensor": "d1", "at": NOW_MS, **fields}).encode()


THROWN = [
    (b"\xff\xfe\x00\x01", "undecodable"),
    (b"", "empty"),
    (b"[]", "empty"),
    (b'{"sensor":"d1","at":1700000000001,', "undecodable"),
    (bad(sensor="nobody"), "unknown_sensor"),
    (bad(sensor="w1"), "unknown_sensor"),  # a weather station in the traffic inbox
    (bad(at="2087-01-01T00:00:00Z"), "future"),
    (bad(at=NOW_MS + 300_001), "future"),
    (bad(at=True), "bad_time"),
    (bad(at=NOW_MS // 1000), "bad_time"),
    (b"x" * 5_000_000, "undecodable"),
    (b"[" * 200_000, "undecodable"),
    (b'{"sensor":"d1","at":1700000000000,"a":' + b'{"a":' * 100_000, "undecodable"),
    (b'{"sensor":"d1\x00","at":1700000000001}', "undecodable"),
    (b"null", "not_an_object"),
]


def run(city_folder, values):
    """Send the values → (intake counts, zone counts, (reason or "value", payload) of each dead letter)."""

    async def go():
        bus = FakeBus(TWO, FakeClock(NOW_MS))
        for number, value in enumerate(values):
            bus.put(Message(INBOX, b"", value, number % 2))
        intake, zone = FakeHost(IntakeStage(city_folder), bus), FakeHost(ZoneStage(city_folder, ()), bus)
        await intake.start()
        await zone.start()
        await intake.drain()
        await zone.drain()
        counts = Counter()
        for state in [one for held in zone.stage._partitions.values() for one in held.zones.values()]:
            for one in state.counts.values():
                counts.update(in_frames=one.in_frames, duplicates=one.duplicates, too_late=one.too_late)
        readings_in = sum(book["counts"]["readings_in"] for book in intake.stage.books().values())
        letters = [(dict(one.headers), one.value) for one in bus.log(topics.DEAD_LETTERS)]
        dead = [("value" if "column" in head else head["reason"].decode(), value) for head, value in letters]
        return readings_in, counts, dead

    return asyncio.run(go())


@pytest.mark.parametrize(("value", "reason"), THROWN, ids=[f"{reason}-{value[:24]!r}" for value, reason in THROWN])
def test_a_bad_record_is_a_dead_letter_with_its_reason_and_the_next_goes_through(city_folder, value, reason):
    readings_in, counts, dead = run(city_folder, [value, good(1), good(2), value])
    assert dead == [(reason, value), (reason, value)]
    assert (readings_in, counts["in_frames"]) == (4, 2)


def test_five_minutes_ahead_is_still_believed(city_folder):
    assert run(city_folder, [bad(at=NOW_MS + 300_000)])[2] == []


@pytest.mark.parametrize(
    "at",
    ["0001-01-01T00:00+14", "2000-01-01T00:00:05Z", "1970-01-21T10:00:00Z", 100_000_000_000, NOW_MS - 3_700_000],
)
@pytest.mark.parametrize("first", [1, 2])
def test_a_time_that_is_too_late_is_no_time_of_the_feed(city_folder, at, first):
    """`first` good readings before it, in its partition; the span of the feed is theirs."""

    async def go():
        bus = FakeBus(TWO, FakeClock(NOW_MS))
        for value in [*(good(1, ago_s=number) for number in range(first)), bad(sensor="d2", at=at)]:
            bus.put(Message(INBOX, b"", value, 0))
        intake = FakeHost(IntakeStage(city_folder), bus)
        await intake.start()
        await intake.drain()
        counts = intake.stage.books()["intake:traffic:0"]["counts"]
        assert counts["sent"] == first + 1
        return counts["first_at_ms"], counts["last_at_ms"]

    assert asyncio.run(go()) == (NOW_MS - 1000 * (first - 1), NOW_MS)


ODD_MARKS = [
    None,
    b"",
    b"-",
    b"--5",
    b"1e3",
    b"\xd9\xa1",
    b"9" * 5000,
    b"9007199254740993",
    b"-9999999999999999",
    b" 7",
]


@pytest.mark.parametrize("mark", ODD_MARKS)
@pytest.mark.parametrize("framed", [True, False])
def test_a_mark_that_is_none_is_an_empty_record(city_folder, mark, framed):
    async def go():
        bus = FakeBus(TWO, FakeClock(NOW_MS))
        bus.put(Message(INBOX, b"", None, 0, ((MARK, mark),)))
        bus.put(Message(INBOX, b"", good(1), 0))
        intake = FakeHost(IntakeStage(city_folder, kernel=framed), bus, framed=framed)
        await intake.start()
        await intake.drain()
        (book,) = [one for one in intake.stage.books().values() if one["counts"]["readings_in"]]
        return book["counts"]["dead_lettered"], book["counts"]["sent"]

    assert asyncio.run(go()) == ({"empty": 1}, 1)


def test_a_dead_letter_fits_its_topic(city_folder):
    value = b"x" * (topics.DEAD_LETTER_MAX_BYTES + 1)
    assert run(city_folder, [value, good(1)])[2] == [("undecodable", value[:-1])]


@pytest.mark.parametrize("before", [b"", b" ", b"\n"])
def test_a_refused_object_of_several_lines_comes_back_whole(city_folder, before):
    odd = before + b'{\n "sensor": "nobody",\n "at": 1700000000000\n}\n'
    assert run(city_folder, [odd])[2] == [("unknown_sensor", odd)]


def test_beside_a_bad_row_another_keeps_its_own_bytes(city_folder):
    odd = b'{"at":1700000000000 , "sensor":"nobody"}'
    assert run(city_folder, [b"[" + odd + b",7]"])[2] == [("unknown_sensor", odd), ("not_an_object", b"7")]


@pytest.mark.timeout(60)
def test_a_record_full_of_refused_readings_costs_no_hour(city_folder):
    # Each of them used to have the whole record taken apart anew: 30,000 times 1 MB.
    value = b"[" + b",".join([b'{"sensor":"nobody","at":1700000000000}'] * 30_000) + b"]"
    readings_in, _, dead = run(city_folder, [value])
    assert readings_in == len(dead) == MOST_REFUSED
    assert dead[-1] == ("unknown_sensor", value)


def test_bytes_come_back_as_they_came_from_within_an_array(city_folder):
    odd = b'{"at":1700000000000 , "sensor":"nobody"}'
    assert run(city_folder, [b"[" + good() + b"," + odd + b"]"])[2] == [("unknown_sensor", odd)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "sensor": st.sampled_from(["d1", "d2", "w1", ""]) | JSON,
        "at": st.sampled_from([NOW_MS, NOW_MS - 1000, "2023-11-14T22:13:20Z", "2087-01-01T00:00:00Z", 0, -1]) | JSON,
        "speed_km_h": st.floats() | JSON,
        "flow_veh_h": st.integers() | JSON,
    },
)
RUBBISH = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([value for value, _ in THROWN if len(value) < 1000]),
    JSON.map(lambda one: json.dumps(one).encode()),
    NEARLY.map(lambda one: json.dumps(one).encode()),
    st.lists(NEARLY, max_size=4).map(lambda many: json.dumps(many).encode()),
    st.lists(NEARLY, max_size=3).map(lambda many: b"\n".join(json.dumps(one).encode() for one in many)),
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(rubbish=st.lists(RUBBISH, max_size=8))
def test_nothing_stops_the_stream_and_the_books_balance(city_folder, rubbish):
    # The good readings are of sensors that the rubbish never names, so none of them can be a duplicate.
    mine = [good(sensor=3 + number % 5, ago_s=10 + number) for number in range(len(rubbish) + 1)]
    thrown = [value for pair in zip(mine, [*rubbish, b"end"], strict=True) for value in pair]
    readings_in, counts, dead = run(city_folder, thrown)
    assert readings_in == counts.total() + len([one for one in dead if one[0] not in ("too_late", "value")])
    assert counts["in_frames"] >= len(mine)
    assert {reason for reason, _ in dead} <= REASONS.keys() | {"value"}
