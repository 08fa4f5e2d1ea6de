"""Incidents over HTTP: open ones from the live state, ended ones from the history, filtered and page by page."""

from __future__ import annotations

import dataclasses
import json

import pytest

from streams.contract.alarm_events import INCIDENTS
from streams.sinks.history.sqlite import SqliteHistory
from tests.dashboard.asking import Wall

AT_MS = 1_700_000_000_000
MINUTE_MS = 60_000


def an_incident(name: str, opened_at_ms: int = AT_MS, **changed: object) -> dict:
    incident = {
        "id": name, "city": "duo", "cause": "a1", "domain": "traffic", "kind": "slow_traffic", "entity": "A",
        "zone": "east", "level": 2, "levels": [0, 2, 1, 0], "count": 3, "asking": 2, "alarms": ["a1", "a2", "a3"],
        "opened_at_ms": opened_at_ms, "waiting_since_ms": opened_at_ms, "presented_at_ms": None, "presented": False,
        "why": {"zh": "下游拥堵。", "en": "The road ahead is jammed."}, "acknowledged": False, "acknowledged_by": None,
    }  # fmt: skip
    return incident | changed


OPEN = (
    an_incident("i1", AT_MS + 1),
    an_incident("i2", AT_MS + 2, level=1, acknowledged_by="Wu"),
    an_incident("i3", AT_MS + 2, zone="west", entity="underpass-1", domain="weather", kind="underpass_flooding"),
)
OVER = {"level": None, "levels": [0, 0, 0, 0], "count": 0, "asking": 0, "alarms": []}
OVER |= {
    "worst_level": 2,
    "alarms_count": 5,
    "ended_at_ms": AT_MS + MINUTE_MS,
    "ended_because": "ended",
    "ended_by": "Li",
}


@pytest.fixture
def wall(config, tmp_path):
    history = SqliteHistory(tmp_path / "history.sqlite")
    ended = [an_incident(f"e{n}", AT_MS - n // 2 * MINUTE_MS, **OVER) for n in range(7)]
    ended[3] |= {"acknowledged_by": "Wu", "zone": "west", "worst_level": 1}
    del ended[6]["worst_level"], ended[6]["alarms_count"]  # as an earlier version wrote it
    history.write_alarms([(one["id"], json.dumps(one)) for one in (*ended, OPEN[0])], INCIDENTS)
    history.write_alarms([(one["id"], None) for one in ended], INCIDENTS)
    wall = Wall(dataclasses.replace(config, history=history))
    wall.change({f"i:{one['id']}": one for one in OPEN})
    yield wall
    history.close()


def names(wall: Wall, query: str) -> list[str]:
    found, cursor = [], ""
    while cursor is not None:
        answer = wall.ask("GET", f"/api/v1/incidents?{query}{cursor and f'&cursor={cursor}'}")
        assert answer.status_code == 200, answer.text
        found += [one["id"] for one in answer.json()["incidents"]]
        cursor = answer.json()["next"]
    return found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["i3", "i2", "i1"]),
        ("limit=1", ["i3", "i2", "i1"]),
        ("state=open&level=1", ["i2"]),
        ("zone=west&domain=weather&kind=underpass_flooding&entity=underpass-1", ["i3"]),
        ("who=Wu", ["i2"]),
        ("from=2023-11-14T22:13:20.002Z", ["i3", "i2"]),
        ("until=2023-11-14T22:13:20.002Z", ["i1"]),
        ("state=ended&limit=2", ["e1", "e0", "e3", "e2", "e5", "e4", "e6"]),
        ("state=ended&who=Wu", ["e3"]),
        ("state=ended&zone=west", ["e3"]),
        ("state=ended&until=2023-11-14T22:12:20Z", ["e5", "e4", "e6"]),
        ("state=ended&level=1", ["e3"]),
        ("state=ended&level=2", ["e1", "e0", "e2", "e5", "e4"]),
        ("state=ended&level=1&level=2&limit=2", ["e1", "e0", "e3", "e2", "e5", "e4"]),
    ],
)
def test_incidents_are_filtered_and_paged_the_newest_first(wall, query, found):
    assert names(wall, query) == found


def test_pages_meet_each_once_though_others_come_and_go(wall):
    first = wall.ask("GET", "/api/v1/incidents?limit=2").json()
    wall.change({"i:new": an_incident("new", AT_MS + 9)}, gone=("i:i3",))
    rest = wall.ask("GET", f"/api/v1/incidents?limit=2&cursor={first['next']}").json()
    assert ([one["id"] for one in rest["incidents"]], rest["next"]) == (["i1"], None)


def test_an_incident_says_what_a_script_needs(wall):
    (row,) = wall.ask("GET", "/api/v1/incidents?level=1").json()["incidents"]
    assert {name: row[name] for name in ("id", "state", "count", "alarms", "opened_at", "place", "why")} == {
        "id": "i2", "state": "open", "count": 3, "alarms": ["a1", "a2", "a3"], "opened_at": "2023-11-14T22:13:20.002Z",
        "place": {"zh": "东区 A路", "en": "A Road, East District"}, "why": OPEN[0]["why"],
    }  # fmt: skip
    assert wall.ask("GET", "/api/v1/incidents/i2").json() == row


def test_one_that_has_ended_says_what_it_was_and_why_it_ended(wall):
    rows = {one["id"]: one for one in wall.ask("GET", "/api/v1/incidents?state=ended").json()["incidents"]}
    said = ("state", "level", "count", "acknowledged_by", "ended_at", "ended_because", "ended_by", "ended")
    assert {name: rows["e3"][name] for name in said} == {
        "state": "ended", "level": 1, "count": 5, "acknowledged_by": "Wu", "ended_at": "2023-11-14T22:14:20.000Z",
        "ended_because": "ended", "ended_by": "Li",
        "ended": {"zh": "最后一条报警由人工结束。", "en": "A person ended its last alarm."},
    }  # fmt: skip
    assert (rows["e6"]["level"], rows["e6"]["count"]) == (None, None)


def test_one_that_is_not_open_is_said_in_both_languages(wall):
    for language, said in (
        ("en", "No open incident is called x; it may have ended."),
        ("zh", "没有未结束的事件 x；可能已经结束。"),
    ):
        answer = wall.ask("GET", "/api/v1/incidents/x", headers={"accept-language": language})
        assert (answer.status_code, answer.json()["detail"]) == (404, said)


@pytest.mark.parametrize(
    "query", ["state=shelved", "level=0", "limit=1001", "limit=0", "from=2026-01-01", "colour=red"]
)
def test_an_odd_filter_is_refused_with_its_name(wall, query):
    answer = wall.ask("GET", f"/api/v1/incidents?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(f"/query/{query.partition('=')[0]}")
