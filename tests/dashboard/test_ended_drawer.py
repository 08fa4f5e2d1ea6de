"""The drawer of an alarm that has ended goes on telling what it was, when it ended, why and by whom."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from dashboard import alarm_course, drawers
from dashboard.alarm_facts import subject
from dashboard.hub import Hub
from dashboard.mirror import LEFT_MOST, Delta, Mirror
from streams.contract.alarm_events import AlarmEvent
from streams.errors import UnreachableError
from tests.dashboard.conftest import an_alarm
from tests.dashboard.fake_feed import FakeHistory

ENDED = an_alarm(closed=True, cleared_at_ms=9000, ended_by="Li", changed_by={"what": "end", "who": "Li", "desk": "2"})


def event(at_ms: int, what: str, **more: object) -> AlarmEvent:
    return AlarmEvent(alarm="a1", seq=at_ms, place=0, at_ms=at_ms, what=what, kind="slow_traffic", entity="A", **more)


CLOSED, END = event(70_000, "closed"), event(65_000, "end", who="Li", desk="2", why="seen", outcome="done")


def told(hub: Hub, alarm: dict[str, Any], events: list[AlarmEvent]) -> dict[Any, Any]:
    return dict(alarm_course.end(hub, alarm, events).facts)


@pytest.mark.parametrize(
    ("changed", "events", "why"),
    [
        ({}, [CLOSED, END], ("人工结束 · Li · 2 · seen", "end · Li · 2 · seen")),
        ({}, [CLOSED], ("人工结束 · Li", "end · Li")),
        ({"ended_by": None}, [event(70_000, "cleared")], ("情况已恢复", "the condition was over")),
        ({"ended_by": None, "retired": "entity"}, [event(70_000, "retired")],
         ("对象或规则已不存在", "what it was of, or its rule, is gone")),
    ],
)  # fmt: skip
def test_it_says_when_why_and_by_whom_it_ended(config, changed, events, why):
    found = told(Hub(config), ENDED | changed, events)
    # 70 s after midnight UTC, in Shanghai
    assert found == {"fact.ended": ("01-01 08:01:10", "01-01 08:01:10"), "fact.ended_why": why}


def test_before_the_history_tells_of_the_end_nothing_is_made_up(config):
    hub = Hub(config)
    assert told(hub, an_alarm(), []) == {}
    facts = dict(subject(hub, an_alarm()).sections[0].facts)
    assert facts["fact.state"].en == "unacknowledged"
    assert dict(subject(hub, ENDED).sections[0].facts)["fact.state"] == ("已结束", "ended")


def gone(hub: Hub) -> None:
    """Let the alarm come and leave the live state."""
    hub.mirror.load("e", 1, {"a:a1": an_alarm()})
    assert hub.mirror.apply(Delta("e", 2, {}, ["a:a1"]), wall_ms=0)


def test_what_left_the_list_is_told_as_it_was_until_the_history_knows_its_end(config):
    history = FakeHistory()
    hub = Hub(dataclasses.replace(config, history=history))
    gone(hub)
    assert asyncio.run(alarm_course.found_ended(hub, "a1")) == an_alarm()
    history.ended.append(ENDED)
    assert asyncio.run(alarm_course.found_ended(hub, "a1")) == ENDED
    assert asyncio.run(alarm_course.found_ended(hub, "other")) is None


def test_a_wall_that_has_started_since_finds_the_end_in_the_history(config):
    history = FakeHistory()
    history.ended, history.events = [ENDED], [CLOSED]
    assert asyncio.run(alarm_course.found_ended(Hub(dataclasses.replace(config, history=history)), "a1")) == ENDED


def test_while_the_history_is_away_what_was_seen_last_is_told(config):
    class Away(FakeHistory):
        def alarms(self, wanted, limit, after=None) -> list:
            raise UnreachableError("the history is away; start it")

        alarm_events = alarms

    hub = Hub(dataclasses.replace(config, history=Away()))
    gone(hub)
    row = asyncio.run(alarm_course.found_ended(hub, "a1"))
    assert row == an_alarm()
    sections = asyncio.run(drawers._sections(hub, subject(hub, row), "a1", row))
    assert dict(sections[0].facts)["fact.level"].en == "Orange, level II"


def test_of_the_alarms_that_left_the_newest_are_remembered():
    mirror = Mirror()
    mirror.load("e", 1, {f"a:{n}": an_alarm(str(n)) for n in range(LEFT_MOST + 2)})
    assert mirror.apply(Delta("e", 2, {}, ["a:0", "a:1"]), wall_ms=0)
    mirror.load("f", 1, {})
    assert len(mirror.left) == LEFT_MOST
    assert {"0", "1"} & set(mirror.left) == set()
