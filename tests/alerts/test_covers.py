"""What keeps alarms from being presented, worked out by hand; cases of public bug reports by their number there."""

from datetime import datetime

import pytest

from alerts.apply import apply
from alerts.commands import Lift, Restore, Shelve, Unshelve
from alerts.judge import judge_version
from alerts.judge_commands import judge_command
from alerts.projection import row
from alerts.roles import HOUR_MS
from streams.city.clock import ClockSetting
from streams.city.scope import Scope
from streams.city.windows import Weekly, Window, holds, next_change_ms
from tests.alerts.living import BEGUN_MS, live
from tests.alerts.writing import acknowledge, commanded, detection, of_command, opened_at, suppress, take_out, undo

AT_10 = opened_at(10)
raise_3, end_20 = detection(3, 10), detection(0, 20)
MINUTE_MS = 60_000


def shelve(command_id="k1", for_ms=MINUTE_MS, **other):
    return commanded(Shelve, AT_10, command_id, for_ms=for_ms, **other)


def shown(state):
    return [(one.id, one.shown, one.level, one.waiting_since_ms - BEGUN_MS) for one in state.open.values()]


def window(from_ms=None, until_ms=None):
    return Window(from_ms=from_ms, until_ms=until_ms)


WHILE = window(None, BEGUN_MS + 100_000)
"""The city clock is the engine's while nobody sets it."""

CASES = {
    "shelved for a minute (A13)": (
        [raise_3, shelve(), MINUTE_MS],
        ["raised", "shelve", "uncovered"],
        [(AT_10, "unacknowledged", 3, 62_000)],
    ),
    "shelved, and asked for again": (
        [raise_3, shelve(), commanded(Unshelve, AT_10, "k2")],
        ["raised", "shelve", "unshelve"],
        [(AT_10, "unacknowledged", 3, 3000)],
    ),
    "shelved twice": (
        [raise_3, shelve(), shelve("k2")],
        ["raised", "shelve", "already_shelved"],
        [(AT_10, "shelved", 3, 1000)],
    ),
    "an end of what nobody shelved": (
        [raise_3, commanded(Unshelve, AT_10, "k2")],
        ["raised", "not_shelved"],
        [(AT_10, "unacknowledged", 3, 1000)],
    ),
    "no shelf holds what is worse": (
        [raise_3, shelve(), detection(1, 30), MINUTE_MS],
        ["raised", "shelve", "risen"],
        [(AT_10, "unacknowledged", 1, 3000)],
    ),
    "an undo of a shelf": (
        [raise_3, shelve(), undo("k1", "k2"), MINUTE_MS],
        ["raised", "shelve", "undo"],
        [(AT_10, "unacknowledged", 3, 3000)],
    ),
    "an undo of the end of a shelf": (
        [raise_3, shelve(), commanded(Unshelve, AT_10, "k2"), undo("k2", "k3"), MINUTE_MS],
        ["raised", "shelve", "unshelve", "undo", "uncovered"],
        [(AT_10, "unacknowledged", 3, 62_000)],
    ),
    "shelved by role: two hours of a dispatcher's": (
        [raise_3, shelve("k1", 3 * HOUR_MS, role="dispatcher"), shelve("k2", 2 * HOUR_MS, role="dispatcher")],
        ["raised", "role_may_not", "shelve"],
        [(AT_10, "shelved", 3, 1000)],
    ),
    "an acknowledgement of what is shelved": (
        [raise_3, shelve(), acknowledge(AT_10, "k2"), MINUTE_MS],
        ["raised", "shelve", "acknowledge", "uncovered"],
        [(AT_10, "acknowledged", 3, 62_000)],
    ),
    "it began in a window and outlived it (A5)": (
        [suppress("w", WHILE, zone="z1"), raise_3, 100_000],
        ["suppress", "raised", "uncovered"],
        [(AT_10, "unacknowledged", 3, 100_000)],
    ),
    "it came and went in a window (A5)": (
        [suppress("w", WHILE, zone="z1"), raise_3, end_20, 100_000],
        ["suppress", "raised", "cleared", "uncovered"],
        [],
    ),
    "it was there before the window, and is over": (
        [raise_3, suppress("w", WHILE, zone="z1"), end_20, 100_000],
        ["raised", "suppress", "cleared", "uncovered"],
        [(AT_10, "returned_unacknowledged", 3, 100_000)],
    ),
    "what is worse in a window is suppressed, too": (
        [suppress("w", WHILE, domain="traffic"), raise_3, detection(1, 30)],
        ["suppress", "raised", "risen"],
        [(AT_10, "suppressed", 1, 3000)],
    ),
    "lifted": (
        [suppress("w", WHILE, kind="slow_traffic"), raise_3, of_command(Lift, "w", "k1")],
        ["suppress", "raised", "lift"],
        [(AT_10, "unacknowledged", 3, 3000)],
    ),
    "lifted twice": (
        [suppress("w", WHILE, zone="z1"), of_command(Lift, "w", "k1"), of_command(Lift, "w", "k2")],
        ["suppress", "lift", "lifted_already"],
        [],
    ),
    "an undo of what was lifted": (
        [suppress("w", WHILE, zone="z1"), raise_3, of_command(Lift, "w", "k1"), undo("k1", "k2")],
        ["suppress", "raised", "lift", "undo"],
        [(AT_10, "suppressed", 3, 3000)],
    ),
    "a window set for later (A17)": (
        [suppress("w", window(BEGUN_MS + 50_000, BEGUN_MS + 100_000), zone="z1"), raise_3, 47_999],
        ["suppress", "raised"],
        [(AT_10, "unacknowledged", 3, 2000)],
    ),
    "and its begin": (
        [suppress("w", window(BEGUN_MS + 50_000, BEGUN_MS + 100_000), zone="z1"), raise_3, 48_000],
        ["suppress", "raised", "covered"],
        [(AT_10, "suppressed", 3, 2000)],
    ),
    "two windows that overlap leave no gap (A17)": (
        [
            suppress("w1", WHILE, zone="z1"),
            suppress("w2", window(BEGUN_MS + 90_000, BEGUN_MS + 200_000), zone="z1"),
            raise_3,
            98_000,
        ],
        ["suppress", "suppress", "raised", "covered", "uncovered"],
        [(AT_10, "suppressed", 3, 3000)],
    ),
    "another place": (
        [suppress("w", WHILE, zone="z2"), raise_3],
        ["suppress", "raised"],
        [(AT_10, "unacknowledged", 3, 2000)],
    ),
    "a place that is none (A16)": ([suppress("w", WHILE)], ["no_place"], []),
    "a kind that is none (A16)": ([suppress("w", WHILE, kind="slow_trafic")], ["unknown_kind"], []),
    "a window that is over": ([suppress("w", window(None, BEGUN_MS), zone="z1")], ["over_already"], []),
    "a window without an end": ([suppress("w", window(1), zone="z1")], ["no_end"], []),
    "a window from end to begin": ([suppress("w", window(2, 1), zone="z1")], ["ends_before_it_begins"], []),
    "out of service goes before suppressed, and that before shelved": (
        [raise_3, shelve(), suppress("w", WHILE, zone="z1"), take_out("o", entity="s1")],
        ["raised", "shelve", "suppress", "take_out"],
        [(AT_10, "out_of_service", 3, 1000)],
    ),
    "put back (A4)": (
        [take_out("o", entity="s1"), raise_3, of_command(Restore, "o", "k1")],
        ["take_out", "raised", "restore"],
        [(AT_10, "unacknowledged", 3, 3000)],
    ),
    "a window by the city clock, which is fast": (
        [
            ClockSetting(at_ms=0, wall_ms=0, speed=60.0),
            suppress("w", window(None, 600_000), zone="z1"),
            raise_3,
            7_999,
            1,
        ],
        ["clock", "suppress", "raised", "uncovered"],
        [(AT_10, "unacknowledged", 3, 11_000)],
    ),
    "a city clock that jumps over a window": (
        [suppress("w", WHILE, zone="z1"), raise_3, ClockSetting(at_ms=2 * BEGUN_MS, wall_ms=0, speed=1.0)],
        ["suppress", "raised", "clock"],
        [(AT_10, "unacknowledged", 3, 3000)],
    ),
}


@pytest.mark.parametrize(("inputs", "did", "stands"), CASES.values(), ids=CASES)
def test_what_covers_alarms(inputs, did, stands):
    state, happened = live(*inputs)
    assert happened == did
    assert shown(state) == stands


def test_the_row_names_the_window_in_force_and_when_it_is_over():
    second = window(BEGUN_MS + 90_000, BEGUN_MS + 200_000)
    state, _ = live(suppress("w1", WHILE, zone="z1"), suppress("w2", second, zone="z1"), raise_3, 98_000)
    found = row(state.open[AT_10])
    assert (found["standing"], found["suppressed_by"]) == ("suppressed", "w2")
    assert found["suppressed_until_ms"] == BEGUN_MS + 200_000


def test_the_outcome_says_how_many_it_covers():
    others = [detection(3, 10, entity=f"s{number}") for number in range(5)]
    state, _ = live(*others, suppress("w", WHILE, zone="z1"))
    assert state.outcomes["w"].covers_count == 5


def test_each_change_by_a_person_or_by_expiry_is_a_revision():
    state, _ = live(raise_3, shelve(), MINUTE_MS)
    assert state.open[AT_10].revision == 3
    assert state.open[AT_10].last.what == "uncovered"


WEEKEND = Weekly(since="fri 18:00", until="sun 18:00")
NIGHT = Weekly(since="22:00", until="06:00")


@pytest.mark.parametrize(
    ("weekly", "zone", "at", "holds_then"),
    [
        (WEEKEND, "Europe/Berlin", "2026-11-26T12:00:00+01:00", False),
        (WEEKEND, "Europe/Berlin", "2026-11-27T17:59:59+01:00", False),
        (WEEKEND, "Europe/Berlin", "2026-11-27T18:00:00+01:00", True),
        (WEEKEND, "Europe/Berlin", "2026-11-28T12:00:00+01:00", True),
        (WEEKEND, "Europe/Berlin", "2026-11-29T17:59:59+01:00", True),
        (WEEKEND, "Europe/Berlin", "2026-11-29T18:00:00+01:00", False),
        (WEEKEND, "Asia/Shanghai", "2026-11-27T10:00:00+00:00", True),
        (Weekly(since="sun 18:00", until="mon 06:00"), "UTC", "2026-11-30T05:59:59+00:00", True),
        (NIGHT, "Asia/Shanghai", "2026-11-30T05:59:00+08:00", True),
        (NIGHT, "Asia/Shanghai", "2026-11-30T06:00:00+08:00", False),
        (NIGHT, "Europe/Berlin", "2027-03-28T05:59:00+02:00", True),
        (NIGHT, "Europe/Berlin", "2027-03-28T06:00:00+02:00", False),
    ],
)
def test_a_week_is_the_citys(weekly, zone, at, holds_then):
    at_ms = int(datetime.fromisoformat(at).timestamp() * 1000)
    of = Window(weekly=weekly, time_zone=zone)
    assert holds(of, at_ms) is holds_then
    assert next_change_ms(of, at_ms) > at_ms
    assert holds(of, next_change_ms(of, at_ms)) is not holds_then


def in_version(state, number, **schedules):
    scope = Scope(number, "c", schedules=schedules, time_zone="UTC")
    for event in list(judge_version(state, scope)):
        apply(state, event, BEGUN_MS)


def test_a_rules_alarms_are_suppressed_outside_of_its_schedule():
    at_night = Weekly(since="22:00", until="06:00")  # the clock of these tests begins at 00:16:40
    by_day = Weekly(since="06:00", until="22:00")
    state, _ = live(raise_3)
    for number, weekly, shows in (
        (1, by_day, "suppressed"),
        (2, at_night, "unacknowledged"),
        (3, by_day, "suppressed"),
    ):
        in_version(state, number, slow_traffic=weekly)
        assert state.open[AT_10].shown == shows
    assert row(state.open[AT_10])["suppressed_until_ms"] == 6 * HOUR_MS
    assert judge_command(state, of_command(Lift, "rule:slow_traffic", "k1"), BEGUN_MS).reason == "unknown_command"
    in_version(state, 4)
    assert state.open[AT_10].shown == "unacknowledged"
    assert not state.covers
