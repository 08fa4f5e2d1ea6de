"""What is asked for over HTTP: refused field by field, all at once, or the command of its action."""

from __future__ import annotations

import pytest

from dashboard.orders import EXAMPLES, SHAPES
from tests.dashboard.asking import Wall
from tests.dashboard.conftest import an_alarm


@pytest.fixture
def wall(config) -> Wall:
    return Wall(config)


@pytest.mark.parametrize(
    ("order", "pointers"),
    [
        ({"action": "explode"}, ["/body/action"]),
        ({"why": None}, ["/body/why"]),
        ({"alarm": None}, ["/body/alarm"]),
        ({"to": "3", "into": "i1"}, ["/body/into", "/body/to"]),
        ({"until": "2026-01-01T00:00:00Z"}, ["/body/until"]),
        ({"who": " ", "desk": "x" * 65}, ["/body/who", "/body/desk"]),
        ({"role": "supervisor"}, ["/body/role"]),
        ({"action": "acknowledge", "why": None, "for": "soon"}, ["/body/for"]),
        ({"action": "acknowledge", "why": None, "for": "0s"}, ["/body/for"]),
        ({"action": "acknowledge", "why": None, "until": "2001-01-01T00:00:00Z"}, ["/body/until"]),
        ({"action": "suppress", "alarm": None, "until": "2026-01-01T00:00:00Z"}, ["/body/scope"]),
        ({"action": "suppress", "alarm": None, "scope": {"x": "y"}}, ["/body/scope/x", "/body/until"]),
        ({"action": "shelve", "alarm": None, "why": " ", "desk": None}, ["alarm", "why", "for", "desk"]),
        ({"action": "suppress", "alarm": None, "why": None}, ["scope", "until", "why"]),
        ({"action": "acknowledge", "alarm": None, "why": None}, ["alarm"]),
        ({"action": "undo", "alarm": None, "why": None, "for": "0m"}, ["command", "for"]),
        ({"action": "explode", "who": None, "revision": 0, "colour": "red"}, ["action", "who", "revision", "colour"]),
    ],
)
def test_what_makes_no_command_is_refused_field_by_field(wall, order, pointers):
    answer = wall.give(**order)
    assert answer.status_code == 422
    wanted = [f"/body/{one.removeprefix('/body/')}" for one in pointers]
    assert sorted(error["pointer"] for error in answer.json()["errors"]) == sorted(wanted)
    assert wall.sent == []


def test_of_an_unknown_action_it_is_said_which_there_are(wall):
    for language, words in (("en", "No such action; there are "), ("zh", "没有此操作；可用：")):
        (error,) = wall.give(language=language, action="explode").json()["errors"]
        assert error == {"pointer": "/body/action", "detail": words + ", ".join(sorted(SHAPES))}


def test_every_example_of_the_description_is_taken(wall):
    body = wall.ask("GET", "/api/v1/openapi.json").json()["components"]["schemas"]["Order"]
    assert {one["action"] for one in body["examples"]} == set(SHAPES)
    for example in body["examples"]:
        assert wall.ask("POST", "/api/v1/commands", json=example).status_code == 202, example


@pytest.mark.parametrize("action", sorted(SHAPES))
def test_what_an_action_needs_is_what_its_command_cannot_do_without(wall, action):
    answer = wall.ask("POST", "/api/v1/commands", json={"action": action, "who": "Li Na", "desk": "2"})
    told = {error["pointer"].removeprefix("/body/") for error in answer.json()["errors"]}
    example = next(one for one in EXAMPLES if one["action"] == action)
    assert answer.status_code == 422
    for name in told:
        others = {"for": "until", "until": "schedule", "alarm": "incident"}
        less = {key: value for key, value in example.items() if key not in {name, others.get(name)}}
        assert wall.ask("POST", "/api/v1/commands", json=less).status_code == 422, name
    assert wall.ask("POST", "/api/v1/commands", json=example).status_code == 202


def test_faults_are_told_in_both_languages(wall):
    for language, said in (("en", "note takes no such field"), ("zh", "note 没有此项")):
        assert wall.give(language=language, to="3").json()["errors"] == [{"pointer": "/body/to", "detail": said}]


CLOCK = {"clock": {"at_ms": 1_800_000_000_000, "wall_ms": 0, "speed": 60.0}}
FULL = {"alarm": None, "scope": {"zone": "east", "kind": "slow_traffic"}}


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"action": "shelve", "for": "1h30m"}, {"for_ms": 5_400_000, "role": "dispatcher"}),
        ({"action": "shelve", "for": "3h"}, {"for_ms": 10_800_000, "role": "supervisor"}),
        ({"action": "escalate", "to": " 指挥中心 "}, {"to": "指挥中心", "role": "dispatcher"}),
        ({"action": "end", "revision": 3}, {"revision": 3, "role": "supervisor"}),
        (
            {"action": "suppress", **FULL, "for": "30d"},
            {"where": {"zone": "east", "domain": "", "kind": "slow_traffic", "entity": ""}, "role": "supervisor"},
        ),
        ({"action": "take_out", "alarm": None, "scope": {"entity": "det-1"}}, {"role": "engineer"}),
        ({"action": "undo", "alarm": None, "why": None, "command": "k"}, {"command": "k", "role": "operator"}),
    ],
)
def test_a_request_becomes_the_command_of_its_action(wall, order, said):
    assert wall.give(**order).status_code == 202
    (command,) = wall.sent
    assert {name: command[name] for name in said} == said
    assert command["city"] == "duo"


def test_the_times_of_a_request_are_the_citys(wall, monkeypatch):
    """Its clock runs sixty times as fast: an hour of the city is a minute of the desk."""
    monkeypatch.setattr("dashboard.commands_api.wall_clock_ms", lambda: 0)
    wall.hub.mirror.load("e", 1, CLOCK | {"a:a1": an_alarm()})
    wall.give(action="shelve", until="2027-01-15T09:00:00Z")  # 1 800 000 000 is 08:00:00 of that day
    wall.give(action="suppress", **FULL, **{"for": "1m"}, why="works")
    window = {"from": "fri 18:00", "until": "sun 18:00"}
    wall.give(action="suppress", **FULL, schedule=window, why="works")
    shelve, once, weekly = wall.sent
    assert shelve["for_ms"] == 60_000
    assert once["window"]["until_ms"] == 1_800_003_600_000
    assert weekly["window"]["weekly"] == window
