"""Limits, retries, back-off, refusals and who takes over."""

from itertools import pairwise

import pytest

from alerts.notifiers.verdicts import Failed, Retry, Sent
from tests.alerts.notifiers.telling import Telling, route

MINUTE_MS = 60_000


def test_after_the_limit_level_i_leaves_at_once_and_the_rest_as_one_summary():
    telling = Telling(route(per_minute=5, group_wait_s=0))
    for number in range(200):
        telling.alarm(number=number, level=3, zone=f"z{number}", at_ms=telling.now_ms)
        telling.turn()
        telling.now_ms += 50
    raised_ms = telling.now_ms
    telling.alarm(number=900, level=1, zone="z900")
    telling.wait(90)
    at_ms = [at_ms for at_ms, one, _ in telling.sent if one.items[0].face.level == 1]
    assert at_ms == [pytest.approx(raised_ms, abs=5_000)]
    summaries = [one for _, one, _ in telling.sent if one.summary]
    assert [len(one.items) for one in summaries] == [195]
    assert "200" not in telling.texts()[0]
    assert "195" in telling.texts()[-1].splitlines()[0]
    assert sorted(alarm for _, alarm in telling.told()) == sorted([f"a{n}" for n in range(200)] + ["a900"])


def test_429_is_honoured_and_the_raise_comes_once_before_the_end_that_came_meanwhile():
    telling = Telling(route(group_wait_s=0))
    answers = [Retry("rate_limited", 7.0), Retry("rate_limited", 7.0)]
    telling.verdict = lambda one: answers.pop(0) if answers else Sent()
    telling.alarm()
    telling.wait(1)
    telling.alarm(state="cleared", standing="returned_unacknowledged")
    telling.close()
    telling.wait(40)
    tries = [(at_ms, one.id) for at_ms, one, _ in telling.sent]
    assert tries[1][0] - tries[0][0] >= 7_000
    assert tries[2][0] - tries[1][0] >= 7_000
    assert len({number for _, number in tries[:3]}) == 1
    assert telling.told() == [("raised", "a1"), ("ended", "a1")]


def test_whom_a_receiver_asks_to_wait_all_wait_behind_but_level_i():
    telling = Telling(route(group_wait_s=0))
    answers = [Retry("rate_limited", 7.0)]
    telling.verdict = lambda one: answers.pop(0) if answers else Sent()
    for number in range(3):
        telling.alarm(number=number, zone=f"z{number}")
    telling.wait(2)
    telling.alarm(number=9, level=1, zone="z9")
    telling.wait(10)
    assert [alarm for _, alarm in telling.told()] == ["a9", "a0", "a1", "a2"]
    assert telling.sent[2][0] - telling.sent[0][0] >= 7_000


def test_401_is_not_tried_again_and_the_route_is_failing_until_it_delivers():
    telling = Telling(route(group_wait_s=0))
    telling.verdict = lambda one: Failed("unauthorised", "HTTP 401")
    telling.alarm(number=1)
    telling.wait(30)
    telling.alarm(number=1, count=2)
    telling.close(1)
    telling.wait(30)
    assert len(telling.sent) == 1
    (notice,) = telling.dispatch.notices()
    assert notice.degraded
    assert notice.en == "notifier route duty is failing: the receiver refuses the key or token (HTTP 401)"
    assert "密钥" in notice.zh
    assert [note["state"] for note in telling.notes] == ["held"]
    telling.verdict = lambda one: Sent()
    telling.alarm(number=2)
    telling.wait(6)
    assert telling.dispatch.notices() == []
    assert telling.told() == [("raised", "a2"), ("passed", "a1")]


def test_a_slow_receiver_gets_the_same_id_each_time_and_the_record_says_not_confirmed_then_delivered():
    telling = Telling(route(group_wait_s=0))
    answers = [Retry("timed_out")]
    telling.verdict = lambda one: answers.pop(0) if answers else Sent()
    telling.alarm()
    telling.wait(5)
    assert [(note["state"], note["message"]) for note in telling.notes] == [
        ("not_confirmed", telling.sent[0][1].id),
        ("delivered", telling.sent[0][1].id),
    ]


def test_the_fallback_takes_over_after_the_stated_number_of_tries_and_is_told_the_end():
    telling = Telling(route("a", tries=3, fallback="b", group_wait_s=0), route("b", level=1, group_wait_s=0))
    telling.verdict = lambda one: Retry("server_error") if one.route == "a" else Sent()
    telling.alarm(level=2)
    telling.wait(0.5)
    assert [one.route for _, one, _ in telling.sent] == ["a"]
    telling.wait(10)
    assert [one.route for _, one, _ in telling.sent] == ["a", "a", "a", "b"]
    telling.close()
    telling.wait(10)
    assert telling.told() == [("raised", "a1"), ("ended", "a1")]


def test_back_off_doubles():
    telling = Telling(route(group_wait_s=0))
    telling.verdict = lambda one: Retry("unreachable")
    telling.alarm()
    telling.wait(32)
    at_ms = [at_ms for at_ms, _, _ in telling.sent]
    assert [round((b - a) / 1000) for a, b in pairwise(at_ms)] == [1, 2, 4, 8, 16]


def test_after_any_number_of_tries_there_is_one_more_within_five_minutes():
    telling = Telling(route(group_wait_s=0))
    telling.verdict = lambda one: Retry("unreachable")
    telling.alarm()
    for _ in range(2_000):
        telling.turn()
        telling.now_ms += 300_000
    assert len(telling.sent) == 2_000


def test_without_a_fallback_a_receiver_that_is_away_for_hours_gets_all_when_it_is_back():
    telling = Telling(route(group_wait_s=0, tries=3))
    telling.verdict = lambda one: Retry("unreachable")
    telling.alarm(number=1)
    telling.wait(10)
    telling.alarm(number=2)
    for _ in range(12):
        telling.now_ms += 10 * MINUTE_MS
        telling.wait(1)
    telling.verdict = lambda one: Sent()
    telling.wait(310)
    assert telling.told() == [("raised", "a1"), ("raised", "a2")]


def test_what_comes_while_a_receiver_is_away_goes_together_when_it_is_back_and_level_i_is_tried_at_once():
    telling = Telling(route(group_wait_s=0, per_minute=100))
    telling.verdict = lambda one: Retry("unreachable")
    telling.alarm(number=0)
    telling.wait(5)
    for number in range(1, 200):
        telling.alarm(number=number, zone=f"z{number}")
    telling.alarm(number=900, level=1, zone="z900")
    telling.turn()
    assert telling.sent[-1][1].items[0].face.alarm == "a900"
    telling.verdict = lambda one: Sent()
    telling.wait(30)
    assert sorted(alarm for _, alarm in telling.told()) == sorted([f"a{n}" for n in range(200)] + ["a900"])
    assert [len(one.items) for _, one, _ in telling.sent if one.summary] == [199]


def test_a_new_level_i_leaves_at_once_though_a_receiver_hangs_on_many():
    telling = Telling(route(per_minute=1))
    for number in range(20):
        telling.alarm(number=number, level=1, zone=f"z{number}")
    asked = []
    while letters := telling.dispatch.due(telling.now_ms):
        asked += letters
        telling.now_ms += 10_000
        for one in letters:
            telling.dispatch.done(one, Retry("timed_out"), telling.now_ms)
        if len(asked) > 60:
            break
    hanging = telling.dispatch.due(telling.now_ms + 300_000)
    telling.alarm(number=99, level=1, zone="z99")
    (one,) = telling.dispatch.due(telling.now_ms + 300_000)
    assert hanging
    assert [item.face.alarm for item in one.items] == ["a99"]


def test_a_thousand_alarms_in_a_minute_pass_a_robot_that_takes_20_a_minute_each_told_once():
    telling = Telling(route(channel="wecom", per_minute=20))
    taken_ms = []

    def robot(_):
        """Refuse what is too much within a minute."""
        recent = [at_ms for at_ms in taken_ms if telling.now_ms - at_ms < 60_000]
        if len(recent) >= 20:
            return Retry("rate_limited", 60.0, "errcode 45009")
        taken_ms.append(telling.now_ms)
        return Sent()

    telling.verdict = robot
    for number in range(1_000):
        telling.alarm(number=number, level=1 if number % 100 == 0 else 3, zone=f"z{number % 40}")
        if number % 20 == 19:
            telling.wait(1)
    telling.wait(300)
    told = telling.told()
    assert sorted(told) == sorted(("raised", f"a{number}") for number in range(1_000))
    summaries = [one for _, one, verdict in telling.sent if one.summary and verdict == Sent()]
    assert sum(len(one.items) for one in summaries) > 500  # what was beyond the limit, with its number
    assert len(taken_ms) < 60
