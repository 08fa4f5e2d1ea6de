"""The wall's HTTP: paths, problem details, tokens, acknowledging, headers."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect

import pytest

from dashboard.app import create_app
from dashboard.guard import COOKIE, TOKEN_HEADER
from dashboard.mirror import Delta
from tests.dashboard.asking import HOST, WHO, Wall
from tests.dashboard.conftest import an_alarm


@pytest.fixture
def wall(config) -> Wall:
    return Wall(config)


def test_an_acknowledgement_becomes_a_command_and_a_mark(wall):
    answer = wall.acknowledge("a1")
    assert answer.status_code == 202
    (command,) = wall.sent
    assert answer.json() == {"id": command["id"], "state": "pending", "status": "sending"}
    assert answer.headers["location"] == f"/api/v1/commands/{command['id']}"
    fields = {"action", "alarm", "who", "desk", "why", "seen_level", "verified", "city"}
    assert {name: command[name] for name in fields} == {
        "action": "acknowledge", "alarm": "a1", "who": "Li Na", "desk": "2", "why": "patrol sent",
        "seen_level": 2, "verified": False, "city": "duo",
    }  # fmt: skip
    wall.hub.tick()
    rows = {row["id"]: row for row in wall.hub.screen.blocks["alarms"]["rows"]}
    assert (rows["a1"]["sending"], rows["a1"]["acknowledged"]) == ("Li Na", False)


def test_the_mark_goes_when_the_projection_comes(wall):
    wall.acknowledge("a1")
    done = an_alarm(acknowledged=True, acknowledged_by="Li Na")
    wall.hub.mirror.apply(Delta("e", 2, {"a:a1": done}, []), wall_ms=0)
    wall.hub.tick()
    assert wall.hub.screen.sending == {}


def test_a_mark_that_nobody_confirms_in_time_says_so(wall):
    wall.acknowledge("a1")
    wall.hub.screen.sending["a1"] = dataclasses.replace(wall.hub.screen.sending["a1"], since_ms=0)
    wall.hub.tick()
    rows = {row["id"]: row for row in wall.hub.screen.blocks["alarms"]["rows"]}
    assert (rows["a1"]["sending"], rows["a1"]["unconfirmed"], rows["a2"]["unconfirmed"]) == (None, True, False)


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"origin": "http://evil.example"}, "origin"),
        ({TOKEN_HEADER: "other"}, "token"),
        ({"cookie": ""}, "token"),
        ({"host": "evil.example"}, "host"),
    ],
)
def test_a_command_from_elsewhere_is_refused(wall, headers, kind):
    answer = wall.acknowledge("a1", **headers)
    assert answer.status_code in (403, 421)
    assert answer.json()["type"].endswith(kind)
    assert wall.sent == []


@pytest.mark.parametrize("headers", [{"cookie": f"{COOKIE}=s"}, {"sec-fetch-site": "cross-site"}, {"referer": HOST}])
def test_a_browsers_command_without_an_origin_is_refused(wall, headers):
    answer = wall.ask("POST", "/api/v1/alarms/a1/acknowledge", json=WHO, headers=headers)
    assert (answer.status_code, wall.sent) == (403, [])


def test_a_script_is_the_local_desk_and_needs_no_page(wall):
    answer = wall.ask("POST", "/api/v1/alarms/a1/acknowledge", json=WHO)
    assert (answer.status_code, len(wall.sent)) == (202, 1)


def test_the_second_person_is_told_who_was_first(wall):
    answer = wall.acknowledge("a2")
    assert (answer.status_code, answer.json()["by"]) == (409, "Wu")


def test_kafka_away_is_said_and_the_mark_taken_back(wall):
    wall.fails = True
    answer = wall.acknowledge("a1")
    assert answer.status_code == 503
    assert "Kafka at x:1" in answer.json()["detail"]
    assert wall.hub.screen.sending == {}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404),
        ("GET", "/api/nope", 404),
        ("GET", "/docs", 404),
        ("GET", "/assets/nope.js", 404),
        ("GET", "/api/v1/alarms/none", 404),
        ("GET", "/api/v1/alarms?limit=0", 422),
        ("GET", "/api/v1/metrics/tpi/city:duo?from=2026-01-01T00:00:00&until=2026-01-02T00:00:00Z", 422),
    ],
)
def test_errors_are_problem_details(wall, method, path, status):
    answer = wall.ask(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_body_that_does_not_fit_names_every_field(wall):
    headers = {"origin": HOST, TOKEN_HEADER: "s", "cookie": f"{COOKIE}=s"}
    answer = wall.ask("POST", "/api/v1/alarms/a1/acknowledge", json={"seen_level": 7}, headers=headers)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/body/who", "/body/desk", "/body/seen_level"]


@pytest.mark.parametrize("blank", ["", "  ", "\u3000\t"])
def test_a_blank_is_no_name(wall, blank):
    headers = {"origin": HOST, TOKEN_HEADER: "s", "cookie": f"{COOKIE}=s"}
    body = WHO | {"who": blank, "desk": blank}
    answer = wall.ask("POST", "/api/v1/alarms/a1/acknowledge", json=body, headers=headers)
    assert (answer.status_code, wall.sent) == (422, [])
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/body/who", "/body/desk"]


def test_alarms_come_in_the_walls_order_with_counts(wall):
    found = wall.ask("GET", "/api/v1/alarms").json()
    assert [alarm["id"] for alarm in found["alarms"]] == ["a1", "a2"]
    assert found["counts"]["waiting"] == 1


def test_a_series_comes_from_history(wall):
    span = "from=2026-01-01T00:00:00Z&until=2026-01-01T00:03:00%2B00:00"
    rows = wall.ask("GET", f"/api/v1/metrics/tpi/city:duo?{span}").json()["rows"]
    assert [row["at_ms"] for row in rows] == [1_767_225_600_000, 1_767_225_660_000, 1_767_225_720_000]


def test_the_api_describes_itself(wall):
    paths = wall.ask("GET", "/api/v1/openapi.json").json()["paths"]
    assert "/api/v1/alarms/{alarm_id}/acknowledge" in paths
    assert all(path.startswith("/api/v1/") for path in paths)
    example = paths["/api/v1/alarms"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert example["properties"]["alarms"]["items"]["examples"][0]["state"] == "acknowledged"


def test_health_is_503_until_the_city_lives(wall):
    answer = wall.ask("GET", "/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")


def test_the_page_brings_policy_and_token(wall):
    answer = wall.ask("GET", "/?lang=en")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert "set-cookie" not in wall.ask("GET", "/", headers={"cookie": f"{COOKIE}=known"}).headers


def test_no_callback_runs_on_the_event_loop_as_plain_code(wall, config):
    from dashboard.page import create_page

    page = create_page(create_app(config), wall.hub)
    page._setup_server()
    functions = [inspect.unwrap(entry["callback"]) for entry in page.callback_map.values() if "callback" in entry]
    assert functions
    assert all(inspect.iscoroutinefunction(function) for function in functions)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/stream", {"host": "127.0.0.1:8080", "origin": "http://evil.example"}),
        ("/stream", {"host": "evil.example"}),
        ("/_dash-ws-callback", {"host": "127.0.0.1:8080"}),
    ],
)
def test_a_socket_from_elsewhere_is_closed(wall, path, headers):
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "websocket.connect"}

    async def send(message: dict) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "path": path, "headers": raw, "query_string": b"", "app": wall.app}
    asyncio.run(wall.app.build_middleware_stack()(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 4403}]
