"""Rows that a real InfluxDB refuses stand alone in the dead letters; all others are stored and do not wait for them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from streams.broker import topics
from streams.errors import RowsRefusedError
from streams.sinks.history.influx import InfluxHistory
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.streams.sinks.feed import at_rest
from tests.streams.sinks.influx_server import Door
from tests.streams.sinks.rows import START_MS, TOKEN, frame, row, rows_of, seen
from tests.streams.sinks.troubles import JSON

CONFLICT = (
    b'{"code":"unprocessable entity","message":"failure writing points to database: partial write: field type '
    b'conflict: input field is type float, already exists as type integer dropped=%d"}'
)
NAMELESS = ["", "ends in \\"]
"""Entities that the line protocol cannot write."""


@pytest.fixture
def address(influxd: str, unique: str) -> str:
    return f"{influxd}?org=citywall&bucket={unique}&token={TOKEN}&replay=1"


def someone_else_writes(influxd: str, bucket: str, line: str) -> None:
    with InfluxDBClient(influxd, token=TOKEN, org="citywall") as client:
        client.write_api(write_options=SYNCHRONOUS).write(f"{bucket}_minutes", "citywall", line)


def run(address: str, folder: Path, clock: FakeClock, *frames: list[tuple[object, ...]]) -> FakeHost:
    bus, spill = FakeBus(), Spill(folder / "spill")
    host = FakeHost(HistorySink(lambda: InfluxHistory(address), spill, clock.seconds), bus)

    async def story() -> None:
        await host.start()
        for rows in frames:
            frame(bus, *rows)
        await host.drain()
        await host.tick()
        assert at_rest(host, spill)

    asyncio.run(story())
    spill.close()
    return host


def letters(host: FakeHost) -> list[tuple[str, str]]:
    """Entity and the server's words of each dead letter."""
    found = [(json.loads(one.value), dict(one.headers)) for one in host.bus.log(topics.DEAD_LETTERS)]
    return sorted((body["entity"], headers["detail"].decode()) for body, headers in found)


def stored(address: str, metric: str = "tti_ratio") -> list[str]:
    history = InfluxHistory(address, read_only=True)
    entities = [one[0] for one in seen(history.read(metric))]
    history.close()
    return entities


def test_rows_that_cannot_be_parsed(address: str, tmp_path: Path, clock: FakeClock):
    good = [f"S{i:03}" for i in range(200)]
    mixed = [row(name) for name in [*good[:60], NAMELESS[0], *good[60:130], NAMELESS[1], *good[130:]]]
    host = run(address, tmp_path, clock, mixed[:100], mixed[100:])
    assert [name for name, _ in letters(host)] == NAMELESS
    assert all("unable to parse" in why for _, why in letters(host))
    assert stored(address) == good


def test_a_measurement_with_another_type_in_it(
    address: str, influxd: str, unique: str, tmp_path: Path, clock: FakeClock
):
    InfluxHistory(address).close()  # makes the buckets
    someone_else_writes(influxd, unique, f"tti_ratio,entity=X,window=60 value=1i {START_MS * 10**6}")
    rows = [row("S1"), row("S2", metric="speed_km_h"), row("S3", value=float("nan")), row("S4", minute=60 * 24 * 30)]
    host = run(address, tmp_path, clock, rows)
    assert [name for name, _ in letters(host)] == ["S1"]
    assert "field type conflict" in letters(host)[0][1]
    assert stored(address, "speed_km_h") == ["S2"]
    history = InfluxHistory(address, read_only=True)
    assert history.read("tti_ratio").entity.tolist() == ["S3", "S4"]  # no value; a shard of its own; X has no sums
    history.close()


def test_a_server_that_dislikes_everything_for_a_while_gets_the_next_rows(
    door: Door, unique: str, tmp_path: Path, clock: FakeClock
):
    address = f"{door.url}?org=citywall&bucket={unique}&token={TOKEN}&replay=1"
    InfluxHistory(address).close()
    door.answer = (422, JSON, CONFLICT % 8)
    host = run(address, tmp_path, clock, [row(f"S{i}") for i in range(8)])
    assert [name for name, _ in letters(host)] == [f"S{i}" for i in range(8)]
    assert door.refused == 2  # all eight at once, as it says, and the word that they were refused
    door.answer = None
    run(address, tmp_path, clock, [row("S9")])
    assert stored(address) == ["S9"]


def test_how_many_are_refused_is_told_where_the_server_tells_it(door: Door, unique: str):
    history = InfluxHistory(f"{door.url}?org=citywall&bucket={unique}&token={TOKEN}&replay=1")
    for body, count in ((CONFLICT % 3, 3), (b'{"code":"unprocessable entity","message":"dropped=2 of S"}', None)):
        door.answer = (422, JSON, body)
        with pytest.raises(RowsRefusedError) as refused:
            history.write(rows_of(row()))
        assert refused.value.count == count
    history.close()
