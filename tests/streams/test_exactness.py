"""A whole run, dirt included, against a plain count; what may happen on its way: `promises/`, `test_digest.py`."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING

from streams.broker import topics
from streams.contract.stage import Message
from tests.streams.stack import READINGS, Fed, Stack, feed

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, records: list[Fed], rubbish: list[Message]) -> Stack:
    """Run everything, with rubbish on an internal topic before."""

    async def story() -> Stack:
        stack = Stack(folder, records)
        await stack.start()
        for message in rubbish:
            stack.bus.put(message)
        await stack.drain()
        return stack

    return asyncio.run(story())


def test_the_books_balance_and_agree_with_a_plain_count(city_folder: Path) -> None:
    records = feed(random.Random(5), with_marks=True)
    books = run(city_folder, records, []).books()
    readings = refused = 0
    distinct = set()
    for _, value, headers in records:
        if headers:
            continue
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        rows = found if isinstance(found, list) else [found]
        readings += max(len(rows), 1)
        refused += 1 if not rows else sum(row is None or row["sensor"] == "nobody" for row in rows)
        distinct |= {(row["sensor"], row["at"]) for row in rows if row and row["sensor"] != "nobody"}
    assert books["readings_in"] == readings
    assert books["undecodable"] + books["empty"] + books["unknown_sensor"] == refused
    assert books["in_frames"] == len(distinct)
    assert readings == books["in_frames"] + books["duplicates"] + books.get("too_late", 0) + refused
    assert books["sent"] == readings - refused


def test_rubbish_on_an_internal_topic_becomes_a_dead_letter_and_changes_nothing(city_folder: Path) -> None:
    records = feed(random.Random(11), with_marks=True)
    unknown = (
        ("frame", b'{"city":"small","zone":"z77","version":"1","source":0,"first":[0,0],"last":[9,9],"mark_ms":1}'),
    )
    rubbish = [
        Message(READINGS, b"", b"rubbish", 0),
        Message(READINGS, b"", b"rubbish", 1, (("frame", b"{}"),)),
        Message(READINGS, b"", b"", 1, unknown),
    ]
    stack = run(city_folder, records, rubbish)
    dead = [one for one in stack.bus.log(topics.DEAD_LETTERS) if dict(one.headers)["reason"] == b"bad_frame"]
    assert sorted(one.value or b"" for one in dead) == [b"", b"rubbish", b"rubbish"]
    assert stack.outcome() == run(city_folder, records, []).outcome()
