"""`citywall try` over a small folder, by hand: what is printed, drawn and refused.

Segment s0 (500 m, 60 km/h) in zone z0 has detector d0, s4 in z0 has d4, s1 in z1 has d1; s5 in z1 has d5, silent.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from deploy.terminal import cli
from tests.streams.conftest import write_small_city

DAY = "2026-03-01T"
LINES = (
    {"sensor": "d0", "at": f"{DAY}08:00:10Z", "speed_km_h": 30, "flow_veh_h": 600},
    {"sensor": "d1", "at": f"{DAY}08:00:30Z", "speed_km_h": 60, "flow_veh_h": 100},
    {"sensor": "d0", "at": f"{DAY}08:00:40Z", "speed_km_h": 60, "flow_veh_h": 600},
    {"sensor": "d0", "at": f"{DAY}08:00:40Z", "speed_km_h": 60, "flow_veh_h": 600},  # again
    {"sensor": "nobody", "at": f"{DAY}08:00:41Z", "speed_km_h": 60},
    {"sensor": "d4", "at": f"{DAY}08:01:10Z", "speed_km_h": 20, "flow_veh_h": 300},
    {"sensor": "d4", "at": f"{DAY}08:01:20Z", "speed_km_h": 50, "flow_veh_h": 0},  # no vehicles, no speed
    {"sensor": "d0", "at": f"{DAY}08:00:50Z", "speed_km_h": 24, "flow_veh_h": 240},  # late: 25 s behind the mark
)
"""s0 at 08:00: (600 + 600) / (600/30 + 600/60) = 40 km/h, with the late one 1440 / (20 + 10 + 240/24) = 36: TTI 5/3,
delay 0.5 km / 36 - 0.5 km / 60 = 50 s - 30 s = 20 s. s4 at 08:01: 20 km/h, TTI 3, delay 90 s - 30 s = 60 s. s1 at
08:00: 60 km/h, TTI 1, delay 0. Unknown: s4 and s5 at 08:00, s0 at 08:01; so three rows of six, half of the coverage."""


def write_lines(folder: Path, lines: tuple[dict[str, object], ...] = LINES) -> Path:
    text = "".join(json.dumps(line) + "\n" for line in lines) + "rubbish\n"
    (folder / "traffic.ndjson").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_lines(write_small_city(tmp_path / "recorded"))


def words(text: str) -> list[list[str]]:
    """Each line's cells."""
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


def tried(capsys: pytest.CaptureFixture[str], *options: object) -> list[list[str]]:
    assert cli.main(["try", *map(str, options)]) == 0
    return words(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *options: object) -> str:
    assert cli.main(["try", *map(str, options)]) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert answer.err.startswith("citywall try: ")
    return answer.err


def test_every_reading_has_its_line(folder: Path, capsys: pytest.CaptureFixture[str]):
    found = tried(capsys, "congestion", "--on", folder, "--lang", "en")
    begin = found.index(["readings"])
    assert found[begin + 1 : begin + 8] == [
        ["read", "9", "100.0%"],
        ["dead letters: undecodable", "1", "11.1%"],
        ["dead letters: unknown_sensor", "1", "11.1%"],
        ["duplicates", "1", "11.1%"],
        ["admitted", "6", "66.7%"],
        ["used by congestion", "5", "83.3%"],
        ["dropped: no_vehicles", "1", "16.7%"],
    ]


def test_the_rows_of_each_metric_are_summed_up(folder: Path, capsys: pytest.CaptureFixture[str]):
    found = tried(capsys, "congestion", "--on", folder, "--lang", "en")
    begin = next(index for index, cells in enumerate(found) if cells[0] == "metric")
    assert found[begin : begin + 5] == [
        ["metric", "unit", "window", "rows", "unknown", "corrected", "min", "median", "max", "coverage"],
        ["delay_s", "s", "1m", "6", "3", "1", "0", "20", "60", "50.0%"],
        # flows: s0 (600 + 600 + 240) / 3 = 480, s1 100, s4 (300 + 0) / 2 = 150
        ["flow_veh_h", "veh/h", "1m", "6", "3", "1", "100", "150", "480", "50.0%"],
        ["speed_km_h", "km/h", "1m", "6", "3", "1", "20", "36", "60", "50.0%"],
        ["tti_ratio", "1", "1m", "6", "3", "1", "1", "1.667", "3", "50.0%"],
    ]


def test_the_cost_is_told(folder: Path, capsys: pytest.CaptureFixture[str]):
    found = tried(capsys, "congestion", "--on", folder, "--lang", "en")
    alone, whole, state = found[found.index(["cost"]) + 1 :]
    assert alone[0] == "the processor itself, CPU a reading"
    assert state[0] == "state, 4 in all"  # one a zone
    assert 0 < float(alone[1].replace(",", "")) < float(whole[1].replace(",", ""))
    assert int(state[1].replace(",", "")) > 100


def test_it_speaks_chinese(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    found = tried(capsys, "congestion", "--on", folder)
    assert found[0] == ["congestion", "小城", "交通", f"{DAY}08:00:10Z – {DAY}08:01:20Z"]
    assert ["读入", "9", "100.0%"] in found
    assert ["没有发现"] in found


def test_from_and_until_choose_event_times(folder: Path, capsys: pytest.CaptureFixture[str]):
    span = ("--from", f"{DAY}08:01Z", "--until", f"{DAY}08:01:20Z")
    found = tried(capsys, "congestion", "--on", folder, "--lang", "en", *span)
    assert ["admitted", "1", "11.1%"] in found  # d4 at 08:01:10
    assert not [cells for cells in found if cells[0] == "tti_ratio"]  # its minute ends behind --until
    span = ("--from", f"{DAY}08:01Z", "--until", f"{DAY}08:02Z")
    found = tried(capsys, "congestion", "--on", folder, "--lang", "en", *span)
    assert ["tti_ratio", "1", "1m", "2", "1", "0", "3", "3", "3", "50.0%"] in found


def test_settings_come_from_the_file_that_is_named(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine.toml").write_text("[congestion]\nspeed_floor_km_h = 30.0\n")
    found = tried(capsys, "congestion", "--on", folder, "--lang", "en", "--config", tmp_path / "mine.toml")
    assert next(cells for cells in found if cells[0] == "tti_ratio")[-2] == "2"  # s4: 60 / max(20, 30)


def own_rules(folder: Path) -> Path:
    """Settings with one rule changed: heat IV from 35 °C as it ships, the next levels out of reach, and soon."""
    rule = 'name = "heat"\niii = 55\nii = 60\non_delay_s = 60\noff_delay_s = 120\n'
    (folder / "mine.toml").write_text(f"[[threshold.rules]]\n{rule}")
    return folder / "mine.toml"


def test_detections_are_counted_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Two minutes of 41 °C, then three of 25 °C, by rules of our own: IV from 35, two minutes below clear it."""
    folder = write_small_city(tmp_path / "recorded")
    lines = [
        {"sensor": "w0", "at": f"{DAY}08:0{minute}:00Z", "temperature_c": 41 - 16 * (minute > 1)} for minute in range(5)
    ]
    (folder / "weather.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = tried(capsys, "threshold", "--on", folder, "--lang", "en", "--config", own_rules(tmp_path))
    begin = next(index for index, cells in enumerate(found) if cells[0] == "detection")
    assert found[begin : begin + 2] == [
        ["detection", "Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "cleared"],
        ["heat", "Heat", "0", "0", "0", "1", "1"],
    ]
    # hot from 08:00 on, cool from 08:02 on, as the fourth minute confirmed: the second of two below 35 - 1
    assert found[begin + 3 : begin + 5] == [
        ["2026-03-01T08:00:00Z", "Ⅳ", "w0", "Heat", "41 / 35 °C"],
        ["2026-03-01T08:02:00Z", "cleared", "w0", "Heat", "25 / 35 °C"],
    ]
    events = tmp_path / "events.csv"
    tried(capsys, "threshold", "--on", folder, "--config", tmp_path / "mine.toml", "--events", events)
    assert events.read_text().splitlines() == [
        "entity,kind,level,at,value,limit,unit",
        "w0,heat,4,2026-03-01T08:00:00Z,41.0,35.0,°C",
        "w0,heat,0,2026-03-01T08:02:00Z,25.0,35.0,°C",
    ]


def test_of_many_detections_the_first_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Each third minute hot, two minutes cool: 12 findings that begin and end."""
    folder = write_small_city(tmp_path / "recorded")
    lines = [
        {"sensor": "w0", "at": f"{DAY}08:{minute:02}:00Z", "temperature_c": 41 if minute % 3 == 0 else 25}
        for minute in range(36)
    ]
    (folder / "weather.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = tried(capsys, "threshold", "--on", folder, "--lang", "en", "--config", own_rules(tmp_path))
    stamps = [cells for cells in found if cells[0].startswith("2026-")]
    assert len(stamps) == 20
    assert ["and 4 more (--events FILE writes all)"] in found


def test_a_second_level_processor_reads_what_the_first_level_yields(folder: Path, capsys: pytest.CaptureFixture[str]):
    found = tried(capsys, "network", "--on", folder, "--lang", "en")
    assert found[2][0].startswith("fed by: congestion, ")
    rows = {(cells[0], cells[2]): cells for cells in found if len(cells) == 10}
    # four zones and the city at 08:00 and 08:01. Known are z0 at both, z1 at 08:00 and the city at both: tti 5/3, 3, 1
    # and, of the city, between them
    assert rows["tti_ratio", "1m"][3:9] == ["10", "5", "2", "1", "1.667", "3"]


def test_compressed_lines_and_a_city_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    city = write_small_city(tmp_path / "city")
    kept = tmp_path / "kept"
    kept.mkdir()
    with gzip.open(kept / "traffic.ndjson.gz", "wb") as file:
        file.write(json.dumps([LINES[0], LINES[2]]).encode() + b"\n\n")
    found = tried(capsys, "congestion", "--on", kept, "--city", city, "--lang", "en")
    assert ["read", "2", "100.0%"] in found
    assert next(cells for cells in found if cells[0] == "speed_km_h")[6:9] == ["40", "40", "40"]


def test_a_plot_shows_the_main_metric(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    plot = tmp_path / "tti.svg"
    found = tried(capsys, "congestion", "--on", folder, "--lang", "en", "--plot", plot)
    assert found[-1] == [f"plot: {plot}"]
    picture = plot.read_text(encoding="utf-8")
    assert "Travel time index" in picture
    assert [name for name in ("s0 Road 0", "s1 Road 1", "s4 Road 4", "s5") if f">{name}<" in picture] == [
        "s0 Road 0", "s1 Road 1", "s4 Road 4",
    ]  # fmt: skip
    assert ">16:01<" in picture  # Asia/Shanghai
    tried(capsys, "congestion", "--on", folder, "--lang", "zh", "--plot", plot, "--metric", "delay_s", "--entity", "s4")
    picture = plot.read_text(encoding="utf-8")
    assert "延误" in picture
    assert "s4 4路" in picture
    assert "s0" not in picture


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("congestin", "--on", "."), "no processor is called 'congestin'; the nearest is 'congestion'"),
        (("congestion", "--on", "nowhere"), "there is no such folder, and no topic is called so"),
        (("congestion", "--on", "{folder}/traffic.ndjson"), "a file; name the folder that it lies in, {folder}"),
        (("congestion", "--on", "city.inbox.v1.trafic"), "the nearest is 'city.inbox.v1.traffic'"),
        (("congestion", "--on", "city.inbox.v1.weather"), "congestion reads traffic; give city.readings.v1.traffic"),
        (("congestion", "--on", "city.inbox.v1.traffic", "--data", "none"), "--kafka HOST:PORT --city DIR"),
        (("congestion", "--on", "{folder}", "--plot", "a.png"), "a plot is an SVG; name it a.svg"),
        (("congestion", "--on", "{folder}", "--plot", "no/such/place.svg"), "cannot be written"),
        (("threshold", "--on", "{folder}"), "the folder has traffic"),
        (("congestion", "--on", "{city}"), "put inbox records, one a line, into <domain>.ndjson there"),
        (("congestion", "--on", "{folder}", "--from", "2027-01-01"), "none of 9 readings can be used by congestion in"),
        (("congestion", "--on", "{folder}", "--from", "2026-03-02", "--until", "2026-03-01"), "is not after --from"),
        (("congestion", "--on", "{folder}", "--config", "none.toml"), "none.toml: cannot be read"),
        (("congestion", "--on", "{empty}"), "no file has the columns of links"),
    ],
)
def test_what_cannot_be_is_refused_with_its_cure(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
):
    empty = tmp_path / "empty"
    empty.mkdir()
    places = {"folder": folder, "city": write_small_city(tmp_path / "city"), "empty": empty}
    assert cli.main(["try", *(option.format(**places) for option in options)]) == 2
    assert says.replace("{folder}", str(folder)) in capsys.readouterr().err


def test_readings_that_nobody_knows_are_told_by_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = write_lines(write_small_city(tmp_path / "recorded"), (LINES[4],))
    said = refused(capsys, "congestion", "--on", folder)
    assert "none of 2 readings can be used by congestion: undecodable 1, unknown_sensor 1" in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--metric", "tti"), "--metric tti: congestion has no value of it here; the nearest is 'tti_ratio'"),
        (("--entity", "s00"), "--entity s00: there is no value of tti_ratio for it; the nearest is 's0'"),
    ],
)
def test_a_plot_of_what_is_not_there_is_refused_after_the_tables(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
):
    command = ["try", "congestion", "--on", str(folder), "--plot", str(tmp_path / "a.svg"), *options]
    assert cli.main(command) == 2
    answer = capsys.readouterr()
    assert "no_vehicles" in answer.out
    assert says in answer.err


def test_a_value_that_is_none_costs_itself(folder: Path, capsys: pytest.CaptureFixture[str]):
    # Each other half minute is empty: -1 is "not measured", its flow 0 counts. The last reading's speed is refused.
    lines = [
        {"sensor": "d0", "at": f"{DAY}08:{minute:02}:{second:02}Z", "speed_km_h": speed, "flow_veh_h": flow}
        for minute in range(10)
        for second, speed, flow in ((0, 50, 300), (30, -1, 0))
    ]
    lines.append({"sensor": "d0", "at": f"{DAY}08:09:59Z", "speed_km_h": "fast", "flow_veh_h": "150"})
    write_lines(folder, tuple(lines))
    found = tried(capsys, "congestion", "--on", folder, "--lang", "en")
    begin = found.index(["readings"])
    assert found[begin + 1 : begin + 6] == [
        ["read", "22", "100.0%"],
        ["dead letters: undecodable", "1", "4.5%"],
        ["values refused: speed_km_h: wrong_type", "1", "4.5%"],
        ["duplicates", "0", "0.0%"],
        ["admitted", "21", "95.5%"],
    ]
    flow = next(cells for cells in found if cells[0] == "flow_veh_h")
    assert flow[6:9] == ["150", "150", "150"]  # (300 + 0) / 2, in the last minute (300 + 0 + 150) / 3


def test_a_time_far_ahead_fails_no_processor(folder: Path, capsys: pytest.CaptureFixture[str]):
    minutes = [{"sensor": "d0", "at": f"9999-12-31T23:{minute}:00Z", "speed_km_h": 50} for minute in range(20, 60)]
    write_lines(folder, tuple(minutes))
    found = tried(capsys, "feed_health", "--on", folder, "--lang", "en")
    assert ["used by feed_health", "40", "100.0%"] in found
