"""The alarms over HTTP: filters, pages, and what each row says."""

from __future__ import annotations

import pytest

from tests.dashboard.asking import Wall
from tests.dashboard.conftest import an_alarm

HOUR_MS = 3_600_000
ALARMS = (
    an_alarm("a1", level=1, revision=3, standing="unacknowledged", waiting_since_ms=2 * HOUR_MS, incident="i1"),
    an_alarm("a2", level=2, acknowledged=True, acknowledged_by="Wu", standing="acknowledged", raised_at_ms=HOUR_MS),
    an_alarm("a3", level=3, standing="shelved", zone="west", entity="underpass-1", domain="weather", desk="rest"),
    an_alarm(
        "a4",
        level=4,
        kind="sensor_silent",
        entity="det-1",
        equipment=True,
        standing="returned_unacknowledged",
        state="cleared",
    ),
)
RAISED = [(10_000 + number, 1 + number % 4) for number in range(250)]


@pytest.fixture
def wall(config) -> Wall:
    wall = Wall(config)
    wall.hub.mirror.load("e", 1, {f"a:{one['id']}": one for one in ALARMS})
    return wall


def names(wall: Wall, query: str) -> list[str]:
    answer = wall.ask("GET", f"/api/v1/alarms?{query}")
    assert answer.status_code == 200, answer.text
    return [alarm["id"] for alarm in answer.json()["alarms"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["a1", "a4", "a2", "a3"]),
        ("state=open", ["a1", "a4", "a2", "a3"]),
        ("state=unacknowledged", ["a1"]),
        ("state=shelved", ["a3"]),
        ("state=returned_unacknowledged", ["a4"]),
        ("level=1", ["a1"]),
        ("level=1&level=2", ["a1", "a2"]),
        ("domain=weather", ["a3"]),
        ("kind=sensor_silent", ["a4"]),
        ("zone=west", ["a3"]),
        ("entity=det-1", ["a4"]),
        ("incident=i1", ["a1"]),
        ("desk=rest", ["a3"]),
        ("desk=nobody", []),
        ("who=Wu", ["a2"]),
        ("equipment=true", ["a4"]),
        ("from=1970-01-01T01:00:00Z", ["a2"]),
        ("until=1970-01-01T09:00:00%2B08:00", ["a1", "a4", "a3"]),
        ("text=%E4%B8%8B%E7%A9%BF", ["a3"]),
        ("text=UNDERPASS", ["a3"]),
        ("text=congestion", ["a1", "a2", "a3"]),
        ("text=a4", ["a4"]),
        ("text=nowhere", []),
        ("level=1&state=acknowledged", []),
    ],
)
def test_a_filter_leaves_what_it_names_in_the_walls_order(wall, query, found):
    assert names(wall, query) == found


def test_a_row_says_what_a_script_needs_beside_what_the_wall_shows(wall):
    (row,) = wall.ask("GET", "/api/v1/alarms?level=1").json()["alarms"]
    said = ("id", "revision", "state", "level", "entity", "kind", "acknowledged_by", "incident", "count")
    assert [row[name] for name in said] == ["a1", 3, "unacknowledged", 1, "A", "slow_traffic", None, "i1", 1]
    assert (row["raised_at"], row["waiting_since"]) == ("1970-01-01T00:00:01.000Z", "1970-01-01T02:00:00.000Z")
    assert row["wall"]["place"]["en"] == "A Road, East District"
    assert wall.ask("GET", "/api/v1/alarms/a1").json() == row


def test_counts_are_of_all_whatever_the_filter(wall):
    counts = wall.ask("GET", "/api/v1/alarms?level=1").json()["counts"]
    assert (counts["total"], counts["waiting"], counts["shelved"], counts["equipment"]) == (3, 2, 1, 1)


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_give_every_alarm_once_though_others_come_and_go(wall, limit):
    many = {f"a:m{at}": an_alarm(f"m{at}", level=level, waiting_since_ms=at) for at, level in RAISED}
    wall.change(many)
    seen, cursor = [], ""
    while cursor is not None:
        page = wall.ask("GET", f"/api/v1/alarms?limit={limit}&level=2&level=3{cursor and f'&cursor={cursor}'}").json()
        seen += [alarm["id"] for alarm in page["alarms"]]
        cursor = page["next"]
        if len(seen) == limit:
            wall.change({"a:new": an_alarm("new", level=2, waiting_since_ms=1)}, gone=(f"a:{seen[0]}",))
    wanted = [f"m{at}" for level in (2, 3) for at, of in RAISED if of == level]
    assert seen == [*wanted, "a2", "a3"]


def test_pages_go_on_in_the_order_of_the_first_though_alarms_change_places(wall):
    """What is acknowledged goes behind the page, what is taken back before it: neither is met twice or missed."""
    wall.change({f"a:m{at}": an_alarm(f"m{at}", level=3, waiting_since_ms=at, acknowledged=at > 5) for at in range(10)})
    first = wall.ask("GET", "/api/v1/alarms?limit=4&level=3").json()
    wall.change(
        {
            "a:m0": an_alarm("m0", level=3, waiting_since_ms=0, acknowledged=True),
            "a:m9": an_alarm("m9", level=3, waiting_since_ms=0),
            "a:new": an_alarm("new", level=3),
        },
        gone=("a:m5",),
    )
    rest = wall.ask("GET", f"/api/v1/alarms?limit=99&level=3&cursor={first['next']}").json()
    assert [one["id"] for one in first["alarms"]] == ["m0", "m1", "m2", "m3"]
    assert [one["id"] for one in rest["alarms"]] == ["m4", "m6", "m7", "m8", "m9", "a3"]
    assert [one["acknowledged"] for one in rest["alarms"] if one["id"] == "m9"] == [False]


def test_an_order_that_is_forgotten_is_gone_on_with_from_the_place_that_was_reached(wall, config):
    first = wall.ask("GET", "/api/v1/alarms?limit=2").json()
    again = Wall(config)  # a restart
    again.hub.mirror.load("e", 1, {f"a:{one['id']}": one for one in ALARMS})
    assert names(again, f"cursor={first['next']}") == ["a2", "a3"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("state=purple", "/query/state"),
        ("level=5", "/query/level/0"),
        ("limit=1001", "/query/limit"),
        ("from=2026-01-01T00:00:00", "/query/from"),
        ("cursor=%00", "/query/cursor"),
        ("cursor=abc", "/query/cursor"),
        ("colour=red", "/query/colour"),
    ],
)
def test_an_odd_filter_is_refused_with_its_name(wall, query, pointer):
    answer = wall.ask("GET", f"/api/v1/alarms?{query}")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_twenty_thousand_are_searched_while_the_loop_goes_on(wall):
    """A page that has to look at each alarm is made in a thread."""
    many = {f"a:m{n}": an_alarm(f"m{n}", level=1 + n % 4, waiting_since_ms=n, entity=f"e{n}") for n in range(20_000)}
    wall.change(many)
    assert names(wall, "text=e19999&limit=1") == ["m19999"]


@pytest.mark.parametrize("path", ["alarms", "alarms/a1", "alarms/nobody", "incidents", "incidents/i1", "metrics"])
def test_while_the_live_state_is_lost_nothing_is_said_to_be_open_or_gone(wall, path):
    """An emptied Redis, a wall that has just begun: 200 with no alarms would be a lie."""
    wall.hub.redis_lost_ms = 1
    found = wall.ask("GET", f"/api/v1/{path}", headers={"accept-language": "en"})
    assert (found.status_code, found.json()["type"]) == (503, "urn:citywall:problem:no-live-state")


def test_a_command_for_an_alarm_that_nobody_knows_of_now_is_not_told_that_it_is_closed(wall):
    wall.hub.redis_lost_ms = 1
    assert wall.acknowledge("nobody").status_code == 503
    wall.hub.redis_lost_ms = None
    assert wall.acknowledge("nobody").status_code == 404
