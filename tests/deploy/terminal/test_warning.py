"""`citywall warn` on a real broker with the alarm engine: journaled, valid, and a drill that says that it is one."""

import json
import sys
import time
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer
from lxml import etree

from alerts.releasing import Warnings
from deploy.embedded import kafka as embedded
from deploy.supervision.process import start, stop
from deploy.terminal.cli import main
from streams.alarms.asking import row_of
from streams.broker.topics import ALARMS, DETECTIONS, JOURNAL, ensure_topics
from streams.contract.records import Detection
from tests.receiving import endpoint
from tests.runs import run_of
from tests.small_city import write_small_city
from tests.topic import records_of
from tests.waiting import PROCESSES_WITHIN_S, until

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = etree.XMLSchema(etree.parse(ROOT / "tests" / "alerts" / "vendor" / "CAP-v1.2.xsd"))
WARNINGS = Warnings(sender="duty@small.example", sender_name_zh="小城应急局", sender_name_en="Small Emergency Bureau")
SAID = ("--who", "李敏", "--desk", "1", "--instruction-zh", "请勿驶入。", "--instruction-en", "Do not enter.")


def write_run(folder, mode, kafka="127.0.0.1:1", **warnings):
    run_of(folder, mode=mode, kafka=kafka, warnings=msgspec.structs.replace(WARNINGS, **warnings)).write()


def warn(folder, alarm, *more):
    return main(["warn", alarm, "--data", str(folder), *SAID, *more])


@pytest.mark.parametrize("mode", ["simulated", "replay"])
def test_what_is_not_real_warns_nobody_in_earnest(tmp_path, capsys, mode):
    write_run(tmp_path, mode)
    assert warn(tmp_path, "a", "--status", "actual") == 2
    assert "which warns nobody in earnest; give exercise or test" in capsys.readouterr().err


def test_without_a_sender_nobody_is_warned(tmp_path, capsys):
    write_run(tmp_path, "live", sender="")
    assert warn(tmp_path, "a", "--status", "actual") == 2
    assert "[warnings] sender" in capsys.readouterr().err


def alarms(kafka):
    newest = {record.key.decode(): record.value for record in records_of(kafka, ALARMS)}
    return [name for name, value in newest.items() if value is not None]


def journaled(kafka):
    records = [json.loads(record.value) for record in records_of(kafka, JOURNAL)]
    events = [event for record in records for event in record["events"]]
    return [event["command"] for event in events if (event.get("command") or {}).get("action") == "warn"]


def valid(path):
    document = etree.fromstring(path.read_bytes())
    SCHEMA.assertValid(document)
    return {one.tag.rpartition("}")[2]: one.text for one in document.iter()}, path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def living(tmp_path_factory, cache):
    """A city with its alarm engine, one open alarm, and a receiver of its warnings."""
    folder = tmp_path_factory.mktemp("warning")
    write_small_city(folder / "city")
    with embedded.running(folder / "kafka", cache) as broker, endpoint(b"taken") as receiver:
        ensure_topics(broker.address)
        write_run(folder, "simulated", broker.address)
        log = folder / "alarms.log"
        command = [sys.executable, "-m", "deploy.parts", "alarms", "--data", str(folder)]
        engines = []

        def supervise():
            if not engines or engines[-1].poll() is not None:  # a starved broker gives topics no leader
                engines.append(start(command, log, bind=True, env={"PYTHONPATH": str(ROOT)}))

        try:
            supervise()
            now_ms = time.time_ns() // 1_000_000
            found = {"city": "small", "domain": "water", "kind": "underpass_flooding", "entity": "s1", "zone": "z1"}
            one = Detection(at_ms=now_ms, known_at_ms=now_ms, level=1, **found)
            producer = KafkaProducer(bootstrap_servers=broker.address, acks="all")
            producer.send(DETECTIONS, msgspec.json.encode(one), b"s1").get(30)
            producer.close()
            [alarm] = until(lambda: alarms(broker.address), PROCESSES_WITHIN_S, meanwhile=supervise, said=log.read_text)
            yield folder, broker.address, alarm, receiver
        finally:
            for engine in engines:
                stop(engine, 5.0)


@pytest.mark.timeout(900)
def test_an_exercise_is_journaled_and_says_in_both_languages_that_it_is_one(living, capsys):
    folder, kafka, alarm, _ = living
    write_run(folder, "simulated", kafka)
    assert warn(folder, alarm, "--status", "exercise", "--out", str(folder / "a.xml")) == 0, capsys.readouterr().err
    said, text = valid(folder / "a.xml")
    assert (said["status"], said["msgType"], said["sender"]) == ("Exercise", "Alert", "duty@small.example")
    for name in ("headline", "event"):
        assert f"<{name}>【演练】" in text
        assert f"<{name}>[EXERCISE] " in text
    for name in ("description", "instruction"):
        assert f"<{name}>这是演练，并非真实预警。" in text
        assert f"<{name}>This is an exercise, not a real warning. " in text
    command = journaled(kafka)[-1]
    assert (command["message"], command["status"]) == (said["identifier"], "Exercise")
    assert (command["who"], command["desk"], command["role"]) == ("李敏", "1", "supervisor")


@pytest.mark.timeout(900)
def test_an_actual_one_of_a_living_city_is_posted_updated_and_called_off_by_its_own_kind_only(living, capsys):
    folder, kafka, alarm, receiver = living
    write_run(folder, "live", kafka, url=receiver.address)
    first, second, last = (folder / f"{name}.xml" for name in ("first", "second", "last"))
    assert warn(folder, alarm, "--status", "actual", "--out", str(first)) == 0, capsys.readouterr().err
    assert valid(first)[0]["status"] == "Actual"
    assert "演练" not in valid(first)[1]
    before = len(journaled(kafka))
    assert warn(folder, alarm, "--status", "test", "--replaces", str(first), "--cancel") == 2
    assert "it is Actual, and only Actual takes its place, not Test" in capsys.readouterr().err
    assert len(journaled(kafka)) == before
    assert warn(folder, alarm, "--status", "actual", "--replaces", str(first), "--out", str(second)) == 0
    assert warn(folder, alarm, "--status", "actual", "--replaces", str(second), "--cancel", "--out", str(last)) == 0
    kinds = [valid(one)[0]["msgType"] for one in (first, second, last)]
    assert kinds == ["Alert", "Update", "Cancel"]
    assert valid(first)[0]["identifier"] in valid(second)[0]["references"]
    assert [body for _, body, _ in receiver.posted] == [
        one.read_text(encoding="utf-8") for one in (first, second, last)
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--for", "0s"), "it expires before it is sent"),
        (("--area", "open.json"), "its area is no closed ring"),
        (("--area", "none.json"), "GeoJSON with one Polygon"),
        (("--instruction-en", ""), "instruction: needed in both languages"),
        (("--cancel",), "it cancels nothing"),
    ],
)
def test_what_nobody_must_send_is_refused_and_not_journaled(living, capsys, monkeypatch, more, said):
    folder, kafka, alarm, _ = living
    write_run(folder, "simulated", kafka)
    monkeypatch.chdir(folder)
    (folder / "open.json").write_text(
        '{"type": "Polygon", "coordinates": [[[120, 30], [121, 30], [121, 31], [120, 31]]]}'
    )
    (folder / "none.json").write_text('{"type": "Point", "coordinates": []}')
    before = len(journaled(kafka))
    assert warn(folder, alarm, "--status", "test", "--out", "no.xml", *more) == 2
    assert said in capsys.readouterr().err
    assert (len(journaled(kafka)), list(folder.glob("no.xml*"))) == (before, [])


@pytest.mark.timeout(900)
def test_an_alarm_that_nobody_knows_is_said(living, capsys):
    folder, kafka, *_ = living
    write_run(folder, "simulated", kafka)
    assert row_of(kafka, "nobody") is None
    assert warn(folder, "nobody", "--status", "test") == 2
    assert "no alarm is called 'nobody'" in capsys.readouterr().err
