"""Packed records hold more than they weigh: what is taken in one go holds no more than a run of plain ones."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from streams.broker import topics
from streams.contract.stage import RUN_BYTES, Message, Record
from streams.domains.schema import load_schemas
from streams.intake.decode import decode_slow
from streams.intake.intake_stage import IntakeStage
from streams.intake.parts import parts
from tests.fakes import FakeBus, FakeClock, FakeHost, framed_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

NOW_MS = 1_700_000_000_000
INBOX = topics.inbox("traffic")
MIB = 2**20
ONE = b'{"sensor":"d1","at":1700000000001}'
TWO_MIB = gzip.compress(b" " * (2 * MIB), mtime=0)
FULL = gzip.compress(b" " * (8 * MIB), mtime=0)
BOMB = gzip.compress(b" " * (64 * MIB), mtime=0)
LIAR = gzip.compress(b" " * MIB, mtime=0)[:-4] + bytes(4)
"""It says that it holds nothing."""


def records(values: Sequence[bytes | None]) -> list[Record]:
    return [Record(offset, None, value, NOW_MS, ()) for offset, value in enumerate(values)]


class Noting(FakeBus):
    """Notes how much goes out at a time."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sent_bytes: list[int] = []

    async def send(self, messages: Iterable[Message]) -> None:
        messages = list(messages)
        self.sent_bytes.append(sum(len(one.value or b"") for one in messages))
        await super().send(messages)


HELD = pytest.mark.parametrize("held", [list, framed_records], ids=["records", "framed"])


@HELD
@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        ([ONE], [1]),
        ([ONE, None, b"", b"\x1f", b"\x1f\x8b"], [5]),
        ([ONE * 100_000] * 2, [2]),  # plain: the transport has cut them
        ([TWO_MIB] * 5, [2, 2, 1]),  # 4 of 5 MiB, and no more
        ([ONE, TWO_MIB, ONE, ONE, TWO_MIB, ONE, TWO_MIB], [6, 1]),
        ([TWO_MIB, FULL, ONE, TWO_MIB], [1, 2, 1]),  # more than a run holds alone
        ([FULL, FULL], [1, 1]),
        ([BOMB, TWO_MIB, BOMB], [1, 1, 1]),  # no more than eight MiB of it are ever inflated
        ([gzip.compress(b"", mtime=0)] * 3, [3]),
    ],
)
def test_a_part_holds_a_run_at_most_or_one_record(
    values: list[bytes | None], sizes: list[int], held: Callable[[list[Record]], Sequence[Record]]
) -> None:
    found = list(parts(held(records(values))))
    assert [len(part) for part in found] == sizes
    assert [record.offset for part in found for record in part] == list(range(len(values)))


def test_a_record_that_says_too_little_holds_nothing() -> None:
    assert zlib.decompressobj(wbits=31).decompress(LIAR[:-8]) == b" " * MIB
    (refused,) = decode_slow(LIAR, load_schemas()["traffic"]).refused
    assert (refused.reason, refused.payload) == ("undecodable", LIAR)


@pytest.mark.parametrize("framed", [False, True], ids=["plain", "kernel"])
def test_what_a_chunk_of_packed_records_holds_is_sent_a_part_at_a_time(city_folder: Path, framed: bool) -> None:
    """Seven records of 2 MiB that nobody can use, each a dead letter: two go out at a time, and none is lost."""
    bus = Noting({}, FakeClock(NOW_MS))
    junk = b'{"sensor":"nobody","at":1700000000000,"note":"' + b"0" * (2 * MIB) + b'"}'
    for _ in range(7):
        bus.put(Message(INBOX, b"", gzip.compress(junk, mtime=0), 0))
    bus.put(Message(INBOX, b"", gzip.compress(ONE.replace(b"d1", b"d2"), mtime=0), 0))

    async def run() -> IntakeStage:
        host = FakeHost(IntakeStage(city_folder, kernel=framed), bus, framed=framed)
        await host.start()
        assert await host.deliver(INBOX)
        return host.stage

    stage = asyncio.run(run())
    assert max(bus.sent_bytes) < RUN_BYTES
    assert [one.value for one in bus.log(topics.DEAD_LETTERS)] == [junk] * 7
    counts = stage.books()["intake:traffic:0"]["counts"]
    assert (counts["readings_in"], counts["dead_lettered"], counts["sent"]) == (8, {"unknown_sensor": 7}, 1)
