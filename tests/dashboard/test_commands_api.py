"""Commands over HTTP: one id for a key, what became of each, to whom it is told, and in which language."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import httpx
import pytest

from dashboard.asked import MOST, Asked, Commands
from dashboard.mirror import Mirror
from streams.contract.alarm_events import AlarmEvent
from tests.dashboard.asking import HOST, MINE, Wall
from tests.dashboard.conftest import an_alarm

OUTCOME = {
    "state": "refused", "alarm": "a1", "reason": "changed", "by": "王强", "by_desk": "3 号台", "did": "acknowledge",
    "did_at_ms": 1_000, "revision": 0, "at_ms": 2_000,
}  # fmt: skip


@pytest.fixture
def wall(config) -> Wall:
    return Wall(config)


def outcome(command: str, **other: object) -> dict:
    return {f"o:{command}": {**OUTCOME, "id": command, **other}}


def test_a_command_goes_out_once_however_often_its_key_and_body_are_sent(wall, config):
    async def ten() -> list[httpx.Response]:
        transport = httpx.ASGITransport(wall.app)
        body = {"action": "note", "alarm": "a1", "why": "seen", "who": " Li Na ", "desk": "2", "key": "k"}
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            asked = [client.post("/api/v1/commands", json=body, headers=MINE) for _ in range(10)]
            return await asyncio.gather(*asked)

    answers = asyncio.run(ten())
    assert {answer.status_code for answer in answers} == {202}
    (command,) = wall.sent
    assert {answer.json()["id"] for answer in answers} == {command["id"]}
    assert {answer.headers["location"] for answer in answers} == {f"/api/v1/commands/{command['id']}"}
    assert (command["who"], command["role"], command["verified"]) == ("Li Na", "operator", False)
    assert wall.give(key="k").json()["id"] == command["id"]
    another = Wall(config)  # a restart, or another wall process
    assert another.give(key="k").json()["id"] == command["id"]


def test_what_became_of_it_stands_under_its_id_in_the_language_that_is_asked_for(wall):
    name = wall.give().json()["id"]
    path = f"/api/v1/commands/{name}"
    assert wall.ask("GET", path).json()["state"] == "pending"
    wall.change(outcome(name))
    found = wall.ask("GET", path).json()
    assert {key: found[key] for key in ("id", "state", "reason", "by", "at")} == {
        "id": name, "state": "refused", "reason": "changed", "by": "王强", "at": "1970-01-01T00:00:02.000Z",
    }  # fmt: skip
    assert found["sentence"] == "It has changed since: look at it again. (王强, 3 号台)"
    chinese = wall.ask("GET", path, headers={"accept-language": "zh-CN"}).json()
    assert chinese["sentence"] == "报警已有变化，请再看一次（王强，3 号台）"


def test_a_desk_that_there_is_not_is_answered_with_those_that_there_are(wall):
    given = wall.give(action="assign", to="night").json()["id"]
    nobody = {"by": "", "by_desk": "", "did": "", "did_at_ms": None}
    wall.change(outcome(given, reason="unknown_desk", known=["traffic", "rest"], **nobody))
    path = f"/api/v1/commands/{given}"
    found = wall.ask("GET", path).json()
    assert (found["known"], found["sentence"]) == (
        ["traffic", "rest"],
        "There is no such desk. There are: traffic, rest.",
    )
    chinese = wall.ask("GET", path, headers={"accept-language": "zh-CN"}).json()
    assert chinese["sentence"] == "没有这个席位（现有：traffic、rest）"


def test_the_answer_to_a_scope_says_how_many_alarms_it_covers(wall):  # peer bug A16
    given = wall.give(action="suppress", alarm=None, scope={"zone": "east"}, **{"for": "8h"}).json()["id"]
    wall.change(outcome(given, state="done", reason="", alarm="", covers_count=12))
    assert wall.ask("GET", f"/api/v1/commands/{given}").json()["covers_count"] == 12


def test_none_is_on_its_way_for_ever(wall):
    name = wall.give().json()["id"]
    wall.hub.commands.find(name).since_ms -= 16_000
    found = wall.ask("GET", f"/api/v1/commands/{name}").json()
    assert (found["state"], found["reason"]) == ("pending", "unconfirmed")


def from_journal(what: str, command: str, outcome: str, seq: int, **event: object) -> AlarmEvent:
    place = {"alarm": "a1", "place": 0, "at_ms": seq * 1000, "who": "Li Na", "desk": "2"}
    reason = str(event.get("reason", ""))
    return AlarmEvent(what=what, command=command, outcome=outcome, seq=seq, reason=reason, event=event, **place)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([from_journal("note", "k", "done", 1)], ("done", "", "", "1970-01-01T00:00:01.000Z")),
        (
            [from_journal("undo", "u", "done", 2), from_journal("note", "k", "done", 1)],
            ("superseded", "", "Li Na", "1970-01-01T00:00:01.000Z"),
        ),
        (
            [from_journal("note", "k", "refused", 3, reason="changed", by="Wu", by_desk=None, did="end")],
            ("refused", "changed", "Wu", "1970-01-01T00:00:03.000Z"),
        ),
    ],
)
def test_what_the_live_state_has_forgotten_the_history_knows(config, events, said):
    class Journal:
        def alarm_events(self, wanted: object, *_: object) -> list[AlarmEvent]:
            return events

    wall = Wall(dataclasses.replace(config, history=Journal()))
    found = wall.ask("GET", "/api/v1/commands/k").json()
    assert tuple(found[name] for name in ("state", "reason", "by", "at")) == said
    name = wall.give().json()["id"]
    assert wall.ask("GET", f"/api/v1/commands/{name}").json()["state"] == "pending"  # of what is new nobody is asked


def test_nobody_knows_a_command_that_was_not_given(wall):
    answer = wall.ask("GET", "/api/v1/commands/nope", headers={"accept-language": "zh"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "没有命令 nope。")
    assert answer.headers["content-language"] == "zh"


def test_when_nobody_can_say_whether_it_arrived_it_may_be_sent_again(wall):
    wall.fails = True
    answer = wall.give(key="k")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:citywall:problem:not-sent")
    wall.fails = False
    assert wall.give(key="k").json()["id"] == answer.json()["id"]
    assert [command["id"] for command in wall.sent] == [answer.json()["id"]]


def test_a_refusal_takes_the_mark_of_an_acknowledgement_away(wall):
    name = wall.give(action="acknowledge", why=None).json()["id"]
    wall.hub.tick()
    assert {row["id"]: row["sending"] for row in wall.hub.screen.blocks["alarms"]["rows"]}["a1"] == "Li Na"
    wall.change(outcome(name))
    assert {row["id"]: row["sending"] for row in wall.hub.screen.blocks["alarms"]["rows"]}["a1"] is None


@pytest.mark.parametrize("how", ["in time", "nobody answers"])
def test_the_browser_that_asked_is_told_and_no_other(config, how):
    wall = Wall(config)

    async def run() -> None:
        mine, other = wall.hub.listen("secret"), wall.hub.listen("elsewhere")
        for messages in (mine, other):
            assert json.loads(await anext(messages))["type"] == "snapshot"
        body = {"action": "note", "alarm": "a1", "why": "seen", "who": "Li Na", "desk": "2"}
        transport = httpx.ASGITransport(wall.app)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            name = (await client.post("/api/v1/commands", json=body, headers=MINE)).json()["id"]
        if how == "in time":
            wall.change(outcome(name))
        else:
            wall.hub.commands.find(name).since_ms -= 16_000
            wall.hub.tick()
            wall.hub.tick()
        told = json.loads(await anext(mine))
        assert (told["type"], told["id"], "seq" in told) == ("outcome", name, False)
        wanted = ("refused", "changed") if how == "in time" else ("pending", "unconfirmed")
        assert (told["state"], told["reason"]) == wanted
        assert set(told["sentence"]) == {"zh", "en"}
        wall.change({"a:a3": an_alarm("a3")})
        assert json.loads(await anext(other))["type"] == "delta"
        assert json.loads(await anext(mine))["type"] == "delta"

    asyncio.run(run())


def test_an_answer_is_not_lost_with_the_deltas_of_a_slow_browser(wall):
    async def run() -> None:
        mine = wall.hub.listen("secret")
        await anext(mine)
        wall.hub._listeners.tell("secret", "for you")
        for number in range(12):
            wall.change({"a:a1": an_alarm(count=number)})
        assert [await anext(mine) for _ in range(2)][1] == "for you"

    asyncio.run(run())


def test_commands_are_remembered_within_bounds():
    commands = Commands(Mirror(), 15.0)
    for number in range(MOST + 1):
        commands.note(Asked(f"k{number}", "", "", 0, None))
    assert (commands.find("k0"), commands.find(f"k{MOST}") is not None) == (None, True)
