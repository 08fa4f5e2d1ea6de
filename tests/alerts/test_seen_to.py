"""What an event touches besides the alarm that it is of is seen to at once, and is the same in every replay."""

from __future__ import annotations

import json

import pytest

from alerts.commands import Acknowledge, Fold, Lift, Shelve, Unacknowledge, Unshelve
from alerts.earlier import STEADIED
from alerts.engine import Engine
from alerts.events import ClockSet
from alerts.judge import judge_version
from alerts.rules.record import Words
from streams.alarms.order import Input
from streams.alarms.projected import Row
from streams.broker.topics import ALARMS, COMMANDS, DETECTIONS
from streams.city.clock import ClockSetting
from streams.city.scope import Scope
from streams.city.windows import Window
from tests.alerts.grouping import AROUND, BEGUN_MS, Room
from tests.alerts.living import BEGUN_MS as FIRST_MS
from tests.alerts.living import live
from tests.alerts.writing import (
    chain,
    commanded,
    detection,
    encoded,
    faults,
    keyed_engine,
    names,
    of_command,
    opened_at,
    suppress,
    undo,
)

DAY_MS = 86_400_000


def test_an_alarm_whose_entity_moves_is_covered_where_it_is_now_and_nowhere_else() -> None:
    room = Room()
    moved = room.find(3, "noise_high", "x1", zone="z2")
    assert room.command(suppress("k1", Window(until_ms=BEGUN_MS + DAY_MS), zone="z1")) == "done"
    room.find(3, "noise_high", "x1", zone="z1")
    assert room.state.open[moved].shown == "suppressed"
    room.find(3, "noise_high", "x1", zone="z2")
    alarm = room.state.open[moved]
    assert (alarm.shown, alarm.waiting_since_ms) == ("unacknowledged", room.now_ms)
    assert [one.ended is not None for one in alarm.coverings] == [True]


def test_what_a_lifted_suppression_was_over_is_shown_wherever_it_is_by_now() -> None:
    room = Room()
    room.state.version = 7  # as CityWall took a move then
    moved = room.find(3, "noise_high", "x1", zone="z1")
    room.command(suppress("k1", Window(until_ms=BEGUN_MS + DAY_MS), zone="z1"))
    room.find(3, "noise_high", "x1", zone="z2")
    assert room.state.open[moved].shown == "suppressed"
    room.state.version = STEADIED
    assert room.command(of_command(Lift, "k1", "k2")) == "done"
    assert room.state.open[moved].shown == "unacknowledged"


def test_a_second_cause_that_comes_into_an_incident_says_why() -> None:
    """The lift came under the alarm at its own place; that the power failed explains it, too."""
    room = Room()
    alarm = room.find(3, "noise_high", "lift")
    lift = room.find(3, "lift_trapped", "lift")
    assert room.incident(lift).cause == alarm
    power = room.find(2, "power_cut", "zone:z1", evidence={"stands:lift_trapped": "lift"})
    found = room.state.open[power]
    assert (found.incident, room.incident(power).cause) == (room.state.open[lift].incident, alarm)
    assert found.under is not None
    assert (found.under.of, found.under.because) == (lift, "part")
    assert found.under.why == Words(
        zh="lift 电梯困人，它也由此而起。", en="People trapped in lift at lift, which comes from here as well."
    )


def test_an_undone_fold_gives_back_the_cause_and_leaves_another_where_it_had_become_one() -> None:
    room = Room()
    feeder = room.find(3, "voltage_low", "feeder")
    lift = room.find(3, "lift_trapped", "lift")
    other = room.find(3, "noise_high", "x1")
    before = room.incident(lift).id
    assert room.command(commanded(Fold, feeder, "k1", into=other)) == "done"
    assert room.incident(lift).cause == lift
    assert room.command(undo("k1", "k2")) == "done"
    assert (room.incident(feeder).id, room.incident(lift).cause) == (before, feeder)
    assert all(one.cause in room.state.groups.members.of(one.id) for one in room.state.incidents.values())


def test_an_alarm_raised_again_under_its_id_speaks_no_more_for_the_incident_that_it_was_the_cause_of() -> None:
    room = Room()
    feeder = room.find(3, "voltage_low", "feeder")
    lift = room.find(3, "lift_trapped", "lift")
    incident = room.incident(lift).id
    without = Scope(2, "c", frozenset({"lift", "pump", "underpass"}), around=AROUND)
    for scope in (without, Scope(3, "c")):  # it is there again, and nothing is known of what hangs on it
        for event in judge_version(room.state, scope):
            room._apply(event, room.now_ms)
    assert room.state.open[feeder].incident is None
    assert (room.state.incidents[incident].cause, room.state.open[lift].incident) == (lift, incident)
    assert room.state.incidents[incident].release_at_ms is not None


def test_a_silence_that_leaves_the_city_leaves_nothing_uncertain() -> None:
    room = Room()
    alarm = room.find(3, "pressure_low", "w1")
    room.find(3, "feed_silent", "feed:water:z1")
    assert room.state.open[alarm].uncertain_since_ms is not None
    for event in judge_version(room.state, Scope(2, "c", frozenset({"w1"}), around=AROUND)):
        room._apply(event, room.now_ms)
    assert room.state.open[alarm].uncertain_since_ms is None


@pytest.mark.parametrize("by_clock", [True, False])
def test_a_window_that_follows_another_leaves_no_gap(by_clock: bool) -> None:
    """The alarm is shown to nobody, and closes without a word: it was covered all along."""
    end_ms = BEGUN_MS + 100_000
    room = Room()
    room.command(suppress("k1", Window(until_ms=end_ms), zone="z1"))
    room.command(suppress("k2", Window(from_ms=end_ms, until_ms=end_ms + DAY_MS), zone="z1"))
    alarm = room.find(3, "noise_high", "x1")
    if by_clock:
        live_clock(room, end_ms + 1)
    else:
        room.wait(200_000)
    found = room.state.open[alarm]
    assert (found.shown, found.presented_at_ms, found.unseen) == ("suppressed", None, True)
    assert [one.id for one in found.covers] == ["k2"]


def live_clock(room: Room, city_ms: int) -> None:
    room._apply(ClockSet(setting=ClockSetting(at_ms=city_ms, wall_ms=room.now_ms, speed=1.0)), room.now_ms)


def test_what_is_over_by_the_time_of_an_undo_does_not_come_back() -> None:
    """A shelf of two seconds taken away and given back after three: it is over; so an acknowledgement."""
    one = opened_at(FIRST_MS)
    for does, undoes in ((Shelve, Unshelve), (Acknowledge, Unacknowledge)):
        state, did = live(
            detection(3, FIRST_MS),
            commanded(does, one, "k1", for_ms=2_000),
            commanded(undoes, one, "k2"),
            2_000,
            undo("k2", "k3"),
            detection(3, FIRST_MS + 1),
        )
        (alarm,) = state.open.values()
        assert alarm.shown == "unacknowledged"
        assert alarm.waiting_since_ms == FIRST_MS + 3_000, did  # since the second command, as it was shown ever since
        assert "lapsed" not in did
        assert "uncovered" not in did


def test_a_checkpoint_of_an_engine_that_took_back_what_it_judged_is_what_the_journal_says() -> None:
    """It judged four inputs at once, another writer's record had one: what changed longest ago is forgotten alike."""
    inputs = []
    for number in range(40):
        at_ms = 1_000 + number * 150_000
        one = detection(3 * (number // 6 % 2), at_ms, entity=f"s{number * 5 % 6}")
        inputs.append(Input(DETECTIONS, number, encoded(one), at_ms))
    engine, reader, journal = Engine(), Engine(), []
    for number, one in enumerate(inputs):
        engine.judge(inputs[number : number + 4], whole=True)
        journal.append(reader.judge([one], whole=True) or b"")
        reader.fold(journal[-1])
        engine.fold(journal[-1])
        kept = dict(engine.checkpoint(number + 1).records(b"a"))
        assert kept == dict(reader.checkpoint(number + 1).records(b"a"))
    assert faults(journal, kept) == []


def test_what_closing_held_back_happens_as_soon_as_it_is_open_again() -> None:
    """Acknowledged for two seconds, over, and there again when these have passed: nobody holds it any more."""
    one = opened_at(FIRST_MS)
    took = commanded(Acknowledge, one, "k1", for_ms=2_000)
    inputs = [
        Input(DETECTIONS, 0, encoded(detection(3, FIRST_MS)), FIRST_MS),
        Input(COMMANDS, 0, encoded(took), FIRST_MS + 1_000),
        Input(DETECTIONS, 1, encoded(detection(0, FIRST_MS + 2_000)), FIRST_MS + 2_000),
        Input(DETECTIONS, 2, encoded(detection(3, FIRST_MS + 4_000)), FIRST_MS + 4_000),
    ]
    engine, journal = keyed_engine(), []
    for given in inputs:
        journal.append(engine.judge([given], whole=True) or b"")
        engine.fold(journal[-1])
    assert names(journal) == ["raised", "acknowledge", "cleared", "returned", "lapsed"]
    row = json.loads(engine.projection(Row(ALARMS, one)) or b"{}")
    assert (row["standing"], row["acknowledged"]) == ("unacknowledged", False)
    assert chain(journal)[-1]["times_ms"] == [FIRST_MS + 4_000] * 2
    assert engine.next_due_ms == FIRST_MS + 64_000  # it chatters till then
