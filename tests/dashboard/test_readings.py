"""Values and limits as people say them."""

from __future__ import annotations

import pytest

from dashboard.readings import quantity, reading


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
        (5405.0, 3600.0, "s", "1 时 30 分，限 1 时", "1 h 30 min, limit 1 h"),  # 5,400 s = 1 h 30 min; 5 s go unsaid
        (7.0, None, "m", "7 m", "7 m"),
        (None, 5.0, "m", "", ""),
        (float("nan"), 5.0, "m", "—，限 5", "—, limit 5"),
    ],
)
def test_a_reading_says_its_limit_and_its_unit_once(value, limit, unit, zh, en):
    assert reading(value, limit, unit) == (zh, en)


@pytest.mark.parametrize(
    ("value_s", "en"),
    [(0.0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (130.0, "2 min 10 s"), (90_000.0, "1 d 1 h"), (86_405.0, "1 d")],
)
def test_a_duration_is_said_in_two_units_at_most(value_s, en):
    assert quantity(value_s, "s").en == en
