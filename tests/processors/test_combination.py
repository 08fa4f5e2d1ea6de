"""Several rules that stand together: an alarm of the place, by how many they are, in whatever order it is told."""

import asyncio
import json
import random
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import threshold
from processors.combination import SPEC, Config, State, step
from processors.maths.combined import Combination
from processors.maths.rules import Rule
from streams.broker import topics
from streams.contract.records import Detection, LevelChange, MetricFrame, Rows
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.intake.intake_stage import IntakeStage
from streams.saving.state import decode, encode
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.processors import stages
from tests.processors.contract import CITY, START_MS

FLOODS = Combination(
    name="street_floods",
    kind="combination",
    domain="water",
    of=("rain_heavy", "underpass_flooding"),
    iii=1,
    ii=2,
    basis="proposal",
    reference="own choice",
)
CONFIG = Config(rules=(FLOODS,), domain_of={"rain_heavy": "weather", "underpass_flooding": "water"})
NORTH, SOUTH = 0, 1
END = 30
"""Minutes after which every zone has passed all that is tried."""


def at(minute: float) -> int:
    return START_MS + int(minute * 60_000)


def frame(domain: str, zone: int, until: float, *levels: tuple[str, str, float, int]) -> MetricFrame:
    """A zone's frame: its watermark, and (kind, entity, minute known, level) of what was found."""
    changes = tuple(LevelChange(kind, entity, at(minute), level) for kind, entity, minute, level in levels)
    return MetricFrame(domain, zone, Rows.empty(), at(until), lag_ms=0, levels=changes)


def said(frames, config=CONFIG, city=CITY):
    """(place, known minute, since minute, level, how many stand, which) of each finding."""
    state, found = State(), []
    for one in frames:
        found += step(state, one, city, config).detections
    return [told(one) for one in found]


def told(one):
    minutes = [(time_ms - START_MS) / 60_000 for time_ms in (one.known_ms, one.at_ms)]
    stands = {key.removeprefix("stands:"): value for key, value in one.evidence.items() if key.startswith("stands:")}
    return (one.entity, *minutes, one.level, one.value, stands)


RAIN = ("rain_heavy", "weather-north-0")
LEVEL = ("underpass_flooding", "water-north-1")
STORY = {
    ("weather", NORTH): [(*RAIN, 3, 3), (*RAIN, 12, 0)],
    ("weather", SOUTH): [],
    ("water", NORTH): [(*LEVEL, 5, 2), (*LEVEL, 8, 1), (*LEVEL, 20, 0)],
    ("water", SOUTH): [],
}
FOUND = [
    ("zone:north", 3, 2, 3, 1, {"rain_heavy": "weather-north-0"}),
    ("zone:north", 5, 4, 2, 2, {"rain_heavy": "weather-north-0", "underpass_flooding": "water-north-1"}),
    ("zone:north", 13, 11, 3, 1, {"underpass_flooding": "water-north-1"}),  # fewer for the off-delay of two minutes
    ("zone:north", 21, 19, 0, 0, {}),
]


def whole(story=STORY):
    return [frame(domain, zone, END, *levels) for (domain, zone), levels in story.items()]


def test_how_many_stand_in_a_zone_is_its_level():
    assert said(whole()) == FOUND


def cut(levels, minutes):
    """The same as frames that pass these minutes, each with what became known by then; one may come early."""
    before, found = -1.0, []
    for until in [*sorted(minutes), END]:
        found.append((until, [one for one in levels if before < one[2] <= until]))
        before = until
    return found


@given(st.data())
def test_no_cut_no_order_of_the_zones_and_no_restart_decides(data):
    minutes = st.lists(st.floats(0, END, width=16), max_size=8)
    streams = [
        [frame(*place, until, *some) for until, some in cut(levels, data.draw(minutes))]
        for place, levels in STORY.items()
    ]
    turns = [number for number, frames in enumerate(streams) for _ in frames]
    order = data.draw(st.permutations(turns))
    saved, killed = sorted(data.draw(st.lists(st.integers(0, len(turns)), min_size=2, max_size=2)))
    frames = [streams[number].pop(0) for number in order]
    first, found = State(), []
    for one in frames[:saved]:
        found += step(first, one, CITY, CONFIG).detections
    kept = encode(first)
    for one in frames[saved:killed]:
        step(first, one, CITY, CONFIG)
    again = decode(State, kept)
    for one in [*frames[saved:], *frames[saved:]]:  # and all of it once more
        found += step(again, one, CITY, CONFIG).detections
    assert [told(one) for one in found] == FOUND


def test_what_stands_in_two_zones_stands_in_none_together_but_in_the_city():
    story = {("weather", NORTH): [(*RAIN, 3, 3)], ("weather", SOUTH): [], ("water", NORTH): []}
    story |= {("water", SOUTH): [("underpass_flooding", "water-south-1", 5, 2)]}
    both = replace_rule(iii=None)
    assert said(whole(story), both) == []
    assert [one[:4] for one in said(whole(story), replace_rule(iii=None, within="city"))] == [("city:town", 5, 4, 2)]


def replace_rule(**values):
    return Config(rules=(_with(FLOODS, **values),), domain_of=CONFIG.domain_of)


def _with(rule, **values):
    return Combination(**{**{name: getattr(rule, name) for name in rule.__struct_fields__}, **values})


def test_sensors_and_segment_alarms_meet_at_their_segment():
    of = {"of": ("slow_traffic", "occupied"), "within": "segment", "iii": None}
    config = Config(rules=(_with(FLOODS, **of),), domain_of=dict.fromkeys(of["of"], "traffic"))
    here = ("occupied", "traffic-north-1", 5, 2)
    elsewhere = ("occupied", "traffic-north-3", 5, 2)  # of no segment
    for levels, found in (([here], [("north-1", 5, 4, 2)]), ([elsewhere], [])):
        story = {("traffic", NORTH): [("slow_traffic", "north-1", 4, 3), *levels], ("traffic", SOUTH): []}
        assert [one[:4] for one in said(whole(story), config)] == found


def test_a_domain_that_lags_holds_it_and_one_without_sensors_does_not():
    frames = whole()
    late = replace(frames[2], watermark_ms=at(2), levels=())
    assert said([*frames[:2], late, frames[3]]) == []
    dry = replace(CITY, sensors=tuple(one for one in CITY.sensors if one.domain != "water"))
    assert [one[:4] for one in said(frames[:2], city=dry)] == [("zone:north", 3, 2, 3), ("zone:north", 13, 11, 0)]


def test_a_rule_that_comes_later_knows_what_stands_and_one_that_goes_ends_what_it_found():
    state, frames = (
        State(),
        [frame(*place, 10, *(one for one in levels if one[2] < 10)) for place, levels in STORY.items()],
    )
    for one in frames:
        assert step(state, one, CITY, Config()).detections == ()
    assert [told(one)[:4] for one in step(state, frames[0], CITY, CONFIG).detections] == [("zone:north", 9, 8, 2)]
    ended = step(state, frames[0], CITY, Config()).detections
    assert [(one.entity, one.level, one.evidence) for one in ended] == [("zone:north", 0, {"reason": "retired"})]
    assert state.held == {}


def test_a_zone_that_leaves_the_city_ends_its_alarm():
    state = State()
    for one in whole({place: levels[:1] for place, levels in STORY.items()}):
        step(state, one, CITY, CONFIG)
    sensors = tuple(replace(one, zone=0, segment=-1) for one in CITY.sensors if one.zone == SOUTH)
    south = replace(CITY, zones=CITY.zones[1:], sensors=sensors, segments=())
    ended = step(state, replace(whole()[1], zone=0), south, CONFIG).detections
    assert [(one.entity, one.level, one.evidence) for one in ended] == [("zone:north", 0, {"reason": "retired"})]


def test_what_is_over_is_forgotten():
    state = State()
    for one in whole():
        step(state, one, CITY, CONFIG)
    assert [of_zone for zones in state.courses.values() for of_zone in zones.values() if of_zone] == []
    assert SPEC.second_level


@pytest.mark.parametrize(
    ("values", "said_of_it"),
    [
        ({"domain": "wather"}, "domain: there is none called 'wather'; the nearest is 'weather'"),
        ({"of": ("rain_heavy",), "ii": None}, "of: at least two rules, each once, are needed, and 1 stands there"),
        ({"of": ("heat", "heat")}, "of: at least two rules, each once, are needed, and 'heat' stands there twice"),
        ({"iii": None, "ii": None}, "at least one of iv, iii, ii, i is needed: how many of its rules must stand"),
        ({"iii": 2, "ii": 1}, "from iv to i more of its rules must stand, not iii = 2, ii = 1"),
        ({"i": 3}, "it is of 2 rules, no more can stand: iii = 1, ii = 2, i = 3"),
    ],
)
def test_a_combination_that_could_never_hold_is_refused(values, said_of_it):
    with pytest.raises(ValueError, match="rule street_floods: ") as refused:
        replace_rule(**values)
    assert str(refused.value) == f"rule street_floods: {said_of_it}"


HOT = Rule(name="hot", domain="weather", column="temperature_c", iv=35, basis="proposal", reference="own choice")
LOW = Rule(
    name="low", domain="water", column="pressure_mpa", sense="below", iv=0.1, basis="proposal", reference="own choice"
)
BOTH = Config(
    rules=(_with(FLOODS, name="both", of=("hot", "low"), iii=None),), domain_of={"hot": "weather", "low": "water"}
)


def stack(folder, bus):
    """Intake and zone stage of two domains, and the second level."""
    first = [Hosted("threshold", threshold.SPEC, threshold.Config(rules=(HOT, LOW)))]
    second = [Hosted("combination", SPEC, BOTH)]
    return [
        FakeHost(one, bus) for one in (IntakeStage(folder), ZoneStage(folder, first), SecondLevelStage(folder, second))
    ]


def put_readings(bus):
    """Hot in the minutes 3 to 11, low in 5 to 14, each minute one reading; both feeds give marks."""
    for domain, column, bad, good, minutes in (
        ("weather", "temperature_c", 40, 20, range(3, 12)),
        ("water", "pressure_mpa", 0.05, 0.3, range(5, 15)),
    ):
        for minute in range(END):
            values = {column: bad if minute in minutes else good}
            reading = {"sensor": f"{domain}-north-1", "at": at(minute) + 1, **values}
            bus.put(Message(topics.inbox(domain), b"", json.dumps(reading).encode(), 0))
            bus.put(Message(topics.inbox(domain), b"", b"", 0, (("mark", b"%d" % at(minute + 1)),)))


@pytest.mark.parametrize("seed", range(3))
def test_from_readings_to_its_alarm_it_is_the_same_whoever_dies_and_whoever_is_first(tmp_path, seed):
    """Hot is known from minute 4 to 14, low from 6 to 17: both from 6 on, fewer in the minutes 14 and 15."""
    folder, domains = stages.write_city(tmp_path), ("weather", "water")
    logs = {topics.state(stage, domain): 1 for stage in ("intake", "zone") for domain in domains}
    logs |= {of(domain): 1 for of in (topics.inbox, topics.readings) for domain in domains}
    bus = FakeBus(logs, FakeClock(START_MS + 10**8))
    put_readings(bus)
    asyncio.run(stages.run(bus, lambda: stack(folder, bus), random.Random(seed), crashes=seed * 4))
    found = {msgspec.json.decode(one.value, type=Detection).identity for one in bus.log(topics.DETECTIONS)}
    assert sorted((at_ms, known_ms, level) for _, kind, at_ms, known_ms, level in found if kind == "both") == [
        (at(5), at(6), 2),
        (at(13), at(15), 0),
    ]
