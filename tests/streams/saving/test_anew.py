"""What is rebuilt shares the event loop, and what it finds is sent by whom nobody has heard."""

from __future__ import annotations

import asyncio

import msgspec

from streams.broker import topics
from streams.contract.records import Detection
from streams.contract.stage import Message
from streams.saving.anew import SLICE_S, Slices, Unsent


class Steps:
    """A clock on which each look takes the next time."""

    def __init__(self, *times_s: float) -> None:
        self._times_s = list(times_s)

    def __call__(self) -> float:
        return self._times_s.pop(0)


def test_others_have_their_turn_after_each_slice_and_the_time_ends():
    async def story() -> list[tuple[bool, int]]:
        others = 0

        async def another() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(another())
        # begin; within the slice; at its end, from where the next counts; within that; at the end of all
        slices = Slices(Steps(0.0, SLICE_S / 2, SLICE_S, SLICE_S, 1.5 * SLICE_S, 1.0), 1.0)
        found = [(await slices.over(), others) for _ in range(4)]
        task.cancel()
        return found

    assert asyncio.run(story()) == [(False, 0), (False, 1), (False, 1), (True, 1)]


def found(processor: str, entity: str, level: int) -> Message:
    one = Detection(
        city="c",
        domain="traffic",
        kind="slow",
        entity=entity,
        zone="z",
        at_ms=1,
        level=level,  # type: ignore[arg-type] - 0 or 1
        processor=processor,
    )
    return Message(topics.DETECTIONS, entity.encode(), msgspec.json.encode(one), 0)


def test_the_newest_of_each_entity_is_sent_in_the_order_found_where_nobody_was_there():
    unsent = Unsent()
    began, other, ended = found("p", "a", 1), found("p", "b", 1), found("p", "a", 0)
    unsent.hear(3, [began, Message(topics.METRICS, b"", b"no detection", 0)])
    unsent.hear(4, [other])
    unsent.hear(5, [ended, found("q", "c", 1)])
    assert unsent.of({"p": 0}) == [other, ended]
    assert unsent.of({"p": 5}) == [ended]
    assert unsent.of({"p": 6, "r": 0}) == []
