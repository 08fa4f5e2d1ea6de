"""The whole harness on a small job and a real broker: it measures who is right and refuses who is not."""

import json
from dataclasses import replace

import pytest

from deploy.embedded import kafka as embedded_kafka
from tests.bench import broker, contract, environment
from tests.bench.__main__ import main
from tests.bench.job import MINUTE_MS, PARTITIONS, START_MS, make_job, minutes_of, records
from tests.bench.race import race

READINGS = 4_000
"""Two of each segment, in one sparse minute."""


@pytest.fixture(scope="module")
def address(tmp_path_factory, cache):
    """Run a broker of this file's own: the harness removes the city's topics."""
    with embedded_kafka.running(tmp_path_factory.mktemp("kafka"), cache) as running:
        yield running.address


@pytest.mark.timeout(180)
def test_the_file_holds_ratios_conditions_and_machine(address, tmp_path):
    file = tmp_path / "bench.json"
    options = ["--runs", "1", "--readings", str(READINGS), "--kafka", address, "--json", str(file)]
    main(["one_hop", "bare_loop", *options])  # whether targets are met on so little says nothing
    report = json.loads(file.read_text(encoding="utf-8"))
    ours, bare = (report["contestants"][name] for name in ("one_hop", "bare_loop"))
    assert report["refused"] == {}
    assert report["ratios"]["one_hop/bare_loop"] == pytest.approx(bare["cpu_us"][0] / ours["cpu_us"][0], rel=0.01)
    assert set(report["ratios"]) == {"one_hop/bare_loop", "bare_loop/one_hop"}
    assert (ours["durable"], bare["durable"]) == (True, False)
    assert (ours["readings"], ours["wrong_windows"]) == (READINGS, [0])
    assert report["machine"].keys() >= {"cores", "model", "python", "versions"}


@pytest.mark.timeout(180)
def test_a_wrong_result_is_refused_and_a_known_one_counted(address, tmp_path):
    honest = contract.load("bare_loop")

    def one_too_many(value):
        for segment, at_ms, tti, count in honest.results(value):
            yield segment, at_ms, tti, count + (segment < 3)

    wrong = replace(honest, name="wrong", results=one_too_many)
    excused = replace(wrong, name="excused", inexact="it counts three segments twice")
    absent = replace(honest, name="absent", command=_not_to_be_had)
    runs, refused = race([wrong, excused, absent], 2, READINGS, address, tmp_path)
    assert [(run.name, run.wrong_windows) for run in runs] == [("excused", 3), ("excused", 3)]
    assert refused == {"wrong": "3 windows differ from pandas", "absent": "there is none"}


def _not_to_be_had(process, place):
    raise contract.ContestantError("there is none")


def test_a_longer_job_is_as_dense_and_its_sentinels_come_last():
    assert [minutes_of(readings) for readings in (4_000, 100_000, 1_000_000, 4_000_000)] == [1, 1, 10, 40]
    job = make_job(400_000, minutes_of(400_000))
    minutes, counts = zip(*sorted(_by_minute(job.at_ms.tolist()).items()), strict=True)
    assert minutes == tuple(START_MS + i * MINUTE_MS for i in range(4))
    assert set(counts) == {100_000}
    lasts = [json.loads(records(job, partition)[-1][1])["at"] for partition in range(PARTITIONS)]
    assert lasts == [START_MS + 14 * MINUTE_MS] * PARTITIONS  # 11 minutes after the start of the fourth


def _by_minute(at_ms):
    found = {}
    for one in at_ms:
        start = one // MINUTE_MS * MINUTE_MS
        found[start] = found.get(start, 0) + 1
    return found


def test_no_environment_without_a_registry_is_a_sentence(tmp_path, monkeypatch):
    lock = tmp_path / "nobody.lock"
    lock.write_text("no-such-package-of-citywall==1.0\n", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(contract.ContestantError, match="the package registry cannot be reached"):
        environment.python(lock)
    assert list((tmp_path / "cache").rglob(environment.WHOLE)) == []


def test_topics_and_groups_of_others_are_left_alone():
    names = ("city.x", "bench.results", "changelog__bench-1", "orders", "my-city", "__consumer_offsets")
    assert [name for name in names if name.startswith(broker.OURS)] == ["city.x", "bench.results", "changelog__bench-1"]
