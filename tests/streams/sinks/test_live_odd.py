"""What cannot be shown, and what stands in Redis and is no value of ours, does not stop the live sink."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from streams.broker import topics
from tests.streams.sinks.rows import alarm, row, rows_of
from tests.streams.sinks.test_live import Wall, _publish_at_every_tick, on_valkey, settle  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from deploy.embedded import valkey as embedded_valkey

ODD_RECORDS = [
    (topics.ALARMS, "a-1", alarm("a-2")),
    (topics.ALARMS, "a-1", alarm("a-1", 7)),
    (topics.ALARMS, "a-1", {"id": "a-1"}),
    (topics.BOOKS, "intake:x", []),
    (topics.BOOKS, "zone:x:0", {"counts": {"in_frames": "many"}}),
    (topics.BOOKS, "pulse:intake", {"at_ms": None}),
    (topics.CLOCK, "c", {"at_ms": 10**30, "wall_ms": 6, "speed": 30.0}),
    (topics.CLOCK, "c", {"at_ms": 5, "wall_ms": 6, "speed": -1.0}),
]


def test_what_cannot_be_understood_is_left_out_counted_and_said_once_a_topic(
    valkey: embedded_valkey.Valkey, unique: str, caplog: pytest.LogCaptureFixture
):
    async def story(wall: Wall) -> None:
        host = await wall.host()
        for topic in (topics.METRICS, topics.LIVE, topics.ALARMS, topics.BOOKS, topics.CLOCK):
            wall.say(topic, "intake:x", b"\xff\x00 no value of ours")
        for odd in ODD_RECORDS:
            wall.say(*odd)
        wall.frame(rows_of(row("zone:z1")))
        await settle(host)
        fields = await wall.fields()
        assert set(fields) == {"city", "m:tti_ratio:zone:z1", "b:live"}
        assert fields["b:live"]["counts"]["odd"] == {
            topics.METRICS: 1, topics.LIVE: 1, topics.ALARMS: 4, topics.BOOKS: 4, topics.CLOCK: 3,
        }  # fmt: skip

    with caplog.at_level(logging.WARNING, "citywall"):
        on_valkey(valkey.address, unique, story)
    assert len(caplog.records) == 5


SPOILT = {
    "no JSON": ("state", "s:S1", b"[1, 2"),
    "not UTF-8": ("state", "s:S1", b'"\xff"'),
    "a name that is not UTF-8": ("state", b"s:\xff", b"[]"),
    "not a number": ("state", "m:tti_ratio:zone:z1", b"NaN"),
    "offsets": ("head", "offsets", b'{"city.metrics.v1:0": "far"}'),
    "a sequence": ("head", "seq", b"many"),
    "an epoch": ("head", "epoch", b""),
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_a_sink_starts_over_whatever_stands_in_redis(valkey: embedded_valkey.Valkey, unique: str, spoilt: tuple):
    async def story(wall: Wall) -> None:
        first = await wall.host()
        wall.frame(rows_of(row("zone:z1")))
        await settle(first)
        key, field, value = spoilt
        await wall.reader.hset(f"citywall:{wall.city_id}:{key}", field, value)
        second = await wall.host()
        wall.frame(rows_of(row("zone:z1", 1)))
        await settle(second)
        await settle(second)  # the first may have found that the keys are not as they should be
        assert set(await wall.fields()) == {"city", "m:tti_ratio:zone:z1"}

    on_valkey(valkey.address, unique, story)
