"""A plan's rows reach the inbox once each, in order of event time, no mark runs ahead, and kills change nothing."""

import json
import subprocess
import sys
import threading
import time

import msgspec
import pytest

from deploy.embedded import kafka as embedded
from streams.broker import topics
from streams.city.clock import ClockSetting, read_clock
from streams.domains.schema import load_schemas
from streams.errors import RefusedError
from streams.feeds import recorded
from streams.feeds.aarhus import prepare
from streams.feeds.replay.running import run_replay
from tests.small_city import write_small_city
from tests.topic import records_of
from tests.waiting import until

META = (
    "POINT_1_NAME,POINT_2_NAME,NDT_IN_KMH,POINT_1_POSTAL_CODE,POINT_1_LAT,POINT_1_LNG,"
    "POINT_2_LAT,POINT_2_LNG,ROAD_TYPE,REPORT_ID,DISTANCE_IN_METERS"
)
LINKS = 40
STAMPS = 30
FIRST_MS = 1_577_836_800_000  # 2020-01-01T00:00Z
LAST_MS = FIRST_MS + (STAMPS - 1) * 10_000
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty links, a row each every ten seconds for five minutes; one row stands there twice."""
    folder = tmp_path_factory.mktemp("files")
    links = [f"{i},{i + 1},50,8000,56.1,{10 + i / 100},56.1,{10 + (i + 1) / 100},ROAD,{i},500" for i in range(LINKS)]
    (folder / "meta.csv").write_text("\n".join([META, *links]))
    stamps = [f"2020-01-01T00:{s // 6:02}:{s % 6}0" for s in range(STAMPS)]
    rows = [f"{10 + i},{stamp},{s},60,{i}" for i in range(LINKS) for s, stamp in enumerate(stamps)]
    header = "avgSpeed,TIMESTAMP,vehicleCount,avgMeasuredTime,REPORT_ID"
    (folder / "traffic.csv").write_text("\n".join([header, *rows, rows[7]]))
    return folder


@pytest.fixture(scope="module")
def broker(tmp_path_factory, cache):
    with embedded.running(tmp_path_factory.mktemp("kafka"), cache) as running:
        topics.ensure_topics(running.address, {"traffic": 3})
        yield running.address


def inbox(broker, run):
    """Return (partition, offset, value, headers) of this run's records."""
    return [
        (record.partition, record.offset, record.value, dict(record.headers))
        for record in records_of(broker, topics.inbox("traffic"))
        if dict(record.headers)["row"].startswith(run.encode())
    ]


def wait_for_rows(broker, run, count=1):
    """Wait until so many records with rows of a run are in the inbox."""
    until(lambda: len([value for _, _, value, _ in inbox(broker, run) if value]) >= count, 120)


def check(records, plan):
    """Every row once, each link in one partition and in order; no mark ahead of a row that follows it."""
    rows, home = [], {}
    for partition in {record[0] for record in records}:
        marked = None
        for _, _, value, headers in (record for record in records if record[0] == partition):
            if value == b"":
                assert marked is None or int(headers["mark"]) > marked
                marked = int(headers["mark"])
                continue
            for line in value.split(b"\n"):
                row = json.loads(line)
                assert marked is not None
                assert row["at"] >= marked
                assert home.setdefault(row["sensor"], partition) == partition
                rows.append(line)
        assert marked == FIRST_MS + 3 * 3_600_000  # two hours after the last row, at a full hour
    sent = [row.value for row in plan.read()]
    assert len(rows) == len(sent) == LINKS * STAMPS + 1
    assert sorted(rows) == sorted(sent)
    for sensor in home:
        word = f'"{sensor}"'.encode()
        assert [row for row in rows if word in row] == [row for row in sent if word in row]


def test_full_speed_sends_every_row_once_in_order(folder, broker, tmp_path):
    plan = prepare(folder, tmp_path)
    run_replay(plan, broker, speed=None, data=tmp_path, stop=threading.Event())
    check(inbox(broker, plan.run), plan)
    done = json.loads((tmp_path / "feed_done.json").read_bytes())
    assert done == {"run": plan.run, "rows": {"traffic": 1201}, "final_mark_ms": FIRST_MS + 3 * 3_600_000}
    clock = msgspec.json.decode(records_of(broker, topics.CLOCK)[-1].value, type=ClockSetting)
    assert clock.at(clock.wall_ms) == clock.at(clock.wall_ms + 10**9) == LAST_MS


def test_second_start_of_a_finished_run_adds_no_row(folder, broker, tmp_path):
    plan = prepare(folder, tmp_path)
    for _ in range(2):
        run_replay(plan, broker, speed=None, data=tmp_path, stop=threading.Event())
    values = [value for _, _, value, _ in inbox(broker, plan.run) if value]
    assert sum(value.count(b"\n") + 1 for value in values) == 1201


def test_paced_rows_go_out_when_the_clock_reaches_them(folder, broker, tmp_path):
    plan = prepare(folder, tmp_path)
    began = time.monotonic()
    run_replay(plan, broker, speed=100.0, data=tmp_path, stop=threading.Event())
    assert time.monotonic() - began >= (LAST_MS - FIRST_MS) / 1000 / 100
    check(inbox(broker, plan.run), plan)
    clock = read_clock(records_of(broker, topics.CLOCK)).settings[-1]
    assert (clock.at_ms, clock.speed, clock.until_ms) == (FIRST_MS, 100.0, LAST_MS)
    sent_ms = {}
    for record in records_of(broker, topics.inbox("traffic")):
        if dict(record.headers)["row"].startswith(plan.run.encode()) and record.value:
            for line in record.value.split(b"\n"):
                sent_ms[json.loads(line)["at"]] = record.timestamp
    assert all(at_ms <= clock.at(wall_ms) + 1 for at_ms, wall_ms in sent_ms.items())  # both by the broker's clock
    assert len(set(sent_ms.values())) > STAMPS // 2  # not in one burst


def test_stop_leaves_the_rest_for_the_next_start(folder, broker, tmp_path):
    plan = prepare(folder, tmp_path)
    stop = threading.Event()
    watcher = threading.Thread(target=lambda: (wait_for_rows(broker, plan.run), stop.set()))
    watcher.start()
    run_replay(plan, broker, speed=20.0, data=tmp_path, stop=stop)  # 14 s of rows
    watcher.join()
    assert not (tmp_path / "feed_done.json").exists()
    run_replay(plan, broker, speed=None, data=tmp_path, stop=threading.Event())
    assert (tmp_path / "feed_done.json").exists()
    check(inbox(broker, plan.run), plan)


def test_killed_feed_goes_on_with_the_next_row(folder, broker, tmp_path):
    plan = prepare(folder, tmp_path)
    script = (
        "import sys, threading; from pathlib import Path; from streams.feeds.replay import running, saved; "
        "print('up', flush=True); data = Path(sys.argv[1]); "
        "running.run_replay(saved.load(data), sys.argv[2], speed=10.0, data=data, stop=threading.Event())"
    )
    for more in (1, 20, 45):  # of some 90
        with subprocess.Popen([sys.executable, "-c", script, str(tmp_path), broker], stdout=subprocess.PIPE) as feed:
            feed.stdout.readline()
            wait_for_rows(broker, plan.run, more)
            assert feed.poll() is None
            feed.kill()
    run_replay(plan, broker, speed=None, data=tmp_path, stop=threading.Event())
    check(inbox(broker, plan.run), plan)


def test_missing_topic_is_named(folder, broker, tmp_path):
    plan = msgspec.structs.replace(prepare(folder, tmp_path), rows={"gossip": 1})
    with pytest.raises(RefusedError, match=r"no topic city\.inbox\.v1\.gossip"):
        run_replay(plan, broker, speed=None, data=tmp_path, stop=threading.Event())


def test_records_go_out_as_they_stood_and_marks_stay_behind_by_the_domains_disorder(broker, tmp_path):
    folder = write_small_city(tmp_path / "recorded")
    one, two = ({"sensor": f"d{i}", "at": FIRST_MS + 1000 * i, "speed_km_h": 30} for i in (0, 1))
    three = {"sensor": "d0", "at": FIRST_MS + 60_000, "speed_km_h": 30}
    lines = [json.dumps(one), json.dumps([{**one, "at": FIRST_MS + 500}, two]), "rubbish", json.dumps(three)]
    (folder / "traffic.ndjson").write_text("\n".join(lines))
    plan = recorded.prepare(folder, tmp_path / "city")
    run_replay(plan, broker, speed=None, data=tmp_path, stop=threading.Event())
    found = inbox(broker, plan.run)
    values = [value.decode() for _, _, value, _ in found if value]
    # in d0's partition the array goes between the two objects, so that neither shares a record with it
    assert sorted(values) == sorted(lines)
    disorder_ms = load_schemas()["traffic"].disorder_ms
    marks = {int(headers["mark"]) for _, _, value, headers in found if not value}
    assert marks == {FIRST_MS - disorder_ms, FIRST_MS + 3 * 3_600_000 - disorder_ms}
    assert all("exact" in headers for _, _, value, headers in found if not value)
