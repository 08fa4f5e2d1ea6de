"""A city folder with inbox records: when each arrives, what is chosen, what is said."""

import gzip
import json
import os
from datetime import UTC, datetime

import pytest

from streams.city.registry import load_city
from streams.errors import CityFileError
from streams.feeds import recorded
from streams.feeds.recorded.lines import arrivals
from streams.feeds.replay import saved
from tests.streams.conftest import write_small_city

START_MS = 1_577_836_800_000  # 2020-01-01T00:00Z


def line(sensor, second, **values):
    return json.dumps({"sensor": sensor, "at": START_MS + 1000 * second, **values})


@pytest.fixture
def folder(tmp_path):
    folder = write_small_city(tmp_path / "recorded")
    traffic = [
        "rubbish",
        line("d0", 10, speed_km_h=30),
        line("d1", 70, speed_km_h=40),
        line("d0", 20, speed_km_h=50),
        f"[{line('d1', 80, speed_km_h=1)}, {line('d0', 75, speed_km_h=2)}]",
        "",
        json.dumps({"sensor": "d2", "at": "2020-01-01T01:02:00+01:00", "speed_km_h": 3}),
    ]
    (folder / "traffic.ndjson").write_text("\n".join(traffic))
    (folder / "weather.ndjson.gz").write_bytes(gzip.compress(f"{line('w0', 30, wind_m_s=1)}\r\n".encode()))
    (folder / "wether.ndjson").write_text(line("w0", 30, wind_m_s=1))
    return folder


def test_a_record_arrives_at_the_highest_time_read_so_far(folder):
    rows = list(arrivals({"traffic": folder / "traffic.ndjson", "weather": folder / "weather.ndjson.gz"}))
    assert [((row.at_ms - START_MS) / 1000, row.domain, row.sensor, row.alone) for row in rows] == [
        (10, "traffic", "", True),  # what cannot be read arrives with what was read before, or with the first
        (10, "traffic", "d0", False),
        (30, "weather", "w0", False),
        (70, "traffic", "d1", False),
        (70, "traffic", "d0", False),  # 50 s late
        (80, "traffic", "d1", True),
        (120, "traffic", "d2", False),
    ]
    assert rows[2].value == line("w0", 30, wind_m_s=1).encode()


def test_the_whole_recording_is_the_default_and_its_city_stays_as_it_is(folder, tmp_path):
    plan = recorded.prepare(folder, tmp_path / "city")
    assert plan.rows == {"traffic": 6, "weather": 1}
    assert (plan.first_at_ms, plan.last_at_ms) == (START_MS + 10_000, START_MS + 120_000)
    assert load_city(tmp_path / "city") == load_city(folder)
    assert plan.city == load_city(folder).id
    assert saved.load(tmp_path / "city") == plan
    assert [row.sensor for row in saved.load(tmp_path / "city").read()] == ["", "d0", "w0", "d1", "d0", "d1", "d2"]
    assert "traffic: 6 records from traffic.ndjson" in plan.found
    assert any(sentence.startswith("wether.ndjson: no domain is called so") for sentence in plan.left_out)


def test_a_period_is_one_of_arrival(folder, tmp_path):
    at, until = (datetime.fromtimestamp(START_MS / 1000 + second, UTC) for second in (70, 80))
    plan = recorded.prepare(folder, tmp_path / "city", at, until)
    assert [row.sensor for row in plan.read()] == ["d1", "d0"]
    assert "weather.ndjson.gz: no records in that time" in plan.left_out


def test_the_city_may_stand_elsewhere(folder, tmp_path):
    lines = tmp_path / "lines"
    lines.mkdir()
    (folder / "traffic.ndjson").rename(lines / "traffic.ndjson")
    plan = recorded.prepare(lines, tmp_path / "city", city=folder)
    assert plan.rows == {"traffic": 6}
    assert load_city(tmp_path / "city").sensor_code.keys() == load_city(folder).sensor_code.keys()


@pytest.mark.parametrize(
    ("spoil", "options", "says"),
    [
        (lambda folder: (folder / "city.toml").unlink(), {}, "city.toml"),
        (
            lambda folder: [path.unlink() for path in folder.glob("*.ndjson*")],
            {},
            "no inbox records in it; put them, one a line, into <domain>.ndjson",
        ),
        (
            lambda folder: None,
            {"at": datetime(2021, 1, 1, tzinfo=UTC)},
            r"no records in that time; they arrived from 2020-01-01T00:00\+00:00 to 2020-01-01T00:02\+00:00",
        ),
        (
            lambda folder: None,
            {"at": datetime(2020, 1, 1, tzinfo=UTC), "until": datetime(2019, 1, 1, tzinfo=UTC)},
            "--until 2019-01-01T00:00.* is not after --at 2020",
        ),
        (
            lambda folder: (folder / "weather.ndjson.gz").write_bytes(gzip.compress(b"x" * 999)[:-12]),
            {},
            "weather.ndjson.gz: cannot be read",
        ),
    ],
    ids=["no city", "no records", "another year", "backwards", "cut gzip"],
)
def test_what_cannot_be_replayed_is_said(folder, tmp_path, spoil, options, says):
    spoil(folder)
    with pytest.raises(CityFileError, match=says):
        recorded.prepare(folder, tmp_path / "city", **options)


def test_a_first_record_of_a_year_that_python_has_not_is_said(folder, tmp_path):
    early = json.dumps({"sensor": "d0", "at": "0001-01-01T00:00:00+10:00", "speed_km_h": 3})
    (folder / "traffic.ndjson").write_text(f"{early}\n{line('d0', 10, speed_km_h=30)}\n")
    plan = recorded.prepare(folder, tmp_path / "city")
    assert "from 0000-12-31T14:00+00:00 to 2020-01-01T00:00+00:00" in plan.found


def test_a_name_that_is_no_text_is_said(folder, tmp_path):
    with open(os.fsencode(folder) + b"/\xb3\xc7.ndjson", "w") as file:
        file.write("")
    plan = recorded.prepare(folder, tmp_path / "city")
    assert any(sentence.startswith(r"\xb3\xc7.ndjson: no domain is called so") for sentence in plan.left_out)
    assert saved.load(tmp_path / "city") == plan


def test_a_file_without_a_time_is_left_out_and_moves_no_other_to_1970(folder, tmp_path):
    """As one in UTF-16 is, or JSON over several lines."""
    (folder / "weather.ndjson.gz").unlink()
    (folder / "weather.ndjson").write_bytes(line("w0", 30, wind_m_s=1).encode("utf-16"))
    plan = recorded.prepare(folder, tmp_path / "city")
    assert (plan.rows, plan.first_at_ms) == ({"traffic": 6}, START_MS + 10_000)
    assert "weather.ndjson: not a single record that can be read, so none that has a time" in plan.left_out
    assert {row.domain for row in saved.load(tmp_path / "city").read()} == {"traffic"}
    (folder / "traffic.ndjson").write_text("{\n}\n")
    with pytest.raises(CityFileError, match=r"not a single record that can be read \(docs/inbox\.md\)"):
        recorded.prepare(folder, tmp_path / "city")
