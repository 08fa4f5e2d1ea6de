"""What the API says of itself holds: requests made from its description, good and odd, get only answers it names."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from dashboard.hub import Hub
from streams.contract.durations import HOUR_MS
from tests.dashboard.asking import MINE, Wall
from tests.dashboard.fake_feed import FakeHistory

OPERATIONS = (
    "GET /alarms", "GET /alarms/{alarm_id}", "GET /alarms/{alarm_id}/events", "GET /alarm-events",
    "GET /incidents", "GET /incidents/{incident_id}", "POST /commands", "GET /commands/{command_id}",
    "POST /alarms/{alarm_id}/acknowledge", "GET /metrics", "GET /metrics/{metric}/{entity}", "GET /wall",
)  # fmt: skip
HOST = "testserver"
"""As the library calls what it asks."""


class ShortHistory(FakeHistory):
    """The last hour of whatever time is asked for: the made-up history would make up millions of rows."""

    def read(self, metric, entity, from_ms, until_ms, window_s):
        return super().read(metric, entity, max(from_ms, until_ms - HOUR_MS), until_ms, max(window_s, 60))

    def alarms(self, *_: object) -> list[dict]:
        return []

    def alarm_events(self, *_: object) -> list[object]:
        return []


@pytest.fixture
def described(config, monkeypatch) -> Any:
    async def without_redis(_: Hub) -> None:
        """Keep the state that the wall was given: a lost one would be a 503 everywhere."""

    monkeypatch.setattr(Hub, "run", without_redis)
    wall = Wall(dataclasses.replace(config, hosts=(HOST,), history=ShortHistory()))
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", wall.app)


def test_every_route_is_tried(described):
    found = [one.ok() for one in described.get_all_operations()]
    prefix = "/api/v1"
    assert sorted(f"{one.method.upper()} {one.path.removeprefix(prefix)}" for one in found) == sorted(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_one_that_is_described(described, operation):
    method, path = operation.split()
    cases = described[f"/api/v1{path}"][method.lower()].as_strategy()

    # that what fits the description is taken is not asked: a cursor is what we gave, an action needs fields of its own
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(cases)
    def answers_as_it_says(case: Any) -> None:
        headers = MINE | {"origin": f"http://{HOST}"}
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    answers_as_it_says()
