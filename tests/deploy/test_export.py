"""`citywall export` writes what history holds: sorted, the latest revision, unknown values empty."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from deploy.terminal import cli
from streams.contract.alarm_events import AlarmEvent
from streams.contract.records import Rows
from streams.sinks.history.opening import open_history
from tests.runs import run_of
from tests.small_city import write_small_city
from tests.streams.sinks.rows import row, rows_of

ROOT = Path(__file__).resolve().parents[2]
HEADER = "entity,at,window_s,value,coverage_ratio,imputed_ratio,state,method,zone,name_zh,name_en,unit"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose city is not running, with a few rows."""
    folder = tmp_path / "data"
    folder.mkdir()
    address = str(folder / "history.sqlite")
    run_of(folder, city=folder, mode="replay", history=address).write()
    history = open_history(address)
    history.write(rows_of(row("S2", 0, 0.1 + 0.2), row("S10", 1, np.nan, coverage_ratio=0.5)))
    history.write(rows_of(row("S10", 0, 2.0), row("S10", 0, 2.5, revision=3), row("zone:东", 0, 7.0, window_s=3600)))
    history.write(rows_of(row("S2", 1, 9.0, revision=-1)))
    history.close()
    return folder


def export(data: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    assert cli.main(["export", "tti_ratio", *options, "--data", str(data)]) == 0
    return capsys.readouterr().out.splitlines()


def test_rows_are_sorted_the_latest_revision_only_and_unknown_is_empty(data: Path, capsys: pytest.CaptureFixture[str]):
    assert export(data, capsys) == [
        HEADER,
        "S10,2014-08-20T00:00:00Z,60,2.5,1.0,0.0,corrected,tti,,,,1",
        "S10,2014-08-20T00:01:00Z,60,,0.5,0.0,final,tti,,,,1",
        "S2,2014-08-20T00:00:00Z,60,0.30000000000000004,1.0,0.0,final,tti,,,,1",
    ]


def test_provisional_rows_come_when_asked_for(data: Path, capsys: pytest.CaptureFixture[str]):
    assert export(data, capsys, "--provisional")[-1] == "S2,2014-08-20T00:01:00Z,60,9.0,1.0,0.0,provisional,tti,,,,1"


def test_hours_entity_and_range_select(data: Path, capsys: pytest.CaptureFixture[str]):
    assert export(data, capsys, "--window", "1h") == [
        HEADER,
        "zone:东,2014-08-20T00:00:00Z,3600,7.0,1.0,0.0,final,tti,,,,1",
    ]
    found = export(data, capsys, "--entity", "S10", "--from", "2014-08-20T08:01+08:00", "--until", "2014-08-20T00:02")
    assert [line[:24] for line in found[1:]] == ["S10,2014-08-20T00:01:00Z"]
    assert export(data, capsys, "--entity", "S10", "--from", "2015-01-01") == [HEADER]


def test_every_stored_length_of_window_is_reached(data: Path, capsys: pytest.CaptureFixture[str]):
    history = open_history(data / "history.sqlite")
    history.write(rows_of(*(row("S2", 0, float(window_s), window_s=window_s) for window_s in (90, 900, 86_400))))
    history.write(rows_of(row("st", 0, 42.0, metric="aqi", window_s=86_400)))
    history.close()
    for option, window_s in (("1m", 60), ("90s", 90), ("15m", 900), ("1h", 3600), ("1d", 86_400), ("24h", 86_400)):
        windows = {line.split(",")[2] for line in export(data, capsys, "--window", option)[1:]}
        assert windows == {str(window_s)}
    assert cli.main(["export", "tti_ratio", "--window", "5m", "--data", str(data)]) == 0
    found = capsys.readouterr()
    assert found.out.splitlines() == [HEADER]
    assert "tti_ratio has no windows of 300s; stored are 60s, 90s, 900s, 3600s, 86400s" in found.err
    assert cli.main(["export", "aqi", "--data", str(data)]) == 0  # it has no minutes: its shortest
    assert capsys.readouterr().out.splitlines()[1].startswith("st,2014-08-20T00:00:00Z,86400,42.0,")


@pytest.mark.parametrize("window", ["m", "0m", "1.5h", "1w", "-1m", "٣m", "99999999999999999999d"])
def test_a_length_that_is_none_is_refused(data: Path, capsys: pytest.CaptureFixture[str], window: str):
    with pytest.raises(SystemExit):
        cli.main(["export", "tti_ratio", f"--window={window}", "--data", str(data)])
    assert "such as 1m, 15m, 1h, 1d" in capsys.readouterr().err


def test_zone_and_names_are_those_of_the_city(data: Path, capsys: pytest.CaptureFixture[str]):
    write_small_city(data)
    history = open_history(data / "history.sqlite")
    entities = ("s1", "d1", "zone:z1", "city:small", "feed:traffic:z1", "feed:traffic", "corridor:x")
    history.write(rows_of(*(row(entity, 0, 60.0, metric="speed_km_h") for entity in entities)))
    history.close()
    assert cli.main(["export", "speed_km_h", "--data", str(data)]) == 0
    lines = [line.split(",") for line in capsys.readouterr().out.splitlines()[1:]]
    assert {line[0]: line[8:] for line in lines} == {
        "s1": ["z1", "1路", "Road 1", "km/h"],
        "d1": ["z1", "d1", "d1", "km/h"],
        "zone:z1": ["z1", "1区", "Zone 1", "km/h"],
        "city:small": ["", "小城", "Small", "km/h"],
        "feed:traffic:z1": ["z1", "交通 · 1区", "Traffic · Zone 1", "km/h"],
        "feed:traffic": ["", "交通", "Traffic", "km/h"],
        "corridor:x": ["", "", "", "km/h"],
    }


def test_parquet_holds_the_same_rows(data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    texts, typed = tmp_path / "a.csv", tmp_path / "a.parquet"
    export(data, capsys, "--out", str(texts))
    export(data, capsys, "--out", str(typed))
    left, right = (
        pd.read_csv(texts, parse_dates=["at"], dtype={"unit": str}),
        pyarrow.parquet.read_table(typed).to_pandas(),
    )
    assert list(right.columns) == HEADER.split(",")
    pd.testing.assert_frame_equal(left, right, check_dtype=False)
    assert sorted(path.name for path in tmp_path.glob("a*")) == ["a.csv", "a.parquet"]


def test_a_pipe_is_written_to_and_a_link_stays_one(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pipe, file, link = tmp_path / "pipe", tmp_path / "file.csv", tmp_path / "link.csv"
    os.mkfifo(pipe)
    file.write_text("older")
    link.symlink_to(file)
    read = [sys.executable, "-c", "import sys; print(open(sys.argv[1]).read(), end='')", str(pipe)]
    with subprocess.Popen(read, stdout=subprocess.PIPE, text=True) as reader:
        export(data, capsys, "--out", str(pipe))
        said, _ = reader.communicate(timeout=30)
    export(data, capsys, "--out", str(link))
    assert said.splitlines()[0] == HEADER
    assert (pipe.is_fifo(), link.is_symlink(), file.read_text()) == (True, True, said)
    assert list(tmp_path.glob("*.tmp")) == []


def test_the_same_history_gives_the_same_bytes(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for form in ("csv", "parquet"):
        one, other = tmp_path / "one", tmp_path / "other"
        export(data, capsys, "--format", form, "--out", str(one))
        export(data, capsys, "--format", form, "--out", str(other))
        assert one.read_bytes() == other.read_bytes()


def test_the_list_names_unit_method_and_standard(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["export", "--list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert {"tti_ratio", "speed_km_h", "delay_s", "tpi"} <= lines.keys()
    assert "km/h" in lines["speed_km_h"]
    assert "GB/T 33171-2016" in lines["tti_ratio"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["tti_rate"], "no metric is called 'tti_rate'; the nearest is 'tti_ratio'"),
        ([], "name a METRIC, or `alarms`"),
        (["tti_ratio", "--format", "parquet"], "name a file with --out"),
        (["tti_ratio", "--entity", "S11"], "--entity S11: tti_ratio has no rows of it; the nearest is 'S10'"),
        (
            ["tti_ratio", "--format", "parquet", "--out", "{data}/a.csv"],
            "a.csv: the name says csv, --format parquet; name it {data}/a.parquet, or drop --format",
        ),
        (["tti_ratio", "--format", "csv", "--out", "{data}/a.parquet"], "the name says parquet, --format csv"),
        (["tti_ratio", "--out", "{data}/a.json"], ".json is no format of ours; name it .csv or .parquet"),
        (
            ["tti_ratio", "--out", "{data}/no/such/folder.csv"],
            "folder.csv: cannot be written: No such file or directory",
        ),
        (["tti_ratio", "--out", "."], ".: cannot be written: Is a directory"),
        (["tti_ratio", "--out", "{data}"], "{data}: cannot be written: Is a directory"),
        (["tti_ratio", "--format", "parquet", "--out", "{data}"], "{data}: Parquet needs a plain file"),
    ],
)
def test_what_cannot_be_exported_is_said_in_a_sentence(
    data: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
):
    words = [option.format(data=data) for option in options]
    assert cli.main(["export", *words, "--data", str(data)]) == cli.MISUSED
    found = capsys.readouterr()
    assert found.out == ""
    assert said.format(data=data) in found.err


def test_a_time_that_is_none_is_refused(data: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        cli.main(["export", "tti_ratio", "--from", "yesterday", "--data", str(data)])
    assert "'yesterday' is no ISO 8601 time" in capsys.readouterr().err


def test_a_folder_without_a_city_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["export", "tti_ratio", "--data", str(tmp_path)]) == cli.MISUSED
    assert "citywall up" in capsys.readouterr().err


def test_300_events_of_an_alarm_are_exported_the_newest_first(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_small_city(data)
    history = open_history(data / "history.sqlite")
    mine = [AlarmEvent(alarm="a-1", seq=n, place=0, at_ms=n, what="updated", entity="s1", level=3) for n in range(299)]
    said = AlarmEvent(alarm="a-1", seq=299, place=0, at_ms=1500, what="note", entity="s1", who="李敏", why='"a",\nb')
    other = AlarmEvent(alarm="a-2", seq=500, place=0, at_ms=5, what="raised", entity="d1", event_at_ms=-1, level=1)
    history.write_alarm_events([*mine, said, other])
    history.close()
    options = ["--entity", "s1", "--data", str(data), "--out"]
    for name in ("a.csv", "a.parquet"):
        assert cli.main(["export", "alarms", *options, str(tmp_path / name)]) == 0
    texts = pd.read_csv(tmp_path / "a.csv", keep_default_na=False, dtype=str)
    assert (len(texts), texts.seq.tolist()) == (300, [str(n) for n in reversed(range(300))])
    assert texts.iloc[0][["at", "what", "who", "why", "level", "event_at", "name_zh"]].tolist() == [
        *("1970-01-01T00:00:01.500Z", "note", "李敏", '"a",\nb', "", "", "1路"),
    ]  # fmt: skip
    typed = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pandas()
    assert (typed.columns.tolist(), typed.seq.tolist()) == (texts.columns.tolist(), list(reversed(range(300))))
    span = ["--from", "1970-01-01T00:00:00.005Z", "--until", "1970-01-01T00:00:00.006Z"]
    assert cli.main(["export", "alarms", *span, "--data", str(data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[1] for line in lines] == ["alarm", "a-2", "a-1"]
    assert "1969-12-31T23:59:59.999Z" in lines[1]


@pytest.mark.parametrize("out", ["", "--out /dev/stdout"])
def test_a_reader_that_has_seen_enough_is_no_error(data: Path, out: str):
    history = open_history(data / "history.sqlite")
    history.write(Rows.concat([rows_of(row(f"X{i}", minute)) for i in range(200) for minute in range(40)]))
    history.close()
    command = f"'{sys.executable}' -m deploy export tti_ratio {out} --data '{data}' | head -n 1"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == (HEADER, "")
