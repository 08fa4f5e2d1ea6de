"""Alarms of before over HTTP: what has ended, and who did what to each, page by page."""

from __future__ import annotations

import dataclasses
import json

import pytest

from streams.contract.alarm_events import AlarmEvent
from streams.errors import UnreachableError
from streams.sinks.history.sqlite import SqliteHistory
from tests.dashboard.asking import Wall
from tests.dashboard.conftest import an_alarm

AT_MS = 1_700_000_000_000
MINUTE_MS = 60_000
FINDING = {"kind": "slow_traffic", "entity": "A", "zone": "east", "domain": "traffic"}


def event(seq: int, what: str, alarm: str = "h1", **more: object) -> AlarmEvent:
    return AlarmEvent(alarm=alarm, seq=seq, place=0, at_ms=AT_MS + seq * MINUTE_MS, what=what, **{**FINDING, **more})


EVENTS = (
    event(1, "raised", level=2, event_at_ms=AT_MS),
    event(2, "acknowledge", outcome="done", who="Li Na", desk="2", why="seen", command="k2"),
    event(3, "acknowledge", outcome="refused", reason="already_acknowledged", who="Wu"),
    event(4, "raised", "h2", entity="det-1", zone="west", level=4),
    event(5, "cleared", level=0),
)


@pytest.fixture
def history(tmp_path):
    opened = SqliteHistory(tmp_path / "history.sqlite")
    rows = [an_alarm(f"h{n:02}", level=1 + n % 4, raised_at_ms=AT_MS + n // 3 * MINUTE_MS) for n in range(30)]
    rows.append(
        an_alarm("w", zone="west", entity="underpass-1", raised_at_ms=AT_MS, acknowledged_by="Wu", incident="i1")
    )
    closed = [(one["id"], None) for one in rows]
    opened.write_alarms([(one["id"], json.dumps(one)) for one in (*rows, an_alarm("open"))] + closed)
    opened.write_alarm_events(EVENTS)
    yield opened
    opened.close()


@pytest.fixture
def wall(config, history) -> Wall:
    return Wall(dataclasses.replace(config, history=history))


def pages(wall: Wall, path: str, of: str) -> list[dict]:
    found, cursor = [], ""
    while cursor is not None:
        answer = wall.ask("GET", f"/api/v1/{path}{cursor and f'&cursor={cursor}'}")
        assert answer.status_code == 200, answer.text
        found += answer.json()[of]
        cursor = answer.json()["next"]
    return found


def test_ended_alarms_come_once_each_the_newest_raise_first(wall):
    found = pages(wall, "alarms?state=ended&limit=4", "alarms")
    assert [one["id"] for one in found] == [
        *(f"h{n:02}" for n in reversed(range(3, 30))), *("w", "h02", "h01", "h00"),
    ]  # fmt: skip
    assert {one["state"] for one in found} == {"ended"}
    assert found[0]["wall"]["place"]["en"] == "A Road, East District"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("level=1&level=2&limit=9&until=2023-11-14T22:15:00Z", ["h05", "h04", "w", "h01", "h00"]),
        ("level=4&from=2023-11-14T22:21:00Z", ["h27"]),
        ("zone=west", ["w"]),
        ("text=%E4%B8%8B%E7%A9%BF", ["w"]),
        ("entity=nowhere", []),
        ("who=Wu", ["w"]),
        ("incident=i1", ["w"]),
    ],
)
def test_ended_alarms_are_filtered_as_open_ones_are(wall, query, found):
    assert [one["id"] for one in pages(wall, f"alarms?state=ended&{query}", "alarms")] == found


def test_an_alarms_course_says_who_did_what_in_both_languages(wall):
    found = pages(wall, "alarms/h1/events?limit=1", "events")
    assert [(one["what"], one["who"], one["outcome"]) for one in found] == [
        ("cleared", "", ""), ("acknowledge", "Wu", "refused"), ("acknowledge", "Li Na", "done"), ("raised", "", ""),
    ]  # fmt: skip
    assert found[1]["sentence"]["en"] == "Somebody has acknowledged it already."
    assert found[2]["name"] == {"zh": "确认", "en": "acknowledge"}
    assert (found[3]["at"], found[3]["event_at"]) == ("2023-11-14T22:14:20.000Z", "2023-11-14T22:13:20.000Z")
    assert wall.ask("GET", "/api/v1/alarms/never_seen/events").json() == {"events": [], "next": None}


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "ended"])
def test_an_alarms_course_says_when_its_place_was_suppressed_page_by_page(wall, history, is_open):
    covering = {
        **{"cover": "w", "what": "suppressed", "who": "Wu", "desk": "1", "why": "works"},
        **{"since_ms": AT_MS + 90_000, "until_ms": AT_MS + 4 * MINUTE_MS + 1},
        **{"ended": "lift", "ended_by": "Li Na", "ended_desk": "2"},
    }
    row = an_alarm("h1", raised_at_ms=AT_MS, coverings=[covering])
    if is_open:
        wall.change({"a:h1": row})
    else:
        history.write_alarms([("h1", json.dumps(row)), ("h1", None)])
    found = pages(wall, "alarms/h1/events?limit=2", "events")
    assert [(one["what"], one["who"], one["command"]) for one in found] == [
        ("cleared", "", ""), ("lift", "Li Na", "w"), ("acknowledge", "Wu", ""), ("acknowledge", "Li Na", "k2"),
        ("suppress", "Wu", "w"), ("raised", "", ""),
    ]  # fmt: skip
    assert found[4]["name"] == {"zh": "检修抑制", "en": "suppress"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [5, 4, 3, 2, 1]),
        ("who=Wu", [3]),
        ("what=acknowledge&outcome=done", [2]),
        ("command=k2", [2]),
        ("zone=west", [4]),
        ("alarm=h2", [4]),
        ("kind=slow_traffic&entity=A", [5, 3, 2, 1]),
        ("from=2023-11-14T22:16:20Z&until=2023-11-14T22:17:20Z", [3]),
    ],
)
def test_events_are_found_by_time_place_kind_and_person(wall, query, found):
    assert [one["seq"] for one in pages(wall, f"alarm-events?limit=2&{query}", "events")] == found


@pytest.mark.parametrize(
    "path",
    [
        "alarms?state=ended&cursor=x",
        "incidents?state=ended&cursor=x",
        "incidents?cursor=1",
        "alarm-events?cursor=1.2",
        "alarms/h1/events?cursor=~",
    ],
)
def test_a_cursor_that_is_none_is_refused(wall, path):
    answer = wall.ask("GET", f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/cursor")


class Away:
    """A history that does not answer."""

    def alarms(self, *_: object) -> list[dict]:
        raise UnreachableError("InfluxDB does not answer")

    alarm_events = alarms


@pytest.mark.parametrize(
    "path", ["alarms?state=ended", "alarm-events", "alarms/h1/events", "incidents?state=ended", "commands/never"]
)
def test_a_history_that_is_away_is_said(config, path):
    answer = Wall(dataclasses.replace(config, history=Away())).ask("GET", f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:citywall:problem:no-history")
