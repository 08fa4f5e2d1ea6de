"""The way to the store: tried later and later, opened anew after trouble, said once when lost and once when back."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from streams.errors import RefusedError, ServerError, UnreachableError
from streams.sinks.history import reach
from streams.sinks.history.reach import Reach, retry_s
from streams.sinks.history.sqlite import SqliteHistory
from tests.fakes import FakeClock


@pytest.mark.parametrize(
    ("error", "failures", "least_s", "most_s"),
    [
        (UnreachableError("away"), 1, 0.125, 0.25),
        (UnreachableError("away"), 4, 1.0, 2.0),  # 0.25 x 2^3
        (UnreachableError("away"), 10_000, 5.0, 10.0),
        (UnreachableError("busy", retry_after_s=7.0), 1, 7.0, 7.0),
        (UnreachableError("busy", retry_after_s=86_400.0), 1, 300.0, 300.0),
        (RefusedError("no token"), 1, 15.0, 30.0),
    ],
)
def test_retries_come_later_and_later_and_apart(error: ServerError, failures: int, least_s: float, most_s: float):
    assert [retry_s(error, failures, chance) for chance in (0.0, 1.0)] == [least_s, most_s]


TROUBLES = (UnreachableError("gone"), UnreachableError("?"), RefusedError("who are you"), RefusedError("?"))


def test_it_is_said_once_when_it_is_lost_and_once_when_it_is_back(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    clock, opened = FakeClock(), []
    errors: list[ServerError | None] = [None]

    def open_store() -> SqliteHistory:
        opened.append(1)
        return SqliteHistory(tmp_path / "history.sqlite")

    def work(_: object) -> str:
        if errors[0] is not None:
            raise errors[0]
        return "done"

    async def story() -> None:
        way = Reach(open_store, clock.seconds, lambda: 1.0)
        assert await way.attempt(work) == "done"
        for error in TROUBLES:
            errors[0] = error
            assert await way.attempt(work) is None
            assert way.away
            assert not way.due
            clock.advance(reach.REFUSED_RETRY_S)
            assert way.due
        errors[0] = None
        assert await way.attempt(work) == "done"
        assert not way.away
        way.close()

    with caplog.at_level(logging.WARNING, "citywall"):
        asyncio.run(story())
    assert [record.getMessage().split(".")[0] for record in caplog.records] == [
        "gone",
        "who are you",
        "the history is back",
    ]
    assert len(opened) == 5  # at first, and after each of four errors
