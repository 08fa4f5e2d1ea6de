"""A city's own rules: numbers changed, rules added, switched off and deleted, while alarms stand."""

from dataclasses import replace

import msgspec
import pytest

from processors import feed_health, feed_outage, threshold
from processors.maths.rules import Rule, in_force, problems, with_numbers
from tests.processors import test_silence_edits as silences_of
from tests.processors.test_edits import FIRE, RULE, minute, panel, told, town

CITY = town(panel("panel-a"))
OWN = {"domain": "fire", "column": "alarmed_count", "iv": 5, "basis": "local", "reference": "own choice"}


def with_rules(**rules: dict):
    return replace(CITY, rules=rules)


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ({}, [("fire_alarm", None, 1)]),
        ({"fire_alarm": {"iv": 0.6}}, [("fire_alarm", 0.6, 1)]),
        ({"fire_alarm": {"enabled": False}}, []),
        ({"many": OWN}, [("fire_alarm", None, 1), ("many", 5, None)]),
        ({"many": {"iv": 5}}, [("fire_alarm", None, 1)]),  # not a whole rule: as if it were not there
        ({"fire_alarm": {"iv": 3}}, [("fire_alarm", None, 1)]),  # not milder than III: as the settings have it
        ({"fire_alarm": {"of_tomorrow": 3}}, [("fire_alarm", None, 1)]),
    ],
)
def test_a_citys_own_values_lie_over_those_of_the_settings(rules, found):
    assert [(one.name, one.iv, one.iii) for one in in_force((RULE,), with_rules(**rules), Rule, problems)] == found


@pytest.mark.parametrize(
    "rules",
    [
        {"fire_alarm": {"enabled": False}},
        {"fire_alarm": {"domain": "water", "column": "pressure_mpa"}},
        {"fire_alarm": {"column": "hydrant_mpa"}},
    ],
    ids=["switched off", "of another domain now", "of another column now"],
)
def test_what_a_rule_found_ends_when_it_is_there_no_longer(rules):
    state = threshold.State()
    assert told(threshold.step(state, minute(CITY, 0, panel_a=3), CITY, FIRE).detections) == [("panel-a", 0, 2, None)]
    changed = with_rules(**rules)
    found = threshold.step(state, minute(changed, 1, panel_a=3), changed, FIRE).detections
    assert told(found) == [("panel-a", 2, 0, "retired")]
    assert threshold.step(state, minute(changed, 2, panel_a=3), changed, FIRE).detections == ()
    back = threshold.step(state, minute(CITY, 3, panel_a=3), CITY, FIRE).detections
    assert told(back) == [("panel-a", 3, 2, None)]


def test_a_rule_deleted_from_the_settings_ends_what_it_found():
    state = threshold.State()
    threshold.step(state, minute(CITY, 0, panel_a=3), CITY, FIRE)
    found = threshold.step(state, minute(CITY, 1, panel_a=3), CITY, threshold.Config()).detections
    assert told(found) == [("panel-a", 2, 0, "retired")]
    assert state.levels.holds == {}


def test_a_changed_limit_is_in_force_from_the_next_window_on():
    state, changed = threshold.State(), with_rules(fire_alarm={"ii": 2, "i": 3})
    threshold.step(state, minute(CITY, 0, panel_a=3), CITY, FIRE)
    assert told(threshold.step(state, minute(changed, 1, panel_a=3), changed, FIRE).detections) == [
        ("panel-a", 1, 1, None)
    ]


NUMBERS = [
    (feed_health, {"sensor_silent": {"silent_delay_s": 300, "enabled": False}}, {"silent_delay_s": 300.0}),
    (feed_outage, {"feed_silent": {"zone_delay_s": 60}}, {"zone_delay_s": 60.0}),
    (feed_health, {"sensor_silent": {"silent_delay_s": "long"}}, {}),  # nothing of what is not understood
    (feed_health, {"feed_silent": {"outage_ratio": 0.9}}, {}),  # another processor's
]


@pytest.mark.parametrize(("processor", "rules", "found"), NUMBERS)
def test_a_processor_takes_the_numbers_of_its_own_kinds(processor, rules, found):
    kinds = getattr(processor, "KINDS", None) or (processor.KIND,)
    usual = processor.Config()
    assert with_numbers(usual, with_rules(**rules), kinds) == msgspec.structs.replace(usual, **found)


def test_the_same_city_has_the_same_numbers():
    """What is made of them is made once."""
    changed, usual = with_rules(feed_silent={"zone_delay_s": 60}), feed_outage.Config()
    assert with_numbers(usual, changed, ("feed_silent",)) is with_numbers(usual, changed, ("feed_silent",))


@pytest.mark.parametrize(("delay_s", "known"), [(None, 13.0), (300, 16.0)])
def test_one_number_of_a_city_moves_an_alarm_of_a_sensor(delay_s, known):
    """Silent from 10:00 on, 60 s at least; told at the minute after two minutes more, or after five."""
    rules = {} if delay_s is None else {"sensor_silent": {"silent_delay_s": delay_s}}
    city = replace(silences_of.PLAIN, rules=rules)
    found = silences_of.Town(city).live(600).live(900, but="a")
    assert silences_of.silences(found) == [("a", 4, known)]
