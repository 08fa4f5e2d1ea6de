"""What only the InfluxDB history promises: retention by bucket, and errors in one sentence."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient

from streams.contract.alarm_events import AlarmsWanted
from streams.contract.records import Rows
from streams.errors import RefusedError, SettingError, UnreachableError
from streams.sinks.history import influx_text
from streams.sinks.history.influx import InfluxHistory
from tests.streams.sinks.rows import START_MS, TOKEN, alarm, row, rows_of

DAY_S = 86_400


def test_the_buckets_of_a_living_city_forget_and_those_of_a_replay_do_not(influxd: str, unique: str):
    InfluxHistory(f"{influxd}?bucket={unique}&token={TOKEN}").close()
    InfluxHistory(f"{influxd}?bucket={unique}r&token={TOKEN}&replay=1").close()
    with InfluxDBClient(influxd, token=TOKEN, org="citywall") as client:
        rules = {
            one.name: one.retention_rules[0] for one in client.buckets_api().find_buckets_iter() if one.retention_rules
        }
    kept = {name: (rule.every_seconds, rule.shard_group_duration_seconds) for name, rule in rules.items()}
    assert kept[f"{unique}_minutes"] == (7 * DAY_S, DAY_S)
    assert kept[f"{unique}_hours"] == (730 * DAY_S, 28 * DAY_S)
    assert kept[f"{unique}_state"][0] == 0
    assert {kept[f"{unique}r_{name}"][0] for name in ("minutes", "hours", "state")} == {0}


def test_rows_past_the_retention_are_said_once_and_hold_nothing_up(
    influxd: str, unique: str, caplog: pytest.LogCaptureFixture
):
    history = InfluxHistory(f"{influxd}?bucket={unique}&token={TOKEN}")
    today_ms = int(time.time()) // 60 * 60_000
    today = replace(rows_of(row("now")), at_ms=np.array([today_ms]))
    with caplog.at_level(logging.WARNING, "citywall"):
        assert history.write(Rows.concat([rows_of(row("2014"), row("2014", 1)), today])) == 2
        assert history.write(rows_of(row("2014"))) == 1
    assert history.read("tti_ratio").entity.tolist() == ["now"]
    assert len([record for record in caplog.records if record.name == "citywall"]) == 1
    history.close()


def test_only_a_writer_makes_buckets(influxd: str, unique: str):
    history = InfluxHistory(f"{influxd}?bucket={unique}&token={TOKEN}", read_only=True)
    with pytest.raises(RefusedError, match=f"{unique}_minutes"):
        history.read("tti_ratio")
    history.close()


def test_a_wrong_token_is_refused(influxd: str, unique: str):
    with pytest.raises(RefusedError, match="401"):
        InfluxHistory(f"{influxd}?bucket={unique}&token=wrong")


def test_a_server_that_is_away_is_said():
    with pytest.raises(UnreachableError, match="does not answer"):
        InfluxHistory("http://127.0.0.1:9?token=x")


def test_an_address_without_a_token_says_what_to_add():
    with pytest.raises(SettingError, match=r"\?token="):
        InfluxHistory("http://127.0.0.1:9?bucket=b")


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (
            row("S1", revision=3),
            "tti_ratio,entity=S1,window=60 numerator=300000000000000i,denominator=200000000000000i,count=7i,"
            "value=1.5,coverage_ratio=1.0 1408492800000000003",
        ),
        (
            row("路 1,a=b", value=np.nan, coverage_ratio=np.inf),
            r"tti_ratio,entity=路\ 1\,a\=b,window=60 numerator=300000000000000i,denominator=200000000000000i,count=7i "
            "1408492800000000000",
        ),
    ],
)
def test_a_row_is_one_line(one: tuple[object, ...], line: str):
    assert influx_text.final_lines(rows_of(one)) == [line]


def test_an_open_window_has_the_column_without_which_release_0_1_0_reads_none_and_needs_it_not():
    [line] = influx_text.provisional_lines(rows_of(row("S1", revision=-1)))
    text = line.split(" row=", 1)[1].rsplit(" ", 1)[0]
    body = json.loads(json.loads(text))
    assert body["imputed_ratio"] == 0.0
    del body["imputed_ratio"]
    [got] = influx_text.provisional_rows(pa.table({"row": [json.dumps(body)]})).value.tolist()
    assert got == 1.5


def test_a_point_with_the_column_of_release_0_1_0_is_read():
    answer = (
        ",result,table,_time,entity,window,value,numerator,denominator,count,coverage_ratio,imputed_ratio\r\n"
        ",_result,0,2014-08-20T00:00:00.000000003Z,S1,60,1.5,3,2,7,1,0\r\n"
    )
    got = influx_text.final_rows(influx_text.table(answer.encode()), "tti_ratio", 60)
    assert [getattr(got, name).tolist() for name in ("entity", "at_ms", "value", "count", "revision")] == [
        ["S1"],
        [START_MS],
        [1.5],
        [7],
        [3],
    ]


def test_an_answer_that_breaks_off_is_refused():
    with pytest.raises(RefusedError, match="no table"):
        influx_text.table(b",result,table,_value\r\n,_result,0,tpi\r\n\r\nerror,reference\r\nout of memory,897\r\n")


def test_alarms_of_an_earlier_version_move_to_their_raises(influxd: str, unique: str):
    address = f"{influxd}?org=citywall&bucket={unique}&token={TOKEN}"
    history = InfluxHistory(address)
    bodies = [json.dumps(alarm(f"a{n}")).replace('"', '\\"') for n in range(2)]
    history._write(
        f"{unique}_state",
        [f'alarms,key=a0 body="{bodies[0]}",closed="0" 0', f'alarms,key=a1 body="{bodies[1]}",closed="1" 0'],
    )
    history.close()
    for _ in range(2):
        history = InfluxHistory(address)
        assert [(one["id"], one["closed"]) for one in history.alarms(AlarmsWanted(), 9)] == [
            ("a1", True),
            ("a0", False),
        ]
        history.close()
