"""Which kind and level a signal has."""

import pytest

from alerts.rules.shipped import shipped
from streams.feeds.signals.document import Info
from streams.feeds.signals.meaning import KINDS, OTHER, kind_of, level_of


def meant(event="x", headline="", severity="Severe", urgency="Immediate", certainty="Observed", **of):
    return level_of(Info(event=event, headline=headline, severity=severity, urgency=urgency, certainty=certainty, **of))


@pytest.mark.parametrize(
    ("event", "headline", "level"),
    [
        ("暴雨红色预警", "", 1),
        ("暴雨", "气象台发布暴雨橙色预警信号", 2),
        ("大雾", "由橙色降级为黄色", 3),  # what it is now stands last
        ("高温蓝色预警", "红色", 4),  # the event before the headline
        ("Flood", "Red River above flood stage", 2),  # a river's name is no colour: severe
    ],
)
def test_the_colour_decides(event, headline, level):
    assert meant(event=event, headline=headline) == level


@pytest.mark.parametrize(
    ("value", "level"), [("4; red; Extreme", 1), ("2; yellow; Moderate", 3), ("橙色", 2), ("7", 2)]
)
def test_a_parameter_may_have_it(value, level):
    assert meant(parameters=(("awareness_level", value),)) == level


@pytest.mark.parametrize(
    ("severity", "urgency", "certainty", "level"),
    [
        ("Extreme", "Immediate", "Observed", 1),
        ("Severe", "Expected", "Likely", 2),
        ("Severe", "Future", "Likely", 3),
        ("Moderate", "Future", "Possible", 4),  # 3 + 1 + 1, and 4 is the lowest
        ("Minor", "Immediate", "Unlikely", 4),
        ("Unknown", "Unknown", "Unknown", 3),
        ("Extreme", "Past", "Observed", 0),
    ],
)
def test_without_a_colour_severity_urgency_and_certainty_do(severity, urgency, certainty, level):
    assert meant(severity=severity, urgency=urgency, certainty=certainty) == level


def test_an_all_clear_warns_of_nothing_whatever_its_colour():
    assert meant(event="暴雨红色预警", response_types=("AllClear",)) == 0


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("台风", "typhoon"),
        ("雷雨大风", "lightning"),
        ("大风", "gale"),
        ("High Wind Warning", "gale"),
        ("道路结冰", "icing"),
        ("霾", "haze"),
        ("雾", "fog"),
        ("Train strike", "other"),  # no rain
    ],
)
def test_kinds_by_the_names_of_events(event, kind):
    assert kind_of(event) == f"signal_{kind}"


def test_each_kind_has_its_record_of_an_authority():
    rules = shipped()
    assert {rules[kind]["basis"] for kind in (*KINDS, OTHER)} == {"official"}
