"""What the drawer tells of an alarm: what to do about it, and what has happened to it."""

from __future__ import annotations

import pytest

from alerts.rules.shipped import shipped
from dashboard.alarm_course import Step, steps
from dashboard.alarm_facts import subject
from dashboard.hub import Hub
from dashboard.labels import kind_name, text
from streams.contract.alarm_events import AlarmEvent
from tests.dashboard.conftest import an_alarm

CHANGED = {"what": "acknowledge", "who": "Li", "desk": "2", "at_ms": 5000}


def event(at_ms: int, what: str, **more: object) -> AlarmEvent:
    return AlarmEvent(alarm="a1", seq=at_ms, place=0, at_ms=at_ms, what=what, **more)


def test_a_drawer_tells_the_record_of_the_rule_in_both_languages(config):
    facts = subject(Hub(config), an_alarm(kind="lift_trapped", domain="safety", evidence={"sense": "above"}))
    told = {label: value for section in facts.sections for label, value in section.facts}
    assert told["record.time_to_respond"] == ("30 分钟", "30 min")
    assert told["record.owner"] == ("市场监督管理局", "Market regulation bureau")
    assert told["record.cause"].en.startswith("A power cut")
    assert told["evidence.sense"] == ("高于限值", "above the limit")
    assert {"record.consequence", "record.action"} <= told.keys()


def test_evidence_and_basis_are_said_as_people_say_them(config):
    evidence = {"usual_km_h": 47.62, "ratio": 0.231, "upstream": "A2"}
    facts = subject(Hub(config), an_alarm(evidence=evidence, basis="own choice", escalated_to="chief"))
    told = {label: value for section in facts.sections for label, value in section.facts}
    assert told["evidence.usual_km_h"] == ("48 km/h", "48 km/h")
    assert told["evidence.ratio"] == ("23%", "23%")
    assert told["evidence.upstream"] == ("A2路", "A2 Road")
    assert told["fact.basis"] == ("自定", "own choice")
    assert told["fact.escalated_to"] == ("chief", "chief")


def test_a_missing_value_is_said_as_the_time_without_one_and_its_limit_is_none_of_the_curves(config):
    evidence = {"column": "chlorine_mg_l", "basis": "local", "of": "absence"}
    of = {"value": 720.0, "limit": 600.0, "unit": "s", "domain": "water", "kind": "chlorine_missing"}
    facts = subject(Hub(config), an_alarm(evidence=evidence, **of))
    told = {label: value for section in facts.sections for label, value in section.facts}
    assert told["fact.reading"] == ("已 12 分钟无读数，限 10 分钟", "no reading for 12 min, limit 10 min")
    assert told["evidence.of"] == ("无数据时长", "time without a value")
    assert (facts.limit, facts.unit.en, facts.label.en) == (None, "mg/L", "Free chlorine")
    assert facts.row["reading"]["en"].startswith(facts.row["said"]["en"])


@pytest.mark.parametrize(
    ("value", "limit", "said"),
    [
        (-0.25, -0.2, ("比常态低 0.25 MPa，限 0.20", "0.25 MPa below usual, limit 0.20")),
        (0.25, 0.2, ("比常态高 0.25 MPa，限 0.20", "0.25 MPa above usual, limit 0.20")),
    ],
)
def test_a_deviation_is_said_as_above_or_below_usual(config, value, limit, said):
    of = {"value": value, "limit": limit, "unit": "MPa", "domain": "water"}
    facts = subject(Hub(config), an_alarm(evidence={"column": "pressure_mpa", "of": "deviation"}, **of))
    told = {label: value for section in facts.sections for label, value in section.facts}
    assert told["fact.reading"] == said
    assert told["evidence.of"] == ("偏离常态", "deviation from usual")


def test_a_basis_is_told_in_both_languages_as_the_rule_has_it(config):
    alarm = an_alarm(basis="CMA fog signal", evidence={"basis": "standard", "basis_zh": "中国气象局大雾预警信号"})
    told = {label: value for section in subject(Hub(config), alarm).sections for label, value in section.facts}
    assert told["fact.basis"] == ("中国气象局大雾预警信号", "CMA fog signal")
    assert "basis_zh" not in str(told.keys())


def test_a_basis_that_ships_is_there_in_both_languages():
    found = [rule["reference"] for rule in shipped().values()]
    assert {one for one in found if isinstance(one, str)} == {"own choice"}
    assert text("basis.own choice") is not None
    assert all(one == "own choice" or set(one) == {"zh", "en"} for one in found)


def test_until_when_an_alarm_is_set_aside_is_told_by_the_clock_of_the_city(config):
    hub = Hub(config)
    hub.mirror.load("e", 1, {"clock": {"at_ms": 1_000_000, "wall_ms": 5_000_000, "speed": 4.0}})
    shelved = an_alarm(standing="shelved", shelved_until_ms=5_000_000 + 900_000)
    # 900 s of the wall are an hour of this city: 1,000 s + 3,600 s = 01:16:40 UTC, 09:16:40 in Shanghai
    assert hub.screen.alarm_row(shelved)["until_ms"] == 4_600_000
    told = {label: value for section in subject(hub, shelved).sections for label, value in section.facts}
    assert told["fact.state"] == ("搁置 · 至 01-01 09:16:40", "shelved · until 01-01 09:16:40")


def test_a_drawer_says_the_level_and_all_that_the_row_says_of_how_an_alarm_stands(config):
    told = {}
    alarm = an_alarm(level=2, newest_level=3, closing_at_ms=5000, chattering=True, count=31, uncertain_since_ms=60_000)
    for section in subject(Hub(config), alarm).sections:
        told |= dict(section.facts)
    assert told["fact.level"] == ("橙色 II 级", "Orange, level II")
    assert told["fact.newest_level"] == ("黄色 III 级", "Yellow, level III")
    assert told["fact.state"] == ("待确认 · 正在结束 · 频繁 ×31", "unacknowledged · closing · flapping ×31")
    assert told["fact.uncertain"] == ("01-01 08:01:00", "01-01 08:01:00")  # 60 s after midnight UTC, in Shanghai


def test_a_kind_that_no_rule_knows_has_no_record(config):
    facts = subject(Hub(config), an_alarm(kind="made_up"))
    assert [section.title for section in facts.sections] == [""]


def test_the_course_is_the_history_and_what_it_has_not_heard_of_yet():
    newest_first = [
        event(4000, "acknowledge", who="Wu", desk="1", outcome="refused"),
        event(3000, "updated"),
        event(1000, "raised"),
    ]
    assert steps(an_alarm(changed_by=CHANGED), newest_first) == [
        Step(1000, "raised"),
        Step(4000, "acknowledge", "Wu · 1", refused=True),
        Step(5000, "acknowledge", "Li · 2"),
    ]


COVERINGS = [
    {
        **{"cover": "w", "what": "suppressed", "who": "Wu", "desk": "1", "why": "works", "since_ms": 2000},
        **{"ended": "lift", "ended_by": "Li", "ended_desk": "2", "until_ms": 4500},
    },
    {
        **{"cover": "rule:heat", "what": "suppressed", "who": "", "desk": "", "why": "", "since_ms": 6000},
        **dict.fromkeys(("ended", "ended_by", "ended_desk", "until_ms")),
    },
]


def test_the_course_says_when_its_place_was_suppressed_by_whom_and_what_ended_that():
    known = [event(4000, "acknowledge", who="Wu", desk="1"), event(1000, "raised")]
    last = {"what": "covered", "who": "", "desk": "", "at_ms": 6000}
    assert steps(an_alarm(changed_by=last, coverings=COVERINGS), known) == [
        Step(1000, "raised"),
        Step(2000, "suppress", "Wu · 1 · works"),
        Step(4000, "acknowledge", "Wu · 1"),
        Step(4500, "lift", "Li · 2"),
        Step(6000, "covered"),
    ]


def test_a_step_that_the_history_has_is_told_once():
    known = [event(5000, "acknowledge", who="Li", desk="2", outcome="done", why="pump 2 runs")]
    assert steps(an_alarm(changed_by=CHANGED), known) == [Step(5000, "acknowledge", "Li · 2 · pump 2 runs")]


def test_a_combination_names_the_rules_that_stand_and_where(config):
    evidence = {"basis": "proposal", "stands:rain_heavy": "A2", "stands:underpass_flooding": "A"}
    alarm = an_alarm(kind="street_floods", entity="zone:east", value=2.0, limit=2.0, unit="", evidence=evidence)
    found = subject(Hub(config), alarm)
    told = {label: value for section in found.sections for label, value in section.facts}
    assert told[kind_name("rain_heavy")].en == "A2 Road"
    assert told[kind_name("underpass_flooding")].zh == "A路"
    assert told["fact.reading"] == ("2 条规则，限 2", "2 rules, limit 2")
