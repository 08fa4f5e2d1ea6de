"""What nobody should ask for is refused with what is wrong and what would do, in both languages: none is a 500."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import httpx
import pytest

from dashboard.problems import BODY_MOST_BYTES, FAULTS_MOST
from streams.sinks.history.sqlite import SqliteHistory
from tests.dashboard.asking import HOST, MINE, Wall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

NOTE = {"action": "note", "alarm": "a1", "why": "x", "who": "Li", "desk": "2"}
SHELVE = NOTE | {"action": "shelve"}
SUPPRESS = {"action": "suppress", "scope": {"zone": "east"}, "why": "x", "who": "Li", "desk": "2"}
JSON_IN_CHINESE = {"accept-language": "zh", "content-type": "application/json"}
HUGE = "9" * 30
NO_CURSOR = ("This API has given no such cursor.", "此游标不是本接口给出的。")
TWICE = ("It is given more than once: give it once", "重复给出，只能给一次")


@pytest.fixture
def wall(config, tmp_path: Path) -> Iterator[Wall]:
    history = SqliteHistory(tmp_path / "history.sqlite")
    yield Wall(dataclasses.replace(config, history=history))
    history.close()


def faults(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(one["pointer"], one["detail"]) for one in answer.json()["errors"]]


def told(wall: Wall, method: str, path: str, **more: object) -> dict[str, list[tuple[str, str]]]:
    """Ask in both languages → the faults of each."""
    return {
        language: faults(wall.ask(method, f"/api/v1{path}", headers=MINE | {"accept-language": language}, **more))
        for language in ("en", "zh")
    }


@pytest.mark.parametrize(
    ("order", "en", "zh"),
    [
        (
            NOTE | {"action": "acknowledge", "incident": "i1"},
            [(f"/body/{one}", "Give `alarm` or `incident`, not both") for one in ("alarm", "incident")],
            "`alarm` 与 `incident` 只能给出一项",
        ),
        (
            SHELVE | {"for": "1h", "until": "2100-01-01T00:00:00Z"},
            [(f"/body/{one}", "Give `for` or `until`, not both") for one in ("for", "until")],
            "`for` 与 `until` 只能给出一项",
        ),
        (
            NOTE | {"scope": {"zone": "east"}},
            [("/body/scope", "note is about `alarm`: leave `scope` out")],
            "note 针对 `alarm`，请去掉 `scope`",
        ),
        (
            {"action": "undo", "command": "k", "incident": "i1", "who": "Li", "desk": "2"},
            [("/body/incident", "undo is about `command`: leave `incident` out")],
            "undo 针对 `command`，请去掉 `incident`",
        ),
        (
            SUPPRESS | {"scope": {}, "for": "1h"},
            [("/body/scope", "Give at least one of domain, zone, kind, entity")],
            "至少要给出一项：domain, zone, kind, entity",
        ),
        (NOTE | {"who": "  "}, [("/body/who", "It is blank: at least 1 character")], "为空：至少要有 1 个字符"),
        (NOTE | {"action": "assign", "to": ""}, [("/body/to", "It is blank: at least 1 character")],
         "为空：至少要有 1 个字符"),
        (NOTE | {"why": " "}, [("/body/why", "note needs why")], "note 需要 why"),
        (NOTE | {"desk": "x" * 65}, [("/body/desk", "It has 65 characters: at most 64")], "有 65 个字符，至多 64"),
        (NOTE | {"who": "\u202eiL"}, [("/body/who", "It holds characters that nobody can see: leave them out")],
         "含有看不见的字符，请去掉"),
        (NOTE | {"who": 7}, [("/body/who", "A number will not do: write a text, in quotes")], "数字不适用：应为文本"),
        (NOTE | {"revision": True}, [("/body/revision", "True or false is no whole number: write one")],
         "true 或 false 不是整数"),
        (NOTE | {"revision": 0}, [("/body/revision", "0 is too small: at least 1 will do")], "0 过小：不得小于 1"),
        (SHELVE | {"for": "soon"}, [("/body/for", "soon will not do: write how long, as 30m or 1h30m")],
         "soon 不适用：应为时长，如 30m、1h30m"),
        (SHELVE | {"until": "2100-01-01T00:00:00"},
         [("/body/until", "2100-01-01T00:00:00 is no time with its zone: write it as 2026-11-24T08:00:00Z")],
         "2100-01-01T00:00:00 不是带时区的时间，应如 2026-11-24T08:00:00Z"),
        (NOTE | {"a/b~c": 1}, [("/body/a~1b~0c", "There is no such field: leave it out")], "没有此项，请去掉"),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_meant_is_refused_and_told_why(wall, order, en, zh):
    found = told(wall, "POST", "/commands", json=order)
    assert found == {"en": en, "zh": [(pointer, zh) for pointer, _ in en]}
    assert wall.sent == []


@pytest.mark.parametrize(
    ("path", "pointer", "en", "zh"),
    [
        (f"/alarms?state=ended&cursor={HUGE}.a", "/query/cursor", *NO_CURSOR),
        (f"/incidents?state=ended&cursor={HUGE}.a", "/query/cursor", *NO_CURSOR),
        (f"/alarm-events?cursor=1.{HUGE}.1", "/query/cursor", *NO_CURSOR),
        ("/alarms?zone=a&zone=b", "/query/zone", *TWICE),
        ("/metrics?entity=a&entity=b", "/query/entity", *TWICE),
        ("/metrics?colour=red", "/query/colour", "There is no such field: leave it out", "没有此项，请去掉"),
        ("/incidents?limit=", "/query/limit", "A blank is no whole number: write one", "空白不是整数"),
        (f"/metrics/a/b?from=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&window_s={HUGE}", "/query/window_s",
         f"{HUGE} is too large: write less than 2147483648", f"{HUGE} 过大：应小于 2147483648"),
        *((f"/{one}from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "/query",
           "`from` is after `until`: swap them", "`from` 晚于 `until`，请对调")
          for one in ("alarms?", "alarms?state=ended&", "incidents?", "alarm-events?", "metrics/a/b?")),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_meant_is_refused_and_told_why(wall, path, pointer, en, zh):
    assert told(wall, "GET", path) == {"en": [(pointer, en)], "zh": [(pointer, zh)]}


def test_a_level_may_be_given_several_times(wall):
    assert wall.ask("GET", "/api/v1/alarms?level=1&level=2").status_code == 200


@pytest.mark.parametrize("says_its_length", [True, False])
def test_a_body_of_megabytes_is_not_read(wall, says_its_length):
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * (BODY_MOST_BYTES // 2)

    body = b" " * (BODY_MOST_BYTES + 1) if says_its_length else pieces()
    answer = wall.ask("POST", "/api/v1/commands", content=body, headers=MINE | {"accept-language": "zh"})
    assert (answer.status_code, answer.json()["title"]) == (413, "内容过大")
    assert answer.json()["detail"] == "请求体至多 1024 KiB。"


def test_what_cannot_be_read_as_json_is_said_in_our_words(wall):
    for body in (b"\xff", b"[" * 200_000, b'{"revision":' + b"9" * 5_000 + b"}"):
        answer = wall.ask("POST", "/api/v1/commands", content=body, headers=MINE | JSON_IN_CHINESE)
        assert (answer.status_code, answer.json()["detail"]) == (
            400,
            "请求体无法读作 JSON：不是 UTF-8，或嵌套过深，或数字过长。",
        )


def test_of_thousands_of_faults_as_many_are_told_as_anybody_would_read(wall):
    answer = wall.ask("POST", "/api/v1/commands", json=NOTE | {f"x{n}": 1 for n in range(3_000)}, headers=MINE)
    assert len(faults(answer)) == FAULTS_MOST


def test_head_is_answered_as_get_is_but_for_the_content(wall):
    for path in ("/api/v1/alarms", "/healthz", "/", "/nope"):
        head, get = (wall.ask(method, path) for method in ("HEAD", "GET"))
        assert (head.status_code, head.headers["content-type"]) == (get.status_code, get.headers["content-type"])
        assert head.content == b""


def test_another_method_is_told_what_can_be_used(wall):
    answer = wall.ask("OPTIONS", "/api/v1/commands", headers={"accept-language": "zh"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["detail"] == "此处不能用 OPTIONS；可用：POST"


def test_requests_at_once_get_each_its_own_answer(wall):
    async def run() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(wall.app), base_url=HOST) as client:
            asked = [client.get(path) for path in ("/api/v1/alarms", "/api/v1/nope", "/healthz") * 5]
            return [one.status_code for one in await asyncio.gather(*asked)]

    assert asyncio.run(run()) == [200, 404, 503] * 5
