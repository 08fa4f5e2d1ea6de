"""Who is on duty: shifts over the changes of summer time, and what is told to the next because nobody is."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.notifiers.duty import on_duty, weekly
from alerts.notifiers.verdicts import Sent
from tests.alerts.notifiers.telling import NOW_MS, Telling, route

SHIFTS = ("06:00-14:00", "14:00-22:00", "22:00-06:00")
NIGHTS_HOURS = {"2027-03-27": 7, "2027-10-30": 9, "2027-06-15": 8}
"""From 22:00 of that day, in Berlin: the clocks are set an hour on, an hour back, not at all."""


def at_ms(day, hour=0):
    return int((datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=hour)).timestamp() * 1000)


@pytest.mark.parametrize("day", NIGHTS_HOURS)
def test_shifts_that_follow_one_another_have_no_gap_and_no_overlap(day):
    minutes = range(at_ms(day), at_ms(day, 48), 60_000)
    there = [[on_duty([shift], "Europe/Berlin", minute) for shift in SHIFTS] for minute in minutes]
    assert {sum(one) for one in there} == {1}
    from_ms = at_ms(day, 18)  # after 19:00 and before 22:00 in Berlin
    night = [on_duty([SHIFTS[2]], "Europe/Berlin", minute) for minute in range(from_ms, from_ms + 72_000_000, 60_000)]
    assert sum(night) / 60 == NIGHTS_HOURS[day]


def test_working_days_are_several_shifts():
    hours = ("mon 08:00-mon 17:00", "fri 18:00-sun 18:00")
    # 2027-03-01 is a Monday
    moments = [(0, 7), (0, 8), (0, 16), (0, 17), (1, 9), (4, 18), (5, 12), (6, 17), (6, 18)]
    there = [on_duty(hours, "UTC", at_ms("2027-03-01", 24 * day + hour)) for day, hour in moments]
    assert there == [False, True, True, False, False, True, True, True, False]


@pytest.mark.parametrize("text", ["", "08:00", "8:00-17:00", "mon 08:00-17:00", "08:00-08:00", "24:00-06:00"])
def test_what_is_no_shift_is_none(text):
    assert weekly(text) is None


# NOW_MS is 2023-11-15 06:13 in Shanghai
OFF, ON = ("08:00-20:00",), ("06:00-14:00",)


def test_where_nobody_is_on_duty_the_next_is_told_at_once_and_the_record_says_why():
    telling = Telling(
        route("desk", hours=OFF, fallback="supervisor"),
        route("supervisor", after_s=900),
    )
    telling.alarm(level=1)
    telling.wait(5)
    assert [(one.route, at - NOW_MS <= 5_000) for at, one, _ in telling.sent] == [("supervisor", True)]
    assert telling.told() == [("raised", "a1")]
    (note,) = [note for note in telling.notes if note["state"] == "passed_on"]
    assert (note["route"], note["reason"], note["alarms"]) == ("desk", "nobody_on_duty", ["a1"])
    telling.wait(1200)
    assert telling.told() == [("raised", "a1")]


def test_who_is_on_duty_is_told_and_the_next_after_its_time():
    telling = Telling(route("desk", hours=ON, fallback="supervisor"), route("supervisor", after_s=900))
    telling.alarm(level=1)
    telling.wait(890)
    assert telling.told("supervisor") == []
    telling.wait(20)
    assert telling.told("desk") == telling.told("supervisor") == [("raised", "a1")]


def test_a_roster_tells_whoever_is_there_and_the_last_if_nobody_is():
    early = route("early", hours=OFF, fallback="late")
    late = route("late", hours=("14:00-22:00",), fallback="chief", standby=True)
    telling = Telling(early, late, route("chief", standby=True))
    telling.alarm(level=1)
    telling.wait(5)
    assert [one.route for _, one, _ in telling.sent] == ["chief"]
    telling.now_ms += 9 * 3_600_000  # 15:13
    telling.routes["late"] = late
    telling.alarm(number=2, level=1, at_ms=telling.now_ms)
    telling.wait(5)
    assert [one.route for _, one, _ in telling.sent] == ["chief", "early"]
    telling.now_ms += 5 * 3_600_000  # 20:13
    telling.alarm(number=3, level=1, at_ms=telling.now_ms)
    telling.wait(5)
    assert [one.route for _, one, _ in telling.sent] == ["chief", "early", "late"]


def test_whom_the_raise_was_told_is_told_the_end_though_the_shift_is_over():
    telling = Telling(route("desk", hours=ON, fallback="night"), route("night", standby=True))
    telling.alarm()
    telling.wait(6)
    telling.now_ms += 10 * 3_600_000
    telling.close()
    telling.wait(6)
    assert telling.told("desk") == [("raised", "a1"), ("ended", "a1")]
    assert telling.told("night") == []


def test_what_was_passed_on_is_told_once_over_a_restart():
    telling = Telling(route("desk", hours=OFF, fallback="night"), route("night", standby=True, group_wait_s=60))
    telling.alarm()
    telling.wait(5)
    telling.restart()
    telling.wait(90)
    assert [(one.route, verdict) for _, one, verdict in telling.sent] == [("night", Sent())]
