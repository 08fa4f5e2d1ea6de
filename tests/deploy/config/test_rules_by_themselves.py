"""Rules that a processor judges by itself: switched off by name, one number otherwise, each in its own layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.apply import apply
from alerts.events import Retired
from alerts.judge import judge_detection, judge_version
from alerts.rules.shipped import shipped
from alerts.state import State
from deploy.config import settings
from deploy.config.components import discover
from deploy.config.rules import checked, in_force
from streams.city.registry import load_city
from streams.city.scope import Scope, scope_of
from streams.city.surroundings import surroundings_of
from streams.feeds.signals.standing import JUDGE
from tests.alerts.writing import detection
from tests.deploy.config.test_rules import COMPONENTS, settled, with_rules

if TYPE_CHECKING:
    from pathlib import Path

ALONE = {name: rule for name, rule in shipped().items() if "processor" in rule}


def scope(folder: Path, rules: str, number: int = 1) -> Scope:
    found = in_force(with_rules(folder, rules), COMPONENTS)
    made = scope_of(load_city(folder), found)
    return Scope(number, made.city, made.entities, made.kinds, latching=made.latching, schedules=made.schedules)


@pytest.mark.parametrize("name", shipped())
def test_each_rule_that_ships_is_switched_off_by_name(tmp_path: Path, name: str) -> None:
    of = scope(tmp_path, f"[{name}]\nenabled = false\n")
    assert [one for one in shipped() if not of.has_kind(one)] == [name]


@pytest.mark.parametrize("name", ALONE)
def test_the_settings_switch_them_off_and_the_city_on_again(tmp_path: Path, name: str) -> None:
    found = settled(tmp_path, f'[[threshold.rules]]\nname = "{name}"\nenabled = false\n')
    for rules, enabled in (("", False), (f"[{name}]\nenabled = true\n", True)):
        folder = with_rules(tmp_path / "city", rules)
        of_processor = in_force(folder, found.components, found.own_rules)[ALONE[name]["processor"]] or []
        assert [one["enabled"] for one in of_processor if one["name"] == name] == [enabled]


def test_alarms_of_a_rule_that_is_switched_off_end_and_come_back_once_with_it(tmp_path: Path) -> None:
    """The queue still stands when the rule is switched on again: one alarm, no command, nothing by hand."""
    on, off = scope(tmp_path / "on", ""), scope(tmp_path / "off", "[slow_traffic]\nenabled = false\n", 2)
    slow = {"city": "small", "processor": "slow_traffic", "version": 1}
    state, now_ms = State(), 1_000
    apply(state, judge_detection(state, detection(3, 10, **slow), on, now_ms), now_ms)
    events = list(judge_version(state, off))
    (retired,) = [one for one in events if isinstance(one, Retired)]
    assert (retired.lack, retired.version) == ("kind", 2)
    for event in events:
        apply(state, event, now_ms)
    assert not state.open
    again = judge_detection(state, detection(2, 20, **slow), off, now_ms)
    assert again.change == "evidence"
    apply(state, again, now_ms)
    assert not state.open
    for event in list(judge_version(state, scope(tmp_path / "back", "", 3))):
        apply(state, event, now_ms)
    assert [(one.kind, one.level, one.entity) for one in state.open.values()] == [("slow_traffic", 2, "s1")]


def test_a_schedule_and_latching_are_theirs_too(tmp_path: Path) -> None:
    of = scope(tmp_path, '[slow_traffic]\nlatching = true\nschedule = { from = "07:00", until = "20:00" }\n')
    assert of.latching == {"slow_traffic"}
    assert of.schedules["slow_traffic"].since == "07:00"


def test_every_number_of_those_processors_is_some_rules_and_what_an_authority_decides_has_none() -> None:
    for judge in {rule["processor"] for rule in ALONE.values()}:
        named = {key for rule in ALONE.values() if rule["processor"] == judge for key in rule["numbers"]}
        numbers = set() if judge == JUDGE else set(discover()[judge].config.__struct_fields__)
        assert named == numbers


def test_the_settings_change_one_number_by_the_rules_name(tmp_path: Path) -> None:
    found = settled(tmp_path, '[[threshold.rules]]\nname = "sensor_silent"\nsilent_delay_s = 300\n').components
    assert found["feed_health"] == {**COMPONENTS["feed_health"], "silent_delay_s": 300.0}
    assert {name: one for name, one in found.items() if name != "feed_health"} == {
        name: one for name, one in COMPONENTS.items() if name != "feed_health"
    }


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("sensor_silent", "silent_delay = 3", "silent_delay: there is no such key; the nearest is 'silent_delay_s'"),
        ("sensor_silent", "silent_delay_s = -1", "silent_delay_s: a number from 0 is needed, not -1"),
        (
            "sensor_silent",
            "stuck_count = 3",
            "stuck_count: there is no such key; there are enabled, latching, schedule",
        ),
        ("feed_silent", "enabled = 'no'", "enabled: true or false is needed, not 'no'"),
        (
            "slow_traffic",
            'schedule = { from = "7:00", until = "9:00" }',
            "schedule: from and until are needed, each a time",
        ),
        ("slow_traffic", 'schedule = { from = "07:00", until = "07:00" }', "is no time; name a day in both or in none"),
        ("slow_traffic", "record.cause.en = ''", "record.cause.en: a text is needed; nothing stands there"),
    ],
)
def test_what_cannot_be_is_said_of_city_and_settings_alike(tmp_path: Path, name: str, keys: str, said: str) -> None:
    (problem,) = checked(with_rules(tmp_path / "city", f"[{name}]\n{keys}\n"), COMPONENTS).problems
    mine = tmp_path / "mine.toml"
    mine.write_text(f'[[threshold.rules]]\nname = "{name}"\n{keys}\n', encoding="utf-8")
    found, problems = settings.examine(mine, {})
    assert found is None
    assert len(problems) == 1
    assert said in str(problem)
    assert f"rule {name}: " in problems[0]
    assert said in problems[0]


def test_a_domain_is_grave_by_the_rules_in_force_those_that_a_processor_judges_too(tmp_path: Path) -> None:
    """Whether the silence of the traffic feed concerns operators hangs on `slow_traffic`, which reaches II."""
    for name, rules, is_grave in (("on", "", True), ("off", "[slow_traffic]\nenabled = false\n", False)):
        found = in_force(with_rules(tmp_path / name, rules), COMPONENTS)
        around = surroundings_of(load_city(tmp_path / name), found)
        assert ("traffic" in (around.grave_domains or ()), "weather" in (around.grave_domains or ())) == (
            is_grave,
            True,
        )
        assert "None" not in (around.grave_domains or ())
