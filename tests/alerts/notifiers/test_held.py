"""What was refused because a route's key was wrong goes out when that is mended, and nothing of it twice."""

import pytest

from alerts.notifiers.verdicts import Failed, Sent
from tests.alerts.notifiers.telling import Telling, route, row

REFUSED = Failed("unauthorised", "HTTP 401")


def refusing(**more):
    telling = Telling(route(group_wait_s=0, **more))
    telling.verdict = lambda one: REFUSED
    return telling


def mended(telling, *stood):
    telling.verdict = lambda one: Sent()
    telling.restart(*stood)


def test_after_a_start_all_goes_out_as_one_summary_and_once():
    telling = refusing(per_minute=3)
    for number in range(300):
        telling.alarm(number=number, zone=f"z{number}", level=2)
    telling.wait(120)
    tried = len(telling.sent)
    mended(telling)
    telling.wait(120)
    assert len(telling.told()) == len(set(telling.told())) == 300
    assert [(one.summary, len(one.items)) for _, one, _ in telling.sent[tried:]] == [(True, 300)]
    mended(telling)
    telling.wait(120)
    assert len(telling.told()) == 300


def test_one_alone_goes_out_as_it_is():
    telling = refusing()
    telling.alarm()
    telling.wait(5)
    mended(telling)
    telling.wait(5)
    (one,) = [one for _, one, verdict in telling.sent if verdict == Sent()]
    assert telling.told() == [("raised", "a1")]
    assert not one.summary


def test_with_the_same_wrong_key_a_start_tries_once_and_forgets_nothing():
    telling = refusing()
    telling.alarm(level=1)
    telling.wait(60)
    assert len(telling.sent) == 1
    telling.restart()
    telling.wait(60)
    assert len(telling.sent) == 2
    mended(telling)
    telling.wait(5)
    assert telling.told() == [("raised", "a1")]


def test_each_new_alarm_asks_again_and_the_rest_follows_the_first_that_is_taken():
    telling = refusing()
    telling.alarm(number=1)
    telling.wait(5)
    telling.alarm(number=2, zone="z2")
    telling.wait(5)
    assert len(telling.sent) == 2
    telling.verdict = lambda one: Sent()
    telling.alarm(number=3, zone="z3", level=1)
    telling.wait(5)
    assert telling.told() == [("raised", "a3"), ("raised", "a1"), ("raised", "a2")]


def test_what_ended_meanwhile_is_one_line_that_says_so():
    telling = refusing(language="en")
    telling.alarm(number=1, level=1)
    telling.alarm(number=2)
    telling.wait(5)
    telling.alarm(number=1, level=1, state="cleared", standing="returned_unacknowledged")
    telling.close(1)
    telling.wait(5)
    mended(telling)
    telling.wait(5)
    assert telling.told() == [("raised", "a2"), ("passed", "a1")]
    assert "Level I (over before it could be sent) Underpass flooding" in telling.texts()[-1]


def test_of_what_was_told_before_only_the_end_follows():
    telling = Telling(route(group_wait_s=0))
    telling.alarm(level=3)
    telling.wait(5)
    telling.verdict = lambda one: REFUSED
    telling.alarm(level=2, at_ms=telling.now_ms)
    telling.wait(5)
    telling.close()
    telling.wait(5)
    mended(telling)
    telling.wait(5)
    assert telling.told() == [("raised", "a1"), ("ended", "a1")]


@pytest.mark.parametrize("standing", ["suppressed", "shelved", "out_of_service"])
def test_what_is_covered_meanwhile_is_taken_back_with_a_note(standing):
    telling = refusing()
    telling.alarm()
    telling.wait(5)
    telling.alarm(standing=standing)
    telling.keep()
    mended(telling, row(standing=standing))
    telling.wait(5)
    assert telling.told() == []
    assert [(one["state"], one["reason"]) for one in telling.notes] == [
        ("held", "unauthorised"),
        ("withdrawn", standing),
    ]


def test_a_level_i_that_comes_while_much_is_held_is_tried_at_once():
    telling = refusing(per_minute=1)
    for number in range(50):
        telling.alarm(number=number)
    telling.wait(5)
    telling.verdict = lambda one: Sent()
    telling.alarm(number=99, level=1)
    telling.turn()
    assert telling.told() == [("raised", "a99")]


def test_an_end_that_the_fallback_knows_nothing_of_is_held_for_whom_it_is():
    telling = Telling(route("a", fallback="b", group_wait_s=0), route("b", standby=True, group_wait_s=0))
    telling.alarm()
    telling.wait(5)
    telling.verdict = lambda one: REFUSED if one.route == "a" else Sent()
    telling.close()
    telling.wait(5)
    assert telling.told("b") == []
    mended(telling)
    telling.wait(5)
    assert telling.told("a") == [("raised", "a1"), ("ended", "a1")]
