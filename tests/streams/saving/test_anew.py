"""What a rebuild finds is sent by whom nobody has heard."""

from __future__ import annotations

import msgspec

from streams.broker import topics
from streams.contract.records import Detection
from streams.contract.stage import Message
from streams.saving.anew import Unsent


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
