"""Of which alarms nothing is heard any more, and since when: a segment that two sensors of two zones tell of."""

import pytest

from alerts.checkpoint import Checkpoint, newest
from alerts.commands import End
from alerts.journal import Head
from alerts.judge import judge_version
from alerts.moving import UNDO_MS
from streams.alarms.checkpoints import SLOTS
from streams.city.scope import Scope
from streams.city.surroundings import Surroundings
from tests.alerts.grouping import BEGUN_MS, Room
from tests.alerts.writing import acknowledge, commanded

AROUND = Surroundings(
    segment_of={"d1": "s1", "d2": "s1", "u1": "s1"},
    sensors_at={"s1": ("d1", "d2", "u1")},
    sensors_of={("traffic", "z1"): ("d1",), ("traffic", "z2"): ("d2",), ("weather", "z1"): ("u1",)},
)
OF_WEATHER = {"u1", "feed:weather:z1"}


def jammed(entity: str = "s1") -> tuple[Room, str]:
    room = Room()
    room.scope = Scope(1, "c", around=AROUND)
    return room, room.find(2, "slow_traffic", entity, "traffic")


def says(room: Room, what: str, level: int = 4, **other: object) -> int:
    """A sensor or feed falls silent or is heard again → when."""
    kind, domain = "feed_silent" if ":" in what else "sensor_silent", "weather" if what in OF_WEATHER else "traffic"
    room.find(level, kind, what, domain, **other)
    return room.now_ms


def test_an_alarm_of_a_segment_is_uncertain_while_all_sensors_that_tell_of_it_are_silent():
    room, alarm = jammed()
    assert room.command(acknowledge(alarm, seen_level=2)) == "done"
    before = room.state.open[alarm]
    for silent, uncertain in (("u1", False), ("d1", False), ("d2", True)):
        at_ms = says(room, silent)
        assert room.state.open[alarm].uncertain_since_ms == (at_ms if uncertain else None)
    says(room, "d1", level=0)
    assert room.state.open[alarm] == before  # neither ended nor raised, no revision, nobody has to look again


@pytest.mark.parametrize("order", [("feed:traffic:z2", "d1"), ("d1", "feed:traffic:z2"), ("d1", "feed:traffic")])
def test_a_sensor_is_not_heard_either_while_its_feed_is_silent(order):
    room, alarm = jammed()
    times = [says(room, one) for one in order]
    assert room.state.open[alarm].uncertain_since_ms == max(times)
    says(room, order[1], level=0)
    assert room.state.open[alarm].uncertain_since_ms is None


def test_what_is_raised_in_the_silence_is_uncertain_from_its_first_row():
    room, _ = jammed("d2")
    times = [says(room, one) for one in ("d1", "d2")]
    assert room.state.open[room.find(2, "slow_traffic", "s1", "traffic")].uncertain_since_ms == times[1]


@pytest.mark.parametrize(("entity", "silent"), [("zone:z2", "d2"), ("d2", "d2")])
def test_a_zone_goes_by_its_sensors_and_a_sensor_by_itself(entity, silent):
    room, alarm = jammed(entity)
    says(room, "d1")
    assert room.state.open[alarm].uncertain_since_ms is None
    assert says(room, silent) == room.state.open[alarm].uncertain_since_ms


def test_it_is_uncertain_since_the_last_reading():
    room, alarm = jammed("d1")
    says(room, "d1", limit=180.0, unit="s")
    assert room.state.open[alarm].uncertain_since_ms == BEGUN_MS + 2000 - 180_000


def test_what_has_ended_is_not_asked_for_any_more():
    room, alarm = jammed()
    assert room.command(acknowledge(alarm, seen_level=2)) == "done"
    room.wait(UNDO_MS)
    room.find(0, "slow_traffic", "s1", "traffic")
    for silent in ("d1", "d2"):
        says(room, silent)
    assert alarm not in room.state.open
    assert not room.state.heard_by.of(("c", "d1"))


def test_a_state_that_was_read_back_hears_alike():
    room, alarm = jammed()
    says(room, "d1")
    written = dict(Checkpoint(room.state, Head(), {}, 1).records(SLOTS[0]))
    (_, room.state) = newest(written) or (None, room.state)
    at_ms = says(room, "d2")
    assert room.state.open[alarm].uncertain_since_ms == at_ms


def together(room: Room, level: int, needed: int, **stands: str) -> str:
    """Several rules that stand → the id of their alarm."""
    evidence = {f"stands:{kind}": entity for kind, entity in stands.items()}
    return room.find(level, "floods", "zone:z1", "water", limit=float(needed), evidence=evidence)


def test_a_combination_is_uncertain_while_fewer_of_its_rules_are_heard_than_it_needs():
    """Rain, a jam, and water in an underpass, of which two are needed: two domains and a segment with two sensors."""
    room, jam = jammed()
    room.find(3, "rain_heavy", "u1", "weather")
    room.find(2, "underpass_flooding", "p1", "water")
    both = together(room, 2, 2, rain_heavy="u1", slow_traffic="s1", underpass_flooding="p1")
    before = room.state.open[both]
    for silent, uncertain in (("u1", False), ("d1", False), ("d2", True)):
        at_ms = says(room, silent)
        assert room.state.open[both].uncertain_since_ms == (at_ms if uncertain else None)
    says(room, "d1", level=0)
    assert room.state.open[jam].uncertain_since_ms is None
    assert room.state.open[both] == before
    at_ms = says(room, "feed:traffic:z1")
    assert room.state.open[both].uncertain_since_ms == at_ms  # d1 is of that zone


def test_a_combination_that_now_needs_fewer_goes_by_what_it_says_now():
    room, _ = jammed()
    room.find(3, "rain_heavy", "u1", "weather")
    at_ms = says(room, "u1")
    both = together(room, 2, 2, rain_heavy="u1", slow_traffic="s1")
    assert room.state.open[both].uncertain_since_ms == at_ms
    room.wait(1000)
    together(room, 3, 1, rain_heavy="u1", slow_traffic="s1")
    assert room.state.open[both].uncertain_since_ms is None


def test_what_is_raised_after_its_combination_counts_for_it_too():
    """The findings of two zones come in any order; the silence of a sensor that is heard again is over for both."""
    room = Room()
    room.scope = Scope(1, "c", around=AROUND)
    at_ms = says(room, "u1")
    both = together(room, 2, 2, rain_heavy="u1", slow_traffic="s1")
    assert room.state.open[both].uncertain_since_ms is None
    room.find(3, "rain_heavy", "u1", "weather")
    assert room.state.open[both].uncertain_since_ms == at_ms
    says(room, "u1", level=0)
    assert room.state.open[both].uncertain_since_ms is None
    room.find(0, "floods", "zone:z1", "water")
    assert room.command(acknowledge(both, seen_level=2)) == "done"
    room.wait(6000)
    assert both not in room.state.open
    assert not room.state.heard_by.of(("c", "u1"))


@pytest.mark.parametrize("leaves", ["ended by a person", "gone from the city", "of another zone"])
def test_a_combination_goes_by_what_has_become_of_its_rules(leaves):
    """One without an alarm counts as heard; so does one that is of a zone that is heard."""
    room = Room()
    room.scope = Scope(1, "c", around=AROUND)
    rain = room.find(3, "rain_heavy", "u2", "weather")
    room.find(3, "slow_traffic", "s1", "traffic")
    at_ms = says(room, "feed:weather:z1")
    both = together(room, 2, 2, rain_heavy="u2", slow_traffic="s1")
    assert room.state.open[both].uncertain_since_ms == at_ms
    if leaves == "ended by a person":
        assert room.command(commanded(End, rain, "k1")) == "done"
        room.wait(UNDO_MS)
    elif leaves == "gone from the city":
        entities = frozenset({"s1", "zone:z1", "feed:weather:z1"})
        for event in judge_version(room.state, Scope(2, "c", entities, around=AROUND)):
            room._apply(event, room.now_ms)
    else:
        room.find(3, "rain_heavy", "u2", "weather", zone="z2")
    assert room.state.open[both].uncertain_since_ms is None
