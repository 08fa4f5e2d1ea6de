"""`citywall audit` answers with its exit code, a table and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from deploy.terminal import cli
from streams.accounts.losses import Loss, to_message
from streams.sinks.history.opening import open_history
from tests.runs import run_of
from tests.streams.conftest import write_small_city

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.config.run import Mode

FIRST_MS, LAST_MS = 1_408_492_800_000, 1_408_579_199_000
"""2014-08-20, its first and last second."""


HOUR_MS = 3_600_000
HOURS = {FIRST_MS: (1, 1_000, 1), FIRST_MS + 23 * HOUR_MS: (1, 1, 0)}
"""Start of an hour → dead letters of intake, rows in frames, duplicates; one more of the first hour is too late."""


def books(domain: str, *, lost: int = 0) -> dict[str, dict[str, Any]]:
    """1,005 readings: 2 dead letters, 1,001 in frames, 1 duplicate, 1 too late; `lost` more came and went nowhere."""
    source = {"through": 41, "furthest": 41, "sent": 1003, "taken": 1003}
    intake = {"readings_in": 1005 + lost, "dead_lettered": {"undecodable": 2}, "sent": 1003}
    zone = {"in_frames": 1001, "duplicates": 1, "too_late": 1, "sources": {"0": source}, "processors": {}}
    times = {"first_at_ms": FIRST_MS, "last_at_ms": LAST_MS}
    hours: dict[str, dict[str, Any]] = {"intake": {}, "zone": {}}
    for start_ms, (dead, frames, twice) in HOURS.items():
        late = int(start_ms == FIRST_MS)
        sent = frames + twice + late
        letters = {"undecodable": dead}
        read = sent + dead + lost * late
        hours["intake"][str(start_ms)] = {"readings_in": read, "sent": sent, "dead_lettered": letters}
        admitted = {"in_frames": frames, "duplicates": twice, "too_late": late}
        hours["zone"][str(start_ms)] = {**admitted, "emitted": 0, "processors": {}}
    shared = {"domain": domain, "partition": 0, "mark_ms": FIRST_MS + 24 * HOUR_MS}
    return {
        f"intake:{domain}:0": {
            "stage": "intake",
            "offset": 42,
            "counts": intake | times,
            **shared,
            "hours": hours["intake"],
        },
        f"zone:{domain}:0": {"stage": "zone", "offset": 9, "counts": zone, **shared, "hours": hours["zone"]},
    }


def folder_with(folder: Path, found: dict[str, dict[str, Any]], mode: Mode = "live") -> Path:
    address = str(folder / "history.sqlite")
    write_small_city(folder / "city")
    run_of(folder, mode=mode, history=address).write()
    history = open_history(address)
    history.write_books({key: json.dumps(book) for key, book in found.items()})
    history.close()
    return folder


def audit(folder: Path, *options: str) -> int:
    return cli.main(["audit", *options, "--data", str(folder)])


def test_balanced_books_are_a_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert audit(folder_with(tmp_path, books("traffic") | books("weather"))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:7] == ["traffic", "1,005", "1,001", "1", "3", "0", "0"]
    assert lines[1].endswith("0:41 (events to 2014-08-20T23:59:59Z)")
    assert lines[3].split() == ["all", "2,010", "2,002", "2", "6", "0", "0"]
    assert lines[-1] == "every reading is accounted for"


def test_feeds_without_readings_are_only_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    silent = books("fire")
    nothing = {"readings_in": 0, "dead_lettered": {}, "sent": 0, "first_at_ms": None, "last_at_ms": None}
    silent["intake:fire:0"] |= {"counts": nothing, "hours": {}}
    del silent["zone:fire:0"]
    assert audit(folder_with(tmp_path, books("traffic") | silent)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["feed", "traffic"]
    assert lines[2] == "no readings: fire"


def test_one_missing_reading_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = folder_with(tmp_path, books("traffic", lost=1) | books("weather"))
    assert audit(folder) == 1
    said = capsys.readouterr().out
    assert "intake, traffic partition 0" in said
    assert "off by +1" in said
    assert said.rstrip().endswith("1 readings are unaccounted for")
    assert audit(folder, "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["balanced"] is False
    assert [(feed["feed"], feed["unaccounted"]) for feed in answer["feeds"]] == [("traffic", 1), ("weather", 0)]


def test_json_tells_each_feed_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert audit(folder_with(tmp_path, books("traffic")), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "balanced": True,
        "from": None,
        "until": None,
        "lost": 0,
        "losses": [],
        "feeds": [
            {
                "feed": "traffic",
                "readings_in": 1005,
                "in_frames": 1001,
                "duplicates": 1,
                "dead_lettered": {"too_late": 1, "undecodable": 2},
                "refused_values": {},
                "repeated_values": 0,
                "on_the_way": 0,
                "to_store": 0,
                "unaccounted": 0,
                "first_at": "2014-08-20T00:00:00Z",
                "last_at": "2014-08-20T23:59:59Z",
                "exact_until": None,
                "processors": {},
                "up_to": [{"partition": 0, "offset": 41, "intake_offset": 41}],
                "problems": [],
            }
        ],
    }


@pytest.mark.parametrize(
    ("options", "hours", "counts"),
    [
        (["--from", "2014-08-20", "--until", "2014-08-21"], ("00:00:00Z", "2014-08-21T00:00:00Z"), (1005, 1001, 1, 3)),
        (["--from", "2014-08-20T00:59", "--until", "2014-08-20T01:01"], ("00:00:00Z", "02:00:00Z"), (1003, 1000, 1, 2)),
        (["--from", "2014-08-20T01:00"], ("01:00:00Z", None), (2, 1, 0, 1)),
        (["--until", "2014-08-20T23:00"], (None, "23:00:00Z"), (1003, 1000, 1, 2)),
        (["--from", "2014-08-20T01:00", "--until", "2014-08-20T23:00"], ("01:00:00Z", "23:00:00Z"), None),
        (["--from", "2014-08-21"], ("2014-08-21T00:00:00Z", None), None),
    ],
)
def test_a_range_is_widened_to_whole_hours_and_cuts_the_books(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    hours: tuple[str | None, str | None],
    counts: tuple[int, int, int, int] | None,
):
    folder = folder_with(tmp_path, books("traffic"))
    assert audit(folder, *options, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    for edge, told in zip(hours, (found["from"], found["until"]), strict=True):
        assert told == (edge if edge is None or len(edge) > len("00:00:00Z") else f"2014-08-20T{edge}")
    seen = [
        (feed["readings_in"], feed["in_frames"], feed["duplicates"], sum(feed["dead_lettered"].values()))
        for feed in found["feeds"]
    ]
    assert seen == ([] if counts is None else [counts])
    assert audit(folder, *options) == 0


RANGE = ["--from", "2014-08-20", "--json"]


def test_refused_values_are_told_by_column_and_reason_since_the_beginning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = books("traffic")
    found["intake:traffic:0"]["counts"]["refused_values"] = {"speed_km_h": {"out_of_range": 1200, "not_finite": 1}}
    folder = folder_with(tmp_path, found)
    assert audit(folder) == 0
    told = "traffic: values refused, their readings used: speed_km_h: not_finite 1, speed_km_h: out_of_range 1,200"
    assert told in capsys.readouterr().out.splitlines()
    for options, values in ((["--json"], {"speed_km_h": {"not_finite": 1, "out_of_range": 1200}}), (RANGE, None)):
        assert audit(folder, *options) == 0
        assert json.loads(capsys.readouterr().out)["feeds"][0]["refused_values"] == values


def test_a_loss_outside_the_range_is_not_the_ranges(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = folder_with(tmp_path, books("traffic", lost=1))
    assert audit(folder, "--until", "2014-08-20T01:00") == 1
    assert "intake, traffic, hour 2014-08-20T00:00Z" in capsys.readouterr().out
    assert audit(folder, "--from", "2014-08-20T01:00") == 0


def test_a_range_that_is_not_of_whole_hours_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert audit(folder_with(tmp_path, books("traffic")), "--from", "2014-08-20T00:30") == 0
    assert capsys.readouterr().out.splitlines()[0] == "whole hours: from 2014-08-20T00:00:00Z until now"


def test_without_books_nothing_is_called_balanced(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert audit(folder_with(tmp_path, {})) == 1
    assert "no books yet" in capsys.readouterr().err


ARRIVED_MS = FIRST_MS + 90 * 60_000
"""01:30."""
LOSS = Loss(
    lost_by="intake",
    topic="city.inbox.v1.traffic",
    partition=1,
    from_offset=10,
    to_offset=800,
    after_ms=ARRIVED_MS,
    before_ms=ARRIVED_MS + 60 * 60_000,
    noticed_ms=ARRIVED_MS + 24 * HOUR_MS,
)


def lost(*losses: Loss) -> dict[str, Any]:
    messages = [to_message(one) for one in losses]
    return {message.key.decode(): json.loads(message.value or b"") for message in messages}


def test_what_kafka_deleted_before_it_was_read_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = folder_with(tmp_path, books("traffic") | lost(LOSS, replace(LOSS, from_offset=20, to_offset=810)))
    assert audit(folder) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == [
        "city.inbox.v1.traffic, partition 1: Kafka deleted 800 records (offsets 10 to 809) before intake had read "
        "them; they arrived after 2014-08-20T01:30:00Z and before 2014-08-20T02:30:00Z",
        "every reading that was read is accounted for",
        "800 records are lost",
    ]
    assert audit(folder, "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["balanced"], answer["lost"], answer["feeds"][0]["unaccounted"]) == (False, 800, 0)
    assert answer["losses"] == [
        {
            "by": "intake",
            "topic": "city.inbox.v1.traffic",
            "partition": 1,
            "from_offset": 10,
            "until_offset": 810,
            "records": 800,
            "after": "2014-08-20T01:30:00.000Z",
            "before": "2014-08-20T02:30:00.000Z",
        }
    ]


@pytest.mark.parametrize(
    ("options", "after_ms", "mode", "code"),
    [
        (["--from", "2014-08-20T02:00"], ARRIVED_MS, "live", 1),
        (["--from", "2014-08-20T03:00"], ARRIVED_MS, "live", 0),
        (["--until", "2014-08-20T02:00"], ARRIVED_MS, "live", 1),
        (["--until", "2014-08-20T01:00"], ARRIVED_MS, "live", 0),
        (["--until", "2014-08-20T01:00"], None, "live", 1),  # nobody knows when the first of them came
        (["--from", "2014-08-20T03:00"], None, "live", 0),
        (["--from", "2014-08-20T03:00"], ARRIVED_MS, "replay", 1),  # what time of the data they had nobody knows
    ],
)
def test_a_loss_fails_the_hours_in_which_it_may_have_arrived(
    tmp_path: Path, options: list[str], after_ms: int | None, mode: Mode, code: int
):
    folder = folder_with(tmp_path, books("traffic") | lost(replace(LOSS, after_ms=after_ms)), mode)
    assert audit(folder, *options) == code
