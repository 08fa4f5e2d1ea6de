"""The load of alarms that would have been, worked out by hand."""

import pytest

from deploy.trial import firing
from deploy.trial.firing import Fired
from streams.contract.records import Detection

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


def found(level: int, known_ms: int, entity: str = "w0") -> Detection:
    return Detection(city="c", domain="weather", kind="heat", entity=entity, zone="z", at_ms=0, known_at_ms=known_ms,
                     level=level)  # fmt: skip


def loaded(alarms: list[Fired], hours: int = 1, desks: int = 1) -> firing.Load:
    return firing.load(alarms, [], (0, hours * HOUR_MS), desks)


def broken(load: firing.Load, *others: Fired, hours: int = 1) -> list[str]:
    return [one.en for one in firing.broken(load, loaded([*others], hours))]


def test_findings_open_and_end_alarms_each_at_its_highest_level():
    log = [found(4, 10), found(3, 11, "w1"), found(2, 20), found(4, 30), found(0, 40), found(3, 50), found(0, 60, "w9")]
    assert firing.fired(log) == [
        Fired("w0", 10, 40, 2), Fired("w1", 11, None, 3), Fired("w0", 50, None, 3),
    ]  # fmt: skip


def test_the_empty_windows_count_in_the_average():
    """Three in the first ten minutes, one in the second, and four windows without any: 4 / 6."""
    alarms = [Fired("a", at * MINUTE_MS, None, 4) for at in (0, 5, 9, 10)]
    load = loaded(alarms)
    assert (load.average_in_10min, load.worst_in_10min, load.worst_at_ms) == (0.6667, 3, 0)
    assert (load.first_at_ms, load.last_at_ms, load.flood_ratio) == (0, 10 * MINUTE_MS, 0)
    assert loaded(alarms, desks=2).worst_in_10min == 1.5


def test_eleven_in_ten_minutes_are_a_flood_and_break_the_limit():
    alarms = [Fired(f"s{n}", 20 * MINUTE_MS + n, 21 * MINUTE_MS, 3) for n in range(11)]
    load = loaded(alarms)
    assert (load.flood_ratio, load.by_level) == (0.1667, {"1": 0, "2": 0, "3": 11, "4": 0})  # one window of six
    assert broken(load) == ["11 alarms of a desk in one window of 10 min, at most 10"]
    assert broken(loaded(alarms[:10])) == []
    assert broken(loaded(alarms, desks=2)) == []


def test_an_average_above_two_breaks_the_limit():
    """13 in an hour: 13 / 6 = 2.1667; 12 are 2."""
    alarms = [Fired("s", n * 4 * MINUTE_MS, None, 4) for n in range(13)]
    assert broken(loaded(alarms)) == ["2.1667 alarms of a desk in 10 min on average, at most 2"]
    assert broken(loaded(alarms[:12])) == []


def test_five_that_stand_for_a_day_break_the_limit_and_the_longest_is_named():
    alarms = [Fired(f"s{n}", 0, DAY_MS + n + 1, 4) for n in range(5)]
    load = loaded(alarms, hours=48)
    assert (load.standing_count, load.longest_s, load.longest_at) == (5, 86_400.005, "s4")
    assert broken(load) == ["5 alarms stand for more than a day, fewer than 5 may"]
    assert loaded([Fired("s", 0, None, 4)], hours=24).standing_count == 0
    assert loaded([Fired("s", 0, None, 4)], hours=25).longest_s == 25 * 3600


@pytest.mark.parametrize(("times", "chatters"), [((0, 30, 60), 1), ((0, 30, 61), 0), ((0, 50, 100, 110), 1), ((0,), 0)])
def test_three_changes_within_a_minute_are_chattering(times: tuple[int, ...], chatters: int):
    changes = [found(4 * (n % 2 == 0), at_s * 1000) for n, at_s in enumerate(times)]
    load = firing.load([], changes, (0, HOUR_MS))
    assert load.chattering_count == chatters
    assert len(broken(load)) == chatters


def test_places_that_alarm_most_come_first():
    alarms = [Fired(entity, n, None, 4) for n, entity in enumerate("abbccc")]
    assert [(one.entity, one.alarms_count) for one in loaded(alarms).top] == [("c", 3), ("b", 2), ("a", 1)]


def test_no_alarm_is_no_load():
    load = loaded([])
    assert (load.alarms_count, load.longest_s, load.first_at_ms, load.worst_at_ms, load.top) == (
        0,
        None,
        None,
        None,
        [],
    )
    assert broken(load) == []


def at_minutes(*minutes: float) -> list[Fired]:
    return [Fired(f"s{n}", round(minute * MINUTE_MS), (round(minute) + 1) * MINUTE_MS, 3)
            for n, minute in enumerate(minutes)]  # fmt: skip


FLOOD = at_minutes(*(20 + n / 10 for n in range(11)))


@pytest.mark.parametrize(
    ("others", "own", "said"),
    [
        (at_minutes(*(20 + n / 10 for n in range(7))), at_minutes(21, 22, 23), []),  # 7 + 3 = 10
        (at_minutes(*(20 + n / 10 for n in range(8))), at_minutes(21, 22, 23), ["11 alarms of a desk in one window"]),
        (FLOOD, [], []),  # what others broke, this one has not
        (FLOOD, at_minutes(50), []),  # nor where it comes at another time: 12 in an hour are 2 on average
        (FLOOD, at_minutes(21), ["12 alarms of a desk in one window"]),
        (FLOOD, at_minutes(50, 51), ["2.1667 alarms of a desk in 10 min on average"]),  # 13 / 6
    ],
)
def test_a_rule_is_judged_with_what_the_others_bring(others, own, said):
    found = firing.broken(loaded([*others, *own]), loaded(others))
    assert [one.en.partition(",")[0][: len(text)] for one, text in zip(found, said, strict=True)] == said
