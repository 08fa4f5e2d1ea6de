"""Who is told what and when: covers, chains, rises, the limit, retries, restarts.

Peer bugs A2, A5, A7, A18, A20, A21.
"""

import msgspec
import pytest

from tests.alerts.notifiers.telling import NOW_MS, Telling, route

MINUTE_MS = 60_000


def test_what_outlives_a_suppression_is_told_once_and_what_ended_in_it_never():
    telling = Telling(route())
    telling.alarm(number=1, standing="suppressed")
    telling.alarm(number=2, standing="suppressed")
    telling.wait(10)
    telling.alarm(number=2, standing="suppressed", state="cleared")
    telling.close(2)
    telling.wait(10)
    assert telling.sent == []
    telling.alarm(number=1, at_ms=telling.now_ms)
    telling.wait(10)
    assert telling.told() == [("raised", "a1")]


def test_an_end_is_told_only_where_the_raise_was_and_once():
    telling = Telling(route())
    telling.alarm(number=1)
    telling.alarm(number=2, standing="acknowledged")
    telling.wait(6)
    telling.alarm(number=1, state="cleared", standing="returned_unacknowledged")
    telling.alarm(number=2, state="cleared", standing="normal")
    telling.wait(6)
    telling.close(1)
    telling.close(2)
    telling.wait(6)
    assert telling.told() == [("raised", "a1"), ("ended", "a1")]


def test_a_shelved_alarm_ends_silently_until_it_is_closed():
    telling = Telling(route())
    telling.alarm()
    telling.wait(6)
    telling.alarm(standing="shelved", state="cleared")
    telling.wait(6)
    assert telling.told() == [("raised", "a1")]
    telling.close()
    telling.wait(6)
    assert telling.told() == [("raised", "a1"), ("ended", "a1")]


def test_a_rise_is_one_message_and_a_fall_none():
    telling = Telling(route())
    telling.alarm(level=3)
    telling.wait(6)
    telling.alarm(level=3, standing="acknowledged")
    telling.alarm(level=1, at_ms=NOW_MS + MINUTE_MS)
    telling.wait(6)
    telling.alarm(level=1, at_ms=NOW_MS + MINUTE_MS, standing="acknowledged")
    telling.alarm(level=2, at_ms=NOW_MS + MINUTE_MS, standing="acknowledged")
    telling.alarm(level=2, at_ms=NOW_MS + MINUTE_MS, standing="acknowledged", count=7)
    telling.wait(6)
    assert telling.told() == [("raised", "a1"), ("risen", "a1")]


def test_a_reading_more_changes_nothing_and_costs_no_record():
    telling = Telling(route())
    telling.alarm()
    telling.wait(6)
    kept = dict(telling.kept)
    for count in range(20):
        telling.alarm(count=count, value=0.4 + count)
        telling.wait(1)
    assert telling.told() == [("raised", "a1")]
    assert telling.kept == kept


def test_the_steps_of_a_chain_end_when_somebody_takes_it_and_begin_anew_when_nobody_has_it():
    telling = Telling(
        route("desk", group_wait_s=0), route("sms", after_s=60, group_wait_s=0), route("chief", after_s=300)
    )
    telling.alarm(number=1, standing="suppressed")
    telling.alarm(number=2, at_ms=NOW_MS)
    telling.wait(30)
    telling.alarm(number=2, at_ms=NOW_MS, standing="acknowledged", acknowledged_by="李敏")
    telling.wait(90)
    withdrawn = [(one["route"], one["reason"], one["detail"]) for one in telling.notes if one["state"] == "withdrawn"]
    assert withdrawn == [("sms", "acknowledged", "李敏"), ("chief", "acknowledged", "李敏")]
    assert telling.told() == [("raised", "a2")]
    again_ms = telling.now_ms
    telling.alarm(number=2, at_ms=again_ms)
    telling.wait(400)
    assert telling.told("desk") == [("raised", "a2"), ("waiting", "a2")]
    assert telling.told("sms") == [("raised", "a2")]
    assert telling.told("chief") == [("raised", "a2")]
    due_ms = {one.route: at_ms - again_ms for at_ms, one, _ in telling.sent if at_ms >= again_ms}
    assert due_ms == {"desk": 0, "sms": pytest.approx(60_000, abs=500), "chief": pytest.approx(305_000, abs=500)}


def test_an_alarm_that_ends_before_its_step_is_due_is_told_to_that_step_neither_way():
    telling = Telling(route("sms", after_s=60))
    telling.alarm()
    telling.wait(20)
    telling.close()
    telling.wait(120)
    assert telling.sent == []


@pytest.mark.parametrize(
    ("chosen", "takes"),
    [
        ({}, True),
        ({"level": 2}, False),
        ({"level": 3}, True),
        ({"domains": ("water", "fire")}, True),
        ({"domains": ("fire",)}, False),
        ({"zones": ("z2",)}, False),
        ({"kinds": ("underpass_flooding",)}, True),
        ({"desks": ("d1",)}, False),
        ({"desks": ("d2",)}, True),
        ({"equipment": True}, True),
    ],
)
def test_a_route_takes_what_its_settings_say(chosen, takes):
    telling = Telling(msgspec.structs.replace(route(), **chosen))
    telling.alarm(level=3, assigned_to="d2")
    telling.wait(6)
    assert bool(telling.sent) == takes


def test_an_end_waits_and_what_comes_again_meanwhile_is_told_as_neither():
    telling = Telling(route(group_wait_s=0, end_wait_s=15))
    telling.alarm(level=2)
    telling.wait(5)
    for _ in range(5):
        telling.alarm(level=2, state="cleared", standing="returned_unacknowledged")
        telling.wait(6)
        telling.alarm(level=2)
        telling.wait(6)
    assert telling.told() == [("raised", "a1")]
    telling.alarm(level=2, state="cleared", standing="returned_unacknowledged")
    telling.wait(1)
    telling.close()
    ended_ms = telling.now_ms
    telling.wait(30)
    assert telling.told() == [("raised", "a1"), ("ended", "a1")]
    assert telling.sent[-1][0] - ended_ms == pytest.approx(14_000, abs=500)


def test_what_comes_again_before_its_end_is_told_but_worse_has_risen():
    telling = Telling(route(group_wait_s=0, end_wait_s=15))
    telling.alarm(level=2)
    telling.wait(5)
    telling.alarm(level=2, state="cleared", standing="returned_unacknowledged")
    telling.wait(5)
    telling.alarm(level=1, at_ms=telling.now_ms)
    telling.wait(20)
    assert telling.told() == [("raised", "a1"), ("risen", "a1")]


def test_a_latched_alarm_is_over_when_it_is_reset_and_not_before():
    telling = Telling(route(group_wait_s=0))
    telling.alarm(standing="suppressed")
    telling.alarm(standing="suppressed", state="cleared", process="latched")
    telling.wait(6)
    assert telling.sent == []
    telling.alarm(standing="latched_unacknowledged", state="cleared", process="latched", at_ms=telling.now_ms)
    telling.wait(6)
    assert telling.told() == [("raised", "a1")]
    telling.close()
    telling.wait(6)
    assert telling.told() == [("raised", "a1"), ("ended", "a1")]


def test_nothing_is_told_of_what_is_covered_before_its_message_could_leave():
    telling = Telling(route(group_wait_s=10))
    telling.alarm()
    telling.wait(5)
    telling.alarm(standing="suppressed")
    telling.wait(20)
    assert telling.sent == []
    telling.alarm(at_ms=telling.now_ms)
    telling.wait(20)
    assert telling.told() == [("raised", "a1")]


def test_a_step_that_is_due_but_has_not_left_is_taken_back_too_when_somebody_acknowledges():
    telling = Telling(route("sms", after_s=60, group_wait_s=10))
    telling.alarm()
    telling.wait(65)
    telling.alarm(standing="acknowledged", acknowledged_by="李敏")
    telling.wait(20)
    assert telling.sent == []
    assert [(one["state"], one["detail"]) for one in telling.notes] == [("withdrawn", "李敏")]


def test_a_level_that_goes_up_and_down_does_not_put_off_the_steps_of_a_chain():
    telling = Telling(route("chief", after_s=60, group_wait_s=0))
    for _ in range(4):
        telling.alarm(level=1, at_ms=telling.now_ms)
        telling.wait(20)
        telling.alarm(level=2, at_ms=telling.now_ms - 20_000)
        telling.wait(1)
    assert telling.told()[0] == ("raised", "a1")
    assert telling.sent[0][0] - NOW_MS == pytest.approx(60_000, abs=500)


def test_two_consoles_at_once_make_no_message_more():
    telling = Telling(route(group_wait_s=0))
    telling.alarm(level=2)
    telling.wait(5)
    for revision in range(100):
        telling.alarm(level=2, standing="acknowledged", acknowledged_by="A", revision=revision)
        telling.wait(0.25)
    assert telling.told() == [("raised", "a1")]


def test_what_is_not_heard_any_more_is_told_neither_when_it_goes_nor_when_it_comes():
    telling = Telling(route(group_wait_s=0))
    telling.alarm(level=2)
    telling.wait(5)
    for uncertain_ms in (None, NOW_MS, None):
        telling.alarm(level=2, standing="acknowledged", uncertain_since_ms=uncertain_ms)
        telling.wait(1800)
    assert telling.told() == [("raised", "a1")]


def test_what_only_concerns_a_device_is_told_where_the_route_wants_it():
    telling = Telling(route("duty"), route("workshop", equipment=True))
    telling.alarm(kind="sensor_silent", equipment=True)
    telling.wait(6)
    assert [one.route for _, one, _ in telling.sent] == ["workshop"]


def test_alarms_of_an_incident_leave_as_one_message_of_a_kind_in_a_zone_too():
    telling = Telling(route())
    for number in range(3):
        telling.alarm(number=number, kind=f"k{number}", incident="i1")
    for number in (3, 4):
        telling.alarm(number=number)
    telling.wait(6)
    assert sorted(len(one.items) for _, one, _ in telling.sent) == [2, 3]
