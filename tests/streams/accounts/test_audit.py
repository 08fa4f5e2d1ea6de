"""From the inbox to the history's rows: every hour balances, at any moment and after crashes; one reading is missed."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from streams.accounts.balance import account, balance
from streams.broker import topics
from streams.contract.stage import Message
from streams.errors import RowsRefusedError
from streams.sinks.history.opening import open_history
from tests.streams.accounts.audited_city import EXPECTED, HOUR_MS, MINUTE_MS, SPECS, START_MS, Stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streams.accounts.feeds import Feed
    from streams.contract.records import Rows


class CrashError(Exception):
    """Stands for the end of a process."""


def of(feeds: list[Feed], domain: str) -> Feed:
    return next(feed for feed in feeds if feed.domain == domain)


@pytest.fixture
def stack(city_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)
    return Stack(city_folder, open_history(tmp_path / "history.sqlite"))


def whole(stack: Stack) -> None:
    async def run() -> None:
        await stack.restart()
        await stack.drain()

    asyncio.run(run())


def check_hours(stack: Stack) -> None:
    """Each hour alone says what EXPECTED says, and all balance."""
    for hour, (read, in_frames, duplicates, dead) in EXPECTED.items():
        start_ms = START_MS + hour * HOUR_MS
        feed = of(balance(stack.ledger(), start_ms, start_ms + HOUR_MS), "traffic")
        told = (feed.readings_in, feed.in_frames, feed.duplicates, feed.dead_lettered)
        assert told == (read, in_frames, duplicates, dead), hour
        assert (feed.unaccounted, feed.problems, feed.judged_until_ms) == (0, [], None)
    feeds = account(stack.ledger())
    assert [problem for feed in feeds for problem in feed.problems] == []
    assert of(feeds, "traffic").processors["congestion"].in_rows == 5 * 96 + 1
    assert of(feeds, "traffic").processors["slow_traffic"].decided == 5 * 96
    assert of(feeds, "traffic").processors["feed_health"].in_rows == 5 * 96
    weather = of(feeds, "weather").processors["threshold"]
    assert (weather.used, weather.counted, weather.in_rows) == (240, 300, 300)  # one of four stations has two values


def test_every_hour_balances_and_agrees_with_a_count_by_hand(stack: Stack):
    whole(stack)
    check_hours(stack)
    assert len(stack.history.hours()) > 0


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", range(3))
def test_at_any_moment_and_after_any_crash_nothing_is_unaccounted_for(
    stack: Stack, seed: int, monkeypatch: pytest.MonkeyPatch
):
    chance = random.Random(seed)
    write_books = stack.history.write_books

    def maybe_crash(_: Message) -> None:
        if chance.random() < 0.01:
            raise CrashError

    def write_books_or_crash(books: Mapping[str, str]) -> None:
        if chance.random() < 0.1:
            raise CrashError
        write_books(books)

    stack.bus.before_send = maybe_crash
    monkeypatch.setattr(stack.history, "write_books", write_books_or_crash)
    crashes, on_the_way = asyncio.run(troubled(stack, chance))
    assert crashes > 0
    assert on_the_way > 0
    stack.bus.before_send = None
    monkeypatch.setattr(stack.history, "write_books", write_books)
    whole(stack)
    check_hours(stack)


def refuse(stack: Stack, monkeypatch: pytest.MonkeyPatch, entity: str) -> None:
    """Have the history refuse an entity's rows, as a store that does not like its name."""
    write = stack.history.write

    def write_others(rows: Rows) -> int:
        if entity in rows.entity.tolist():
            raise RowsRefusedError("the history does not like it")
        return write(rows)

    monkeypatch.setattr(stack.history, "write", write_others)


@pytest.mark.parametrize(
    ("entity", "processor", "feed", "per_hour"),
    [
        ("s1", "congestion", "traffic", 12),  # its one detector, every five minutes
        ("w0", "threshold", "weather", 24),  # the station with two values
    ],
)
def test_rows_that_the_history_refused_are_in_the_books(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, entity: str, processor: str, feed: str, per_hour: int
):
    refuse(stack, monkeypatch, entity)
    whole(stack)
    feeds = account(stack.ledger())
    assert [problem for one in feeds for problem in one.problems] == []
    found = of(feeds, feed).processors[processor]
    assert found.refused >= 5 * per_hour
    assert found.in_rows + found.refused == found.counted
    hour = of(balance(stack.ledger(), START_MS + 3 * HOUR_MS, START_MS + 4 * HOUR_MS), feed)
    assert (hour.unaccounted, hour.processors[processor].refused) == (0, per_hour)


async def troubled(stack: Stack, chance: random.Random) -> tuple[int, int]:
    """Do things in random order, audit now and then → crashes, and readings that were on their way in the audits."""
    crashes = on_the_way = 0
    await stack.restart()
    for _ in range(400):
        host = chance.choice(stack.hosts)
        try:
            waiting = [one for one, at in host.positions.items() if len(stack.bus.log(*one)) > at]
            if waiting:
                await host.deliver(*chance.choice(waiting), at_most=chance.randint(1, 120))
            if chance.random() < 0.5:
                await host.tick()
                stack.report(host)
        except CrashError:
            crashes += 1
            await stack.restart()
        if chance.random() < 0.1:
            feeds = account(stack.ledger())
            assert [problem for feed in feeds for problem in feed.problems] == []
            on_the_way += sum(feed.on_the_way + feed.to_store for feed in feeds)
    return crashes, on_the_way


def change(path: Path, statement: str, metric: str) -> None:
    """Change one row of the history that counts a reading: of hour 3, minute 10."""
    which = """(window_s, at_ms, series) = (SELECT window_s, at_ms, series FROM final JOIN series ON id = series
        WHERE metric = ? AND window_s = 60 AND at_ms = ? AND count = 1 ORDER BY entity LIMIT 1)"""
    with sqlite3.connect(path) as db:
        changed = db.execute(f"{statement} WHERE {which}", (metric, START_MS + 3 * HOUR_MS + 10 * MINUTE_MS))
        assert changed.rowcount == 1
    db.close()


@pytest.mark.parametrize("statement", ["DELETE FROM final", "UPDATE final SET count = count + 1"])
@pytest.mark.parametrize(
    ("metric", "named"),
    [
        ("tti_ratio", "processor congestion, traffic"),
        ("speed_km_h", "processor congestion, traffic"),
        ("temperature_c", "processor threshold, weather"),
    ],
)
def test_one_changed_row_of_the_history_is_found(stack: Stack, tmp_path: Path, statement: str, metric: str, named: str):
    whole(stack)
    change(tmp_path / "history.sqlite", statement, metric)
    feeds = account(stack.ledger())
    assert sum(feed.unaccounted for feed in feeds) == 1
    (problem,) = [problem for feed in feeds for problem in feed.problems]
    assert problem.startswith(f"{named}, hour ")
    start_ms = START_MS + 3 * HOUR_MS
    assert [feed.problems for feed in balance(stack.ledger(), start_ms, start_ms + 1) if feed.problems] == [[problem]]
    assert not any(feed.unaccounted for feed in balance(stack.ledger(), None, start_ms))
    assert not any(feed.unaccounted for feed in balance(stack.ledger(), start_ms + HOUR_MS, None))


def test_a_row_of_feed_health_is_found_too(stack: Stack, tmp_path: Path):
    whole(stack)
    with sqlite3.connect(tmp_path / "history.sqlite") as db:
        found = db.execute(
            """DELETE FROM final WHERE at_ms = ? AND series =
            (SELECT id FROM series WHERE metric = 'silent_ratio' AND entity = 'feed:traffic:z1')""",
            (START_MS,),
        )
        assert found.rowcount == 1
    db.close()
    feed = of(account(stack.ledger()), "traffic")
    assert feed.unaccounted == 2  # of the two detectors in the zone
    assert [problem.split(",")[0] for problem in feed.problems] == ["processor feed_health"]


def test_a_frame_that_is_lost_on_its_way_is_found(stack: Stack):
    async def run() -> None:
        await stack.restart()
        for source in list(stack.intake.positions):
            while await stack.intake.deliver(*source, at_most=1):
                pass
        log = stack.bus.log(topics.readings("traffic"), 1)
        lost = [place for place, record in enumerate(log) if record.value][100]
        log[lost] = log[lost]._replace(value=log[lost - 1].value, headers=log[lost - 1].headers)
        await stack.drain()

    asyncio.run(run())
    feed = of(account(stack.ledger()), "traffic")
    assert feed.unaccounted == 1
    by_hour = [problem for problem in feed.problems if ", hour " in problem]
    assert [problem.endswith("rows sent to them, less taken: off by +1") for problem in by_hour] == [True]


def test_a_processor_that_joins_later_owes_only_what_it_was_given(stack: Stack):
    async def run() -> None:
        await stack.restart({name: spec for name, spec in SPECS.items() if name != "congestion"})
        while any([await stack.intake.deliver(topics.inbox("traffic"), one, at_most=20) for one in (0, 1)]):
            pass
        for partition in (0, 1):
            await stack.zone.deliver(topics.readings("traffic"), partition, at_most=10)
        await stack.zone.tick()
        await stack.restart()
        await stack.drain()

    asyncio.run(run())
    feed = of(account(stack.ledger()), "traffic")
    assert (feed.unaccounted, feed.problems) == (0, [])
    joined = feed.processors["congestion"]
    assert joined.dropped["joined_later"] > 0
    assert joined.used + sum(joined.dropped.values()) == feed.in_frames == 5 * 96 + 1
