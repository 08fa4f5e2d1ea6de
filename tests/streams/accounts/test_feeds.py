"""Every reading is accounted for at any moment, and a single missing one is found."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from processors import congestion
from streams.accounts.feeds import Position, audit
from streams.broker import topics
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.intake.intake_stage import IntakeStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeHost

if TYPE_CHECKING:
    from pathlib import Path


def books() -> dict[str, dict[str, Any]]:
    """Ten readings of two inbox partitions: 1 dead letter, 6 in frames, 2 duplicates, 1 too late; all absorbed."""
    intake = [
        {"readings_in": 6, "dead_lettered": {"future": 1}, "sent": 5, "first_at_ms": 50, "last_at_ms": 90},
        {"readings_in": 4, "dead_lettered": {}, "sent": 4, "first_at_ms": 40, "last_at_ms": 70},
    ]
    sources = [
        {"0": source(9, 3), "1": source(7, 2)},  # of the zones of the first readings partition
        {"0": source(9, 2), "1": source(7, 2)},
    ]
    admitted = [(4, 1, 0), (2, 1, 1)]
    zone = [
        {"in_frames": frames, "duplicates": twice, "too_late": late, "sources": of, "processors": processors(frames)}
        for (frames, twice, late), of in zip(admitted, sources, strict=True)
    ]
    offsets = {"intake": [10, 8], "zone": [77, 88]}
    return {
        f"{stage}:traffic:{i}": {
            "stage": stage,
            "domain": "traffic",
            "partition": i,
            "offset": offsets[stage][i],
            "counts": one,
        }
        for stage, counts in (("intake", intake), ("zone", zone))
        for i, one in enumerate(counts)
    } | {"pulse:intake": {"part": "intake"}, "second:all:0": {"stage": "second", "domain": "all", "counts": {}}}


def source(through: int, rows: int) -> dict[str, int]:
    return {"through": through, "furthest": through, "sent": rows, "taken": rows}


def processors(in_frames: int) -> dict[str, Any]:
    return {"congestion": {"used": in_frames - 1, "dropped": {"no_speed": 1}}}


def test_books_that_balance_say_what_became_of_every_reading():
    (feed,) = audit(books())
    assert (feed.domain, feed.unaccounted, feed.on_the_way, feed.problems) == ("traffic", 0, 0, [])
    assert (feed.readings_in, feed.in_frames, feed.duplicates) == (10, 6, 2)
    assert feed.dead_lettered == {"future": 1, "too_late": 1}
    assert (feed.first_at_ms, feed.last_at_ms) == (40, 90)
    assert feed.positions == [Position(0, 9, 9, 0), Position(1, 7, 7, 0)]


@pytest.mark.parametrize(
    ("path", "by", "said"),
    [
        (("intake:traffic:0", "counts", "readings_in"), 1, "intake, traffic partition 0"),
        (("intake:traffic:1", "counts", "readings_in"), -1, "intake, traffic partition 1"),
        (("zone:traffic:0", "counts", "sources", "1", "taken"), -1, "zones, traffic from inbox partition 1"),
        (("zone:traffic:1", "counts", "processors", "congestion", "used"), 1, "processor congestion"),
    ],
)
def test_a_single_reading_is_missed(path: tuple[str, ...], by: int, said: str):
    changed = books()
    place: Any = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] += by
    (feed,) = audit(changed)
    assert feed.unaccounted == 1
    assert [problem.startswith(said) for problem in feed.problems] == [True]


def test_a_frame_that_was_lost_is_missed_once_the_zones_have_passed_it():
    changed = books()
    lost = changed["zone:traffic:1"]["counts"]
    lost["sources"]["0"] |= {"sent": 0, "taken": 0}
    (feed,) = audit(changed)
    assert (feed.unaccounted, feed.on_the_way) == (2, 0)
    assert "no zone absorbed: off by +2" in feed.problems[0]


def test_what_the_zones_have_not_reached_is_on_the_way():
    changed = books()
    changed["zone:traffic:1"]["counts"]["sources"]["0"] = source(4, 0)
    (feed,) = audit(changed)
    assert (feed.unaccounted, feed.on_the_way) == (0, 2)
    assert feed.positions[0] == Position(0, 9, 4, 2)


def test_before_the_zones_have_saved_anything_all_is_on_the_way():
    changed = {key: book for key, book in books().items() if not key.startswith("zone")}
    (feed,) = audit(changed)
    assert (feed.unaccounted, feed.on_the_way, feed.positions[1].every_stage) == (0, 9, -1)


def test_zones_ahead_of_intakes_book_are_no_loss():
    changed = books()
    for key in ("zone:traffic:0", "zone:traffic:1"):
        changed[key]["counts"]["sources"]["0"] = source(12, 4)
    (feed,) = audit(changed)
    assert (feed.unaccounted, feed.on_the_way) == (0, 0)


def test_no_books_are_no_feeds():
    assert audit({}) == []


PARTITIONS = {
    topics.inbox("traffic"): 2,
    topics.readings("traffic"): 2,
    topics.state("intake", "traffic"): 2,
    topics.state("zone", "traffic"): 2,
}


def test_books_taken_at_any_two_moments_balance(city_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)
    bus = FakeBus(PARTITIONS)
    for second in range(60):
        row = {
            "sensor": f"d{second % 8}",
            "at": 1_699_999_980_000 + second * 1000,
            "speed_km_h": 40,
            "flow_veh_h": 9,
        }
        for value in (json.dumps([row, {**row, "sensor": "nobody"}, row]).encode(), b"rubbish")[: 1 + second % 7 // 6]:
            bus.put(Message(topics.inbox("traffic"), b"", value, second % 2))
    moments: list[dict[str, Any]] = []

    async def story() -> None:
        hosted = [Hosted("congestion", congestion.SPEC, congestion.SPEC.config())]
        intake, zone = FakeHost(IntakeStage(city_folder), bus), FakeHost(ZoneStage(city_folder, hosted), bus)
        await intake.start()
        await zone.start()
        for step in range(60):
            await intake.deliver(topics.inbox("traffic"), step % 2, at_most=3)
            await zone.deliver(topics.readings("traffic"), step // 2 % 2, at_most=2)
            moments.append(copy.deepcopy({**intake.stage.books(), **zone.stage.books()}))
        await intake.drain()
        await zone.drain()
        moments.append(copy.deepcopy({**intake.stage.books(), **zone.stage.books()}))

    asyncio.run(story())
    on_the_way = [sum(feed.on_the_way for feed in audit(moment)) for moment in moments]
    assert [feed.problems for moment in moments for feed in audit(moment) if feed.problems] == []
    assert max(on_the_way) > 0
    assert on_the_way[-1] == 0
    feed = next(feed for feed in audit(moments[-1]) if feed.domain == "traffic")
    # 60 records of 3 readings, one of them by nobody, and 8 of rubbish (seconds 6, 13, … 55)
    assert (feed.readings_in, feed.in_frames, feed.duplicates) == (60 * 3 + 8, 60, 60)
    assert sum(feed.dead_lettered.values()) == 60 + 8

    late = moments[30] | {key: book for key, book in moments[50].items() if key.startswith("intake")}
    early = moments[50] | {key: book for key, book in moments[30].items() if key.startswith("intake")}
    assert [feed.problems for mixed in (late, early) for feed in audit(mixed) if feed.problems] == []
