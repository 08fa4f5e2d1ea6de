"""A day of Aarhus through intake, zone stage and second level equals a plain pandas computation, and its books balance.

The stages run on topics in memory here: what is tested is what they compute. tests/streams/feeds has a real broker.
"""

import asyncio
import time
import zlib
from collections import Counter, defaultdict
from datetime import UTC, datetime

import pandas as pd
import pytest

from deploy.config.components import discover
from streams.broker import topics
from streams.city.registry import load_city
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import ROW_TYPES
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.feeds.aarhus import prepare
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeHost
from tests.integration import aarhus_pandas as plain

DAY = "2014-08-20"
HOUR_MS = 3_600_000
RELATIVE = 1e-6
NEAR_ZERO = {"delay_s": 1e-6, "tpi": 1e-6}
"""What is a difference of nearly equal numbers cannot be held to a share of itself: in the metric's unit."""


@pytest.fixture(scope="module")
def data():
    if not plain.DATA.is_dir():
        pytest.skip(f"the files of Aarhus are missing: put CityPulse's into {plain.DATA}")
    return plain.DATA


class Day:
    """A period of Aarhus after it went through the pipeline."""

    def __init__(self, data, folder, day, partitions=2, rows_per_record=1_000, chunk=1_000):
        self.plan = prepare(data, folder, at=datetime.fromisoformat(day).replace(tzinfo=UTC))
        self.bus = FakeBus({topics.inbox("traffic"): partitions, topics.readings("traffic"): partitions})
        self.city = load_city(folder)
        self._feed(partitions, rows_per_record)
        asyncio.run(self._run(folder, chunk))
        frames = [decode_metrics(record.value) for record in self.bus.log(topics.METRICS) if record.value]
        parts = [
            pd.DataFrame({name: getattr(frame.rows, name) for name in ROW_TYPES}) for frame in frames if len(frame.rows)
        ]
        self.rows = pd.concat(parts, ignore_index=True)

    def _feed(self, partitions, rows_per_record):
        """What the feed sends: the rows of a stamp, then the mark of the next stamp; a last mark two hours on."""
        waiting, before_ms = defaultdict(list), None

        def send():
            for (domain, partition), values in waiting.items():
                for start in range(0, len(values), rows_per_record):
                    value = b"\n".join(values[start : start + rows_per_record])
                    self.bus.put(Message(topics.inbox(domain), b"", value, partition))
            waiting.clear()

        def mark(at_ms):
            for domain in self.plan.rows:
                for partition in range(partitions if domain == "traffic" else 1):
                    self.bus.put(Message(topics.inbox(domain), b"", b"", partition, (("mark", b"%d" % at_ms),)))

        for row in self.plan.read():
            if row.at_ms != before_ms:
                send()
                mark(row.at_ms)
                before_ms = row.at_ms
            partition = zlib.crc32(row.sensor.encode()) % partitions if row.domain == "traffic" else 0
            waiting[row.domain, partition].append(row.value)
        send()
        mark(-(-(self.plan.last_at_ms + 2 * HOUR_MS) // HOUR_MS) * HOUR_MS)

    async def _run(self, folder, chunk):
        hosted = [Hosted(name, spec, spec.config()) for name, spec in discover().items()]
        first = [one for one in hosted if not one.spec.second_level]
        second = [one for one in hosted if one.spec.second_level]
        self.books = {}
        for stage in (IntakeStage(folder), ZoneStage(folder, first), SecondLevelStage(folder, second)):
            host = FakeHost(stage, self.bus)
            await host.start()
            for source in host.positions:
                while await host.deliver(*source, at_most=chunk):
                    pass
            until = time.monotonic() + 10
            while any(host.committed[source] < host.positions[source] for source in host.positions):
                assert time.monotonic() < until
                await host.tick()
                await asyncio.sleep(0.05)
            self.books.update(stage.books())

    def counts(self, stage, domain, *path):
        """Counters of a stage's books, added up over its partitions."""
        total = Counter()
        for book in self.books.values():
            if (book["stage"], book["domain"]) == (stage, domain):
                found = book["counts"]
                for name in path:
                    found = found.get(name, {})
                total.update({name: count for name, count in found.items() if isinstance(count, int)})
        return dict(+total)

    def measure(self, metric, window_s):
        """The newest revision of a metric: index (entity, at), value."""
        rows = self.rows[
            (self.rows["metric"] == metric) & (self.rows["window_s"] == window_s) & self.rows["value"].notna()
        ]
        newest = rows.sort_values("revision").drop_duplicates(["entity", "at_ms"], keep="last")
        at = pd.to_datetime(newest["at_ms"], unit="ms").astype("datetime64[us]")
        return newest.set_index([newest["entity"], at.rename("at")])["value"].sort_index()


@pytest.fixture(scope="module")
def day(data, tmp_path_factory):
    return Day(data, tmp_path_factory.mktemp("aarhus"), DAY)


@pytest.fixture(scope="module")
def minutes(data):
    return plain.travel(plain.rows_of(DAY, plain.ALL_LINKS))


def agree(found, expected, absolute=0.0):
    """Both have values for the same (entity, at), within the tolerance."""
    expected = expected.dropna()
    expected.index = expected.index.set_names(["entity", "at"])
    assert set(found.index) == set(expected.index)
    assert len(found) == len(expected) > 0
    both = pd.DataFrame({"found": found, "expected": expected})
    far = both[(both["found"] - both["expected"]).abs() > RELATIVE * both["expected"].abs() + absolute]
    assert far.empty, far.head().to_string()


def of_links(found):
    return found[[":" not in entity for entity, _ in found.index]]


def sums_of(minutes, who, floor):
    """The sums of links, or of zones and city, in windows of that length."""
    if who == "links":
        return plain.sums(minutes, "link", floor)
    zones = minutes.assign(link=minutes["link"].map(who))
    return pd.concat([plain.sums(part, "link", floor) for part in (zones, minutes.assign(link="city:aarhus"))])


@pytest.mark.parametrize(("window_s", "floor"), [(60, "min"), (3600, "h")])
@pytest.mark.parametrize("metric", ["tti_ratio", "speed_km_h", "delay_s"])
def test_links(day, minutes, metric, window_s, floor):
    sums = sums_of(minutes, "links", floor)
    expected = plain.delay_of_links(sums) if metric == "delay_s" else plain.measured(sums)[metric]
    agree(of_links(day.measure(metric, window_s)), expected, NEAR_ZERO.get(metric, 0))


@pytest.mark.parametrize(("window_s", "floor"), [(60, "min"), (3600, "h")])
@pytest.mark.parametrize("metric", ["tti_ratio", "speed_km_h", "delay_s", "tpi"])
def test_zones_and_city(day, minutes, metric, window_s, floor):
    zone_of = {segment.id: f"zone:{day.city.zones[segment.zone].id}" for segment in day.city.segments}
    found = day.measure(metric, window_s)
    expected = plain.measured(sums_of(minutes, zone_of, floor))[metric]
    if metric == "tpi" and floor == "min":
        expected = expected[expected.index.isin(covered(day))]
    agree(found[[":" in entity for entity, _ in found.index]], expected, NEAR_ZERO.get(metric, 0))


def test_coverage_of_the_citys_hours_is_the_share_of_reports_that_came(day):
    came, owed = reports(day)
    hour = came.index.get_level_values("at").floor("h")
    expected = came.groupby(hour).sum() / owed.groupby(hour).sum()
    found = day.rows.query("metric == 'tti_ratio' and entity == 'city:aarhus' and window_s == 3600")
    assert found["coverage_ratio"].tolist() == pytest.approx(expected.tolist(), abs=0.002)


def reports(day):
    """Per zone and stamp: reports that came, and those owed: one a link at each stamp when its zone spoke."""
    rows = plain.rows_of(DAY, plain.ALL_LINKS)
    zone_of = {segment.id: f"zone:{day.city.zones[segment.zone].id}" for segment in day.city.segments}
    came = rows.groupby([rows["REPORT_ID"].astype(str).map(zone_of).rename("link"), "at"]).size()
    owed = came.index.get_level_values("link").map(pd.Series(zone_of).value_counts())
    return came, pd.Series(owed, came.index)


def covered(day):
    """The zones' and the city's minutes of which 60 % of the reports came: there is a TPI."""
    came, owed = reports(day)
    shares = came / owed
    city = came.groupby("at").sum() / owed.groupby("at").sum()
    city.index = pd.MultiIndex.from_product([["city:aarhus"], city.index], names=["link", "at"])
    both = pd.concat([shares, city])
    return both[both >= 0.6].index


def test_books_of_the_day_are_those_of_the_files(day):
    traffic, weather = plain.rows_of(DAY, plain.ALL_LINKS), plain.rows_of(DAY, plain.WEATHER)
    check_books(day, "traffic", len(traffic), 0, {})
    check_books(day, "weather", len(weather), 0, {})
    standing = traffic["vehicleCount"] == 0
    speechless = ~standing & (traffic["avgSpeed"] == 0)
    assert day.counts("zone", "traffic", "processors", "congestion", "dropped") == {
        reason: int(rows.sum()) for reason, rows in (("no_vehicles", standing), ("no_speed", speechless)) if rows.any()
    }


def check_books(day, domain, rows, duplicates, dead):
    taken = day.counts("intake", domain)
    admitted = day.counts("zone", domain)
    assert taken["readings_in"] == rows
    assert day.counts("intake", domain, "dead_lettered") == dead
    assert admitted.get("duplicates", 0) == duplicates
    assert admitted["in_frames"] == rows - duplicates - sum(dead.values())
    assert admitted.get("too_late", 0) == 0


def test_books_of_a_day_with_repeated_rows(data, tmp_path):
    rows = plain.rows_of("2014-08-18", plain.SEVENTY_LINKS)
    repeats = int(rows.duplicated(["REPORT_ID", "TIMESTAMP"]).sum())
    assert repeats > 0
    assert not rows.drop_duplicates().duplicated(["REPORT_ID", "TIMESTAMP"]).any()  # each says what the first said
    day = Day(data, tmp_path, "2014-08-18")
    check_books(day, "traffic", len(rows), repeats, {})
    assert day.counts("zone", "traffic").get("conflicts", 0) == 0


def test_books_of_a_day_of_parking_with_garages_beyond_their_walls(data, tmp_path):
    rows = plain.rows_of("2014-07-30", plain.PARKING, "updatetime")
    overfull = int((rows["vehiclecount"] / rows["totalspaces"] > 1.2).sum())
    day = Day(data, tmp_path, "2014-07-30")
    assert day.plan.rows == {"parking": len(rows)}
    assert overfull > 0
    check_books(day, "parking", len(rows), 0, {})
    assert day.counts("intake", "parking", "refused_values", "occupancy_ratio") == {"out_of_range": overfull}


def test_other_chunks_and_partitions_give_the_same_bytes(day, data, tmp_path):
    other = Day(data, tmp_path, DAY, partitions=3, rows_per_record=17, chunk=71)
    assert exported(other) == exported(day)


def exported(day):
    """The newest revision of every row, sorted, as bytes."""
    identity = ["metric", "window_s", "entity", "at_ms"]
    newest = day.rows.sort_values("revision").drop_duplicates(identity, keep="last").sort_values(identity)
    return newest.to_csv(index=False).encode()
