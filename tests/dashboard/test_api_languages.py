"""Every problem of the API is said in the language that is asked for, and wholly in it."""

from __future__ import annotations

import re

import pytest

from dashboard.languages import language_of
from tests.dashboard.asking import HOST, MINE, Wall


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"), ("", "en"), ("*", "en"), ("fr-FR, de;q=0.9", "en"), ("zh", "zh"), ("ZH-Hant-TW", "zh"),
        ("en, zh", "en"), ("zh, en", "zh"), ("en;q=0.8, zh;q=0.9", "zh"), ("zh;q=0.8, en", "en"), ("zh;q=0", "en"),
        ("fr, zh;q=0.1", "zh"), ("zh;q=nan", "en"), ("zh;q=inf, en;q=0.1", "en"), ("zh;q=9, en", "en"),
        ("zh;q=-1", "en"), ("zh; Q=0.7 , en ;q=0.6", "zh"), ("zh;level=1;q=0.2, en;q=0.3", "en"), (",;q=1,zh,,", "zh"),
        ("zhx", "en"), ("zh;q=0, en;q=0", "en"), ("en-GB;q=0.4, zh-CN;q=0.4", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_that_is_wanted_most(accepted, language):
    assert language_of(accepted) == language


COMMAND = {"action": "note", "alarm": "a1", "why": "x", "who": "Li", "desk": "2"}
ODD = [
    ("GET", "/alarms?limit=0", None), ("GET", "/alarms?limit=1001", None), ("GET", "/alarms?limit=x", None),
    ("GET", "/alarms?limit=1.5", None), ("GET", f"/alarms?limit={'9' * 5000}", None), ("GET", "/alarms?state=x", None),
    ("GET", "/alarms?equipment=x", None), ("GET", "/alarms?from=x", None), ("GET", "/alarms?from=2026-01-01", None),
    ("GET", "/alarms?from=2026-13-01T00:00:00Z", None), ("GET", "/alarms?from=2026-01-01T00:00:00", None),
    ("GET", "/alarms?colour=red", None), ("GET", "/alarms?cursor=x", None), ("GET", f"/alarms?text={'x' * 201}", None),
    ("GET", "/alarms?level=1&level=2&level=3&level=4&level=1", None), ("GET", "/alarms?state=ended&cursor=x", None),
    ("GET", "/incidents?state=x", None), ("GET", "/alarm-events?outcome=x", None), ("GET", "/alarms/x", None),
    ("GET", "/incidents/x", None), ("GET", "/commands/x", None), ("DELETE", "/alarms", None), ("GET", "/x", None),
    ("GET", "/metrics/a/b?from=2026-01-01T00:00:00&until=2026-01-01T00:00:00Z&window_s=0", None),
    ("POST", "/commands", b"{"), ("POST", "/commands", b"[]"), ("POST", "/commands", b"null"),
    ("POST", "/commands", b""),
    ("POST", "/commands", {}), ("POST", "/commands", {"action": 1}), ("POST", "/commands", {"action": "x"}),
    ("POST", "/commands", COMMAND | {"who": " "}), ("POST", "/commands", COMMAND | {"who": "x" * 65}),
    ("POST", "/commands", COMMAND | {"who": 1}), ("POST", "/commands", COMMAND | {"revision": 0}),
    ("POST", "/commands", COMMAND | {"revision": 2**53}), ("POST", "/commands", COMMAND | {"revision": 1.5}),
    ("POST", "/commands", COMMAND | {"revision": "x"}), ("POST", "/commands", COMMAND | {"revision": []}),
    ("POST", "/commands", COMMAND | {"why": "x" * 401}), ("POST", "/commands", COMMAND | {"to": "3", "for": "soon"}),
    ("POST", "/commands", COMMAND | {"action": "suppress", "scope": [], "schedule": {"from": "x", "until": "y"}}),
    ("POST", "/commands", COMMAND | {"action": "shelve", "for": "0s"}),
    ("POST", "/commands", COMMAND | {"action": "shelve", "for": "13h"}),
    ("POST", "/commands", COMMAND | {"action": "shelve", "until": "2001-01-01T00:00:00Z"}),
    ("POST", "/commands", COMMAND | {"action": "shelve", "until": 1e99}),
    ("POST", "/commands", {"action": "suppress", "scope": {"zone": "east"}, "why": "x", "who": "L", "desk": "2",
                           "from": "1001-01-01T00:00:00Z", "until": "1002-01-01T00:00:00Z"}),
    ("POST", "/alarms/a2/acknowledge", {"who": "Li", "desk": "2"}),
]  # fmt: skip
NAMES = re.compile(r"`[^`]*`|/\S*|[a-z_]+(, [a-z_]+)+|JSON|ISO 8601|UTF-8|\bWu\b|[：:].*\$|\d\S*|'\w+'|true|false")
"""What stands for itself in both languages: names of fields and actions, patterns, values."""


@pytest.mark.parametrize(("method", "path", "body"), ODD)
def test_a_problem_is_said_in_both_languages(config, method, path, body):
    wall, said = Wall(config), {}
    sent = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    for language in ("zh", "en"):
        headers = MINE | {"accept-language": language, "content-type": "application/json"}
        answer = wall.ask(method, f"/api/v1{path}", headers=headers, **sent)
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["content-language"] == language
        assert "accept-language" in answer.headers["vary"].lower()
        problem = answer.json()
        assert set(problem) >= {"type", "title", "status", "detail"}
        said[language] = [problem["title"], problem["detail"], *(one["detail"] for one in problem.get("errors", []))]
    assert all(re.search(r"[\u4e00-\u9fff]", one) for one in said["zh"]), said
    assert not [one for one in said["zh"] if len(re.findall(r"[A-Za-z]{2,}", NAMES.sub("", one))) > 2], said
    assert not [one for one in said["en"] if re.search(r"[\u4e00-\u9fff]", one)], said
    assert wall.sent == []
    assert HOST
