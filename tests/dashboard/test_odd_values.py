"""No value in Redis ends the wall: what is none of its field is dropped, counted and said once."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import msgspec
import pytest

from dashboard.hub import Hub
from dashboard.telemetry.exposition import exposition, look
from streams.sinks import live_fields
from tests.dashboard.conftest import an_alarm
from tests.dashboard.test_hub import following, publisher
from tests.waiting import until_async

NOW = 1_800_000_000_000
HISTOGRAM = {"bounds": [1, 10], "counts": [2, 3, 4], "sum": 130.0}
GOOD: dict[str, Any] = {
    "city": {"id": "duo", "mode": "replay", "speed": 60.0},
    "clock": {
        **{"at_ms": NOW, "wall_ms": NOW, "speed": 60.0, "until_ms": NOW + 1},
        "earlier": [{"at_ms": NOW - 9, "wall_ms": NOW - 9, "speed": 1.0}],
    },
    "s:A": [NOW, 1.5, 40.0, 1],
    "m:tpi:city:duo": {
        **{"at_ms": NOW, "window_s": 60, "value": 2.0, "coverage_ratio": 1.0, "state": 1},
        "domain": "traffic",
    },
    "a:a1": an_alarm(),
    "f:traffic": {"at_ms": NOW, "received_ms": NOW, "silent_ratio": 0.0, "interval_s": 10.0},
    "p:intake": {
        "at_ms": NOW,
        "partitions": [{"topic": "t", "partition": 0, "lag_records": 1, "lag_s": 0.5, "unsaved_s": 0.0}],
        "rates": {"in_per_s": 3.0},
        "counters": {"cpu_s": 1.0, "chunk_records": HISTOGRAM, "sent_records": {"t": 4}},
    },
    "b:intake:traffic:0": {"offset": 3, "counts": {"readings_in": 5, "dead_lettered": {"future": 1}}},
    "b:zone:traffic:0": {
        "offset": 3,
        "counts": {"in_frames": 5, "watermark_ms": NOW, "processors": {"tti": {"used": 1, "dropped": {}}}},
    },
}  # fmt: skip
ANYWHERE = ["text", 7, None, True, [], {}, [None], {"at_ms": None}, math.nan, math.inf]
"""What is a value of no field."""
CHANGED: dict[str, list[dict[str, Any]]] = {
    "city": [{"mode": "party"}, {"mode": None}, {"speed": "fast"}, {"speed": math.nan}],
    "clock": [
        *({"at_ms": 1.5}, {"at_ms": 10**30}, {"wall_ms": None}, {"speed": None}, {"speed": math.inf}),
        *({"until_ms": "x"}, {"earlier": 5}, {"earlier": [{"at_ms": NOW}]}),
    ],
    "m:tpi:city:duo": [
        *({"at_ms": "now"}, {"at_ms": 10**18}, {"window_s": 0}, {"window_s": None}, {"value": "2"}),
        *({"value": math.nan}, {"coverage_ratio": []}, {"state": 3}, {"state": "final"}, {"domain": None}),
        {"domain": 5},
    ],
    "a:a1": [
        *({"id": "a2"}, {"level": 0}, {"level": 5}, {"level": "II"}, {"acknowledged": None}, {"raised_at_ms": None}),
        *({"raised_at_ms": 10**17}, {"value": math.nan}, {"unit": None}, {"evidence": None}, {"evidence": {"x": []}}),
        *({"kind": "x" * 5000}, {"zone": 1}, {"count": -1}, {"state": 1}, {"acknowledged_by": 5}),
    ],
    "f:traffic": [
        *({"at_ms": "x"}, {"received_ms": 1.5}, {"silent_ratio": math.inf}, {"interval_s": 0}, {"interval_s": -1}),
    ],
    "p:intake": [
        *({"at_ms": None}, {"partitions": {}}, {"partitions": [{}]}, {"rates": None}, {"rates": {"in_per_s": "x"}}),
        *({"counters": None}, {"counters": {"cpu_s": "x"}}, {"waits": 5}, {"counters": {"sent_records": {"t": -1}}}),
        {"counters": {"chunk_records": HISTOGRAM | {"counts": [1]}}},
    ],
    "b:intake:traffic:0": [
        *({"counts": None}, {"counts": {"readings_in": "x"}}, {"counts": {"readings_in": 2**60}}, {"offset": -1}),
        *({"counts": {"dead_lettered": []}}, {"counts": {"dead_lettered": {"future": None}}}),
    ],
    "b:zone:traffic:0": [{"counts": {"processors": {"tti": {}}}}, {"counts": {"watermark_ms": 10**18}}],
}  # fmt: skip
NAMES = ["m:", "m:tpi", "m::x", "b:a:b:c:d", "a:"]


def _without(value: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: one for name, one in value.items() if name != member}


MUST = {
    "city": ["mode"],
    "clock": ["at_ms", "wall_ms", "speed"],
    "m:tpi:city:duo": ["at_ms", "window_s", "value", "state"],
    "a:a1": ["id", "domain", "kind", "entity", "zone", "level", "state", "acknowledged", "raised_at_ms"],
    "f:traffic": ["at_ms", "received_ms"],
    "p:intake": ["at_ms"],
    "b:intake:traffic:0": ["counts"],
}
ODD = [
    *((field, value) for field in GOOD for value in ANYWHERE),
    *((field, GOOD[field] | changed) for field, all_changed in CHANGED.items() for changed in all_changed),
    *((field, _without(GOOD[field], member)) for field, members in MUST.items() for member in members),
    *(("s:A", value) for value in ([NOW, 1.5, 40.0], ["x", 1.5, 40.0, 1], [NOW, "x", 40.0, 1], [NOW, 1.5, 40.0, 5])),
    *(("s:A", value) for value in ([10**18, 1.5, 40.0, 1], [NOW, math.nan, 40.0, 1], [NOW, 1.5, 40.0, None])),
    *((field, GOOD["m:tpi:city:duo"]) for field in NAMES if field.startswith("m")),
    *((field, GOOD["b:zone:traffic:0"]) for field in NAMES if field.startswith("b")),
    ("a:", an_alarm()),
]


@pytest.mark.parametrize("field", GOOD)
def test_a_value_of_its_field_passes_and_may_say_more(field):
    live_fields.check(field, GOOD[field])
    more = [*GOOD[field], 9] if isinstance(GOOD[field], list) else GOOD[field] | {"new": [1, {"of": "a newer sink"}]}
    live_fields.check(field, more)


LARGE = [
    ("s:A", [NOW, 10**30, 40.0, 1]),
    ("s:A", [NOW, 1.5, 10**30, 1]),
    *((field, GOOD[field] | changed) for field, changed in (
        ("clock", {"new": 10**30}), ("clock", {"speed": 1e-320}), ("m:tpi:city:duo", {"value": 10**30}),
        ("a:a1", {"value": 10**30}), ("f:traffic", {"silent_ratio": 10**30}),
        ("p:intake", {"rates": {"in_per_s": 10**30}}),
        ("p:intake", {"partitions": [{"topic": "t", "partition": 0, "lag_s": 10**30}]}),
    )),
]  # fmt: skip
"""Numbers as they may be, and longer than most readers of JSON take."""


@pytest.mark.parametrize(("field", "value"), LARGE)
def test_a_number_of_any_length_ends_nothing(config, field, value):
    live_fields.check(field, value)
    hub = Hub(config, lambda: NOW)
    hub.mirror.load("e", 1, GOOD | {field: value})
    hub.tick()
    assert json.loads(hub.snapshot())["type"] == "snapshot"
    exposition(look(hub, NOW))


@pytest.mark.parametrize(("field", "value"), ODD)
def test_an_odd_value_is_dropped_and_the_one_before_stays(config, field, value):
    hub = Hub(config, lambda: NOW)
    hub.mirror.load("e", 1, GOOD)
    hub.tick()
    before, shown = dict(hub.mirror.odd.counts), hub.screen.blocks
    hub.mirror.load("e", 2, GOOD)
    hub.mirror._take(field, value)
    hub.tick()
    assert sum(hub.mirror.odd.counts.values()) == sum(before.values()) + 1
    assert {name: block for name, block in hub.screen.blocks.items() if shown[name] != block} == {}
    assert f'citywall_live_odd_values_total{{kind="{field.partition(":")[0]}",where="wall"}} 1.0' in exposition(
        look(hub, NOW)
    ).decode().replace("\\", "")


BYTES = [b"", b"{", b"NaN", b"[1,]", b'"\xff\xfe"', b"\x00", b'{"at_ms": 1e999}', b"[" * 2000, b"'x'", b'"\\ud800"']
"""What is no JSON at all."""


def test_whatever_stands_in_redis_the_wall_goes_on(config, valkey, unique, caplog):
    """Each field of a state is spoilt, one after the other; then a change is published that is none."""

    async def run() -> None:
        async with (
            publisher(config, valkey.address, unique) as (config_, feed),
            following(config_, valkey.address) as hub,
        ):
            await feed.change(GOOD)
            await until_async(lambda: hub.mirror.segments)
            key, channel = f"citywall:{unique}:state", f"citywall:{unique}:deltas"
            spoilt = {
                f"{field}{number}" if ":" in field else field: text
                for field in GOOD
                for number, text in enumerate(BYTES)
            }
            await feed.redis.hset(key, mapping=spoilt | {b"s:\xff": b"[]"})
            for odd in (b"{", b"\xff", b"[]", b'{"epoch":1}', b'{"epoch":"e","seq":"x","set":{},"del":[]}', b"NaN"):
                await feed.redis.publish(channel, odd)
            await until_async(lambda: hub.mirror.odd.counts["delta"] == 6)
            await feed.change({"s:A2": [NOW, 2.0, 20.0, 0], "m:tpi:city:duo": {"at_ms": "odd"}})
            await until_async(lambda: "A2" in hub.mirror.segments)
            assert hub.mirror.segments["A"] == (NOW, 1.5, 40.0, 1)
            assert set(hub.mirror.alarms) == {"a1"}
            json.loads(hub.snapshot())
            exposition(look(hub, NOW))

    with caplog.at_level("WARNING", "citywall"):
        asyncio.run(run())
    kinds = {"city", "clock", "s", "m", "a", "f", "p", "b", "delta"}
    assert len([record for record in caplog.records if "is dropped" in record.getMessage()]) == len(kinds)


def test_the_schema_of_an_alarm_is_that_of_the_engine():
    """A projection as the engine writes it passes."""
    from alerts.engine import Engine
    from streams.alarms.order import Input
    from streams.broker.topics import ALARMS, DETECTIONS
    from tests.alerts.writing import detection, encoded

    engine = Engine()
    engine.fold(
        engine.judge(
            [Input(DETECTIONS, 0, encoded(detection(1, 1, evidence={"column": "x", "mean": 2.5})))], whole=False
        )
    )
    (row,) = engine.rows()
    (topic, alarm), value = row, engine.projection(row)
    assert topic == ALARMS
    live_fields.check(f"a:{alarm}", msgspec.json.decode(value))
