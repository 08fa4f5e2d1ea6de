"""Whom a refusal names: whoever did what the command is refused for, and nobody who merely came last."""

import pytest

from alerts.commands import Assign, Fold, Lift, Restore, Shelve, Split, Unacknowledge, Unshelve
from streams.city.windows import Window
from tests.alerts.grouping import BEGUN_MS, Room
from tests.alerts.writing import acknowledge, commanded, of_command, suppress, take_out, undo

DAY_MS = 86_400_000
NOBODY = ("", "")


def refused(room: Room, command: object) -> tuple[str, tuple[str, str]]:
    """Why a command is refused, and who did what."""
    assert room.command(command) != "done"
    outcome = room.state.outcomes[command.id]
    return outcome.reason, (outcome.by, outcome.did)


def done(room: Room, *commands: object) -> None:
    assert [room.command(one) for one in commands] == ["done"] * len(commands)


def by_wang(kind: type, alarm: str, command_id: str, **other: object) -> object:
    return commanded(kind, alarm, command_id, who="王强", **other)


@pytest.mark.parametrize(
    ("covers", "uncovers"),
    [(suppress("c", Window(until_ms=BEGUN_MS + DAY_MS), zone="z1"), Lift), (take_out("c", zone="z1"), Restore)],
    ids=["suppressed", "out of service"],
)
def test_the_second_who_takes_a_cover_away_is_told_of_the_first(covers, uncovers):
    room = Room()
    done(room, covers, of_command(uncovers, "c", "k1"))
    second = of_command(uncovers, "c", "k2")
    assert refused(room, second) == ("lifted_already", ("李敏", second.action))
    assert room.state.outcomes["k2"].did_at_ms == room.state.outcomes["k1"].at_ms


def test_a_cover_that_was_undone_or_is_over_is_told_so():
    room = Room()
    done(room, suppress("c", Window(until_ms=BEGUN_MS + DAY_MS), zone="z1"), undo("c", "u"))
    assert refused(room, of_command(Lift, "c", "k1")) == ("lifted_already", ("李敏", "undo"))
    done(room, suppress("d", Window(until_ms=BEGUN_MS + DAY_MS), zone="z1"))
    room.wait(DAY_MS)
    assert refused(room, of_command(Lift, "d", "k2")) == ("lifted_already", NOBODY)


def test_what_never_covered_a_place_is_not_said_to_be_lifted():
    room = Room()
    alarm = room.find(3, "heat", "t1")
    done(room, acknowledge(alarm, "a"))
    assert room.command(suppress("odd", Window(until_ms=1), zone="z1")) == "over_already"
    assert [refused(room, of_command(Lift, of, f"k-{of}"))[0] for of in ("a", "odd", "x")] == ["unknown_command"] * 3


def test_an_acknowledgement_is_told_by_who_gave_it_whatever_came_since():
    room = Room()
    alarm = room.find(3, "heat", "t1")
    done(room, acknowledge(alarm, "a"), by_wang(Assign, alarm, "b", to="d1"))
    assert refused(room, acknowledge(alarm, "k", seen_level=None)) == ("already_acknowledged", ("李敏", "acknowledge"))


def test_a_shelf_is_told_by_who_made_it_whatever_came_since():
    room = Room()
    alarm = room.find(3, "heat", "t1")
    done(room, commanded(Shelve, alarm, "a", for_ms=DAY_MS // 24), by_wang(Assign, alarm, "b", to="d1"))
    assert refused(room, by_wang(Shelve, alarm, "k", for_ms=1000)) == ("already_shelved", ("李敏", "shelve"))


@pytest.mark.parametrize(
    ("kind", "other", "reason"),
    [(Unshelve, {}, "not_shelved"), (Unacknowledge, {}, "not_acknowledged"), (Split, {}, "not_folded")],
)
def test_what_nobody_did_has_nobody_to_name(kind, other, reason):
    room = Room()
    alarm = room.find(3, "heat", "t1")
    done(room, by_wang(Assign, alarm, "b", to="d1"))
    assert refused(room, commanded(kind, alarm, "k", **other)) == (reason, NOBODY)


def test_the_second_who_takes_back_is_told_of_the_first():
    room = Room()
    alarm, cause = room.find(3, "heat", "t1"), room.find(3, "smoke", "t2")
    done(room, acknowledge(alarm, "a"), by_wang(Unacknowledge, alarm, "b"))
    assert refused(room, commanded(Unacknowledge, alarm, "k1")) == ("not_acknowledged", ("王强", "unacknowledge"))
    done(room, commanded(Shelve, alarm, "c", for_ms=60_000), by_wang(Unshelve, alarm, "d"))
    assert refused(room, commanded(Unshelve, alarm, "k2")) == ("not_shelved", ("王强", "unshelve"))
    done(room, by_wang(Fold, alarm, "e", into=cause))
    assert refused(room, commanded(Fold, alarm, "k3", into=cause)) == ("folded_already", ("王强", "fold"))
    done(room, by_wang(Split, alarm, "f"))
    assert refused(room, commanded(Split, alarm, "k4")) == ("not_folded", ("王强", "split"))


def test_a_place_in_an_incident_that_the_engine_gave_has_nobody_to_name():
    room = Room()
    cause, member = room.find(3, "voltage_low", "feeder"), room.find(3, "lift_trapped", "lift")
    assert room.incident(member).cause == cause
    done(room, by_wang(Assign, member, "b", to="d1"))
    assert refused(room, commanded(Fold, member, "k", into=cause)) == ("folded_already", NOBODY)
