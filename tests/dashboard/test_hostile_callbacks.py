"""Dash's own routes: what the page cannot have sent is refused with a sentence, in both languages; none is a 500."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from dashboard.problems import BODY_MOST_BYTES, MEDIA_TYPE
from tests.dashboard.asking import MINE, Wall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CALLS = "/_dash-update-component"
HEAD, FACTS = {"id": "drawer-head", "property": "children"}, {"id": "drawer-facts", "property": "children"}
ALARM, SERIES = {"id": "drawer-alarm", "property": "data"}, {"id": "drawer-series", "property": "data"}
DRAWER = {
    "output": "..drawer-head.children...drawer-facts.children...drawer-alarm.data...drawer-series.data..",
    "outputs": [HEAD, FACTS, ALARM, SERIES],
    "inputs": [{"id": "selection", "property": "data", "value": {"id": "A", "kind": "segment"}}],
    "changedPropIds": ["selection.data"],
    "state": [],
}
SAVE = {
    "output": "..citywall-operator.data...operator-error.children..",
    "outputs": [{"id": "citywall-operator", "property": "data"}, {"id": "operator-error", "property": "children"}],
    "inputs": [{"id": "operator-save", "property": "n_clicks", "value": 1}],
    "changedPropIds": ["operator-save.n_clicks"],
    "state": [
        {"id": "operator-who", "property": "value", "value": "Li"},
        {"id": "operator-desk", "property": "value", "value": "2"},
        {"id": "language", "property": "data", "value": "en"},
    ],
}


def selected(value: object) -> dict:
    return DRAWER | {"inputs": [DRAWER["inputs"][0] | {"value": value}]}


@pytest.fixture
def wall(config) -> Wall:
    return Wall(config)


def refused(wall: Wall, body: bytes, status: int, media: str = "application/json") -> dict:
    """Ask in both languages: each is a problem of that status with words of its own → the English one."""
    asked = {
        language: wall.ask(
            "POST", CALLS, content=body, headers=MINE | {"content-type": media, "accept-language": language}
        )
        for language in ("en", "zh")
    }
    for answer in asked.values():
        assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.text
    english, chinese = (one.json() for one in asked.values())
    assert english["detail"] != chinese["detail"]
    return english


@pytest.mark.parametrize("call", [DRAWER, SAVE], ids=["drawer", "form"])
def test_what_the_page_sends_is_answered(wall, call):
    answer = wall.ask("POST", CALLS, json=call, headers=MINE)
    assert (answer.status_code, "response" in answer.json()) == (200, True)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000, b'{"output":' + b"9" * 5_000 + b"}"])
def test_what_is_no_json_is_refused(wall, body, caplog):
    with caplog.at_level(logging.WARNING):
        assert refused(wall, body, 400)["type"] == "urn:citywall:problem:no-json"
    assert caplog.records == []


def test_what_does_not_say_that_it_is_json_is_refused(wall):
    assert "Content-Type: application/json" in refused(wall, json.dumps(DRAWER).encode(), 415, "text/plain")["detail"]


def test_a_body_of_megabytes_is_not_read(wall):
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * (BODY_MOST_BYTES // 2)

    answer = wall.ask("POST", CALLS, content=pieces(), headers=MINE | {"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, MEDIA_TYPE)


def without(name: str) -> dict:
    return {key: value for key, value in DRAWER.items() if key != name}


@pytest.mark.parametrize(
    ("call", "pointer"),
    [
        *((one, "/body") for one in (5, None, [], {}, without("inputs"), without("outputs"), DRAWER | {"state": 7})),
        (DRAWER | {"inputs": [{"id": {"type": "x"}, "property": "data"}]}, "/body"),
        (DRAWER | {"changedPropIds": [[]]}, "/body"),
        (DRAWER | {"output": "nothing.data"}, "/body/output"),
        (DRAWER | {"outputs": [HEAD]}, "/body/outputs"),
        (DRAWER | {"outputs": HEAD}, "/body/outputs"),
        (DRAWER | {"inputs": []}, "/body/inputs"),
        (SAVE | {"state": SAVE["state"][::-1]}, "/body/state"),
        *((selected(one), "/body/inputs/0/value") for one in (5, [1], "x", {"id": "A"}, {"id": [], "kind": "alarm"})),
        (SAVE | {"state": [SAVE["state"][0] | {"value": 7}, *SAVE["state"][1:]]}, "/body/state/0/value"),
    ],
)
def test_a_call_that_the_page_cannot_have_made_is_refused_and_told_where(wall, call, pointer, caplog):
    with caplog.at_level(logging.WARNING):
        problem = refused(wall, json.dumps(call).encode(), 422)
    assert [one["pointer"] for one in problem["errors"]] == [pointer]
    assert caplog.records == []


def test_what_a_callback_trips_over_is_logged_and_answered_in_our_words(wall, monkeypatch, caplog):
    def trip(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("dashboard.drawers.find", trip)
    problem = refused(wall, json.dumps(DRAWER).encode(), 500)
    assert problem["type"] == "urn:citywall:problem:failed"
    assert [str(one.exc_info[1]) for one in caplog.records] == ["a fault of ours"] * 2
    assert {one.getMessage() for one in caplog.records if one.name == "dashboard.callback_door"} == {
        "the page's callback of selection.data failed"
    }


def test_a_callback_that_runs_in_the_browser_is_none_to_call(wall):
    known = wall.ask("GET", "/_dash-dependencies").json()
    output = next(one["output"] for one in known if one["clientside_function"])
    assert (
        refused(wall, json.dumps(DRAWER | {"output": output}).encode(), 422)["errors"][0]["pointer"] == "/body/output"
    )


@pytest.mark.parametrize("file", ["nope/x.js", "dash/nope.js", "dash/__init__.py"])
def test_a_file_that_dash_does_not_have_is_not_found(wall, file):
    answer = wall.ask("GET", f"/_dash-component-suites/{file}", headers={"accept-language": "zh"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE)
    assert answer.json()["detail"] == f"/_dash-component-suites/{file} 没有内容。"
