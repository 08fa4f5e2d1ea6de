"""Values and limits as people say them."""

from __future__ import annotations

import re

import pytest

from alerts.rules.shipped import shipped
from dashboard.alarm_list import scale_of
from dashboard.labels import column_unit
from dashboard.readings import Judged, quantity, reading

LIMITS = ("iv", "iii", "ii", "i")


@pytest.mark.parametrize(
    ("value", "limit", "unit", "zh", "en"),
    [
        (27.0, 25.0, "cm", "27 cm，限 25", "27 cm, limit 25"),
        (9.4, 22.0, "km/h", "9.4 km/h，限 22", "9.4 km/h, limit 22"),
        (100.0, 50.0, "%", "100%，限 50%", "100%, limit 50%"),
        (4.2, 4.0, "1/m²", "4.2 人/m²，限 4", "4.2 per m², limit 4"),
        (1.5, 1.0, "s", "2 秒", "2 s"),  # any person at all: the limit says nothing
        (3.0, 1.0, "", "3", "3"),
        (5.0, 2.0, "", "5，限 2", "5, limit 2"),
        (5405.0, 3600.0, "s", "1 小时 30 分钟，限 1 小时", "1 h 30 min, limit 1 h"),  # 5,400 s; 5 go unsaid
        (7.0, None, "m", "7 m", "7 m"),
        (None, 5.0, "m", "", ""),
        (float("nan"), 5.0, "m", "—，限 5", "—, limit 5"),
    ],
)
def test_a_reading_says_its_limit_and_its_unit_once(value, limit, unit, zh, en):
    assert reading(value, limit, unit) == (zh, en)


@pytest.mark.parametrize(
    ("value", "limit", "unit", "judged", "zh", "en"),
    [
        (720.0, 600.0, "s", ("absence", 0), "已 12 分钟无读数，限 10 分钟", "no reading for 12 min, limit 10 min"),
        (-0.06, -0.05, "MPa", ("deviation", 0), "比常态低 0.06 MPa，限 0.05", "0.06 MPa below usual, limit 0.05"),
        (8.0, 5.0, "%", ("deviation", 0), "比常态高 8 个百分点，限 5", "8 points above usual, limit 5"),
        (
            -0.1,
            -0.05,
            "MPa",
            ("change", 300),
            "5 分钟内下降 0.10 MPa，限 0.05",
            "fell by 0.10 MPa in 5 min, limit 0.05",
        ),
        (30.0, 20.0, "%", ("change", 600), "10 分钟内上升 30 个百分点，限 20", "rose by 30 points in 10 min, limit 20"),
        (
            *(4.0, 3.0, "", ("count", 600)),
            "最近 10 分钟内超限 4 分钟，限 3 分钟",
            "beyond it for 4 min of the last 10 min, limit 3 min",
        ),
        (2.0, 2.0, "rules_count", ("", 0), "2 条规则，限 2", "2 rules, limit 2"),
    ],
)
def test_what_a_rule_of_each_kind_has_judged_is_said_in_words(value, limit, unit, judged, zh, en):
    assert reading(value, limit, unit, Judged(*judged)) == (zh, en)


@pytest.mark.parametrize(
    ("column", "of", "scaled"),
    [
        ("occupied_ratio", "level", (100.0, "%")),
        ("occupied_ratio", "", (100.0, "%")),
        ("occupied_ratio", "count", (1.0, "")),
    ],
)
def test_minutes_are_no_percentage_though_their_column_is(column, of, scaled):
    assert scale_of({"entity": "p1", "unit": "", "evidence": {"column": column, "of": of}}) == scaled


@pytest.mark.parametrize(
    ("value_s", "en"),
    [(0.0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (130.0, "2 min 10 s"), (90_000.0, "1 d 1 h"), (86_405.0, "1 d")],
)
def test_a_duration_is_said_in_two_units_at_most(value_s, en):
    assert quantity(value_s, "s").en == en


UNITS = {
    "km/h",
    "m/s",
    "cm",
    "mm",
    "m",
    "dB(A)",
    "mg/L",
    "mg/m³",
    "µg/m³",
    "MPa",
    "NTU",
    "°C",
    "°",
    "V",
    "Hz",
    "hPa",
    "m²",
    "h",
}
"""What a Chinese wall writes in Latin letters."""


@pytest.mark.parametrize(("kind", "rule"), [(kind, rule) for kind, rule in shipped().items() if "column" in rule])
def test_what_every_kind_that_ships_has_read_is_said_with_its_unit(kind, rule):
    unit, limits = column_unit(rule["domain"], rule["column"]), [rule[name] for name in LIMITS if name in rule]
    assert limits
    for value in limits:
        alarm = {"entity": "s1", "unit": unit, "evidence": {"column": rule["column"]}}
        scale, shown = scale_of(alarm)
        said = reading(value * scale, value * scale, shown)
        for text in said:
            number, _, rest = text.partition(" ") if "%" not in text else text.partition("%")
            assert number, kind
            assert rest or "%" in text, f"{kind} says a bare number: {text}"
        words = set(re.findall(r"[A-Za-zµ°][\w/()³²]*", said.zh))
        assert words <= UNITS, f"{kind} speaks English on a Chinese wall: {said.zh}"
