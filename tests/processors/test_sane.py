"""Rules that could never hold, never end, or not be called are refused, each with the key and the cure."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processors.maths.rules import Rule, problems

HUMID = Rule(
    name="humid", domain="weather", column="humidity_ratio", iv=0.9, i=0.98, dead_band=0.05,
    basis="local", reference="own choice",
)  # fmt: skip
"""Of a column that goes from 0 to 1."""
WITHIN = "it goes from 0 to 1, write a limit within"
FALLS = {"kind": "change", "over_s": 600, "sense": "below", "iv": -0.1, "i": None}
OFTEN = {"kind": "count", "over_s": 600, "at": 0.9, "iv": 3, "i": 10, "dead_band": 0.0}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, []),
        ({"name": "too humid"}, ["name: letters, digits, _ and - are needed, such as wind_gusts, not 'too humid'"]),
        ({"name": "潮湿"}, []),
        ({"reference": " "}, ["reference: a text is needed; a standard with its clause, an order, or own choice"]),
        (
            {"on_delay_s": 86_400.0, "off_delay_s": 86_460.0},
            ["off_delay_s: at most a day, 86,400 s, is needed, not 86,460"],
        ),
        ({"iv": 0.5, "i": 98}, [f"i: humidity_ratio is never at or above 98; {WITHIN}"]),
        ({"iv": 0.0, "dead_band": 0.0}, [f"iv: humidity_ratio is always at or above 0; {WITHIN}"]),
        ({"sense": "below", "iv": 0.2, "i": 0.0}, [f"i: humidity_ratio is never below 0; {WITHIN}"]),
        ({"dead_band": 0.95}, ["dead_band: with 0.95 it could never end; less than 0.9 is needed"]),
        ({"sense": "below", "iv": 0.2, "i": 0.1, "dead_band": 0.8}, []),  # it ends at 1
        (
            {"sense": "below", "iv": 0.2, "i": 0.1, "dead_band": 0.9},
            ["dead_band: with 0.9 it could never end; less than 0.8 is needed"],
        ),
        (FALLS, []),
        ({**FALLS, "iv": 0.1}, ["iv: a number below 0, as far as it falls, is needed, not 0.1"]),
        ({**FALLS, "iv": -1.1}, ["iv: humidity_ratio goes from 0 to 1, it cannot be -1.1 away; write less"]),
        ({**FALLS, "dead_band": 0.1}, ["dead_band: with 0.1 it could never end; less than 0.1 is needed"]),
        (OFTEN, []),
        ({**OFTEN, "i": 11}, ["i: a whole number from 1 to 10, the minutes of over_s, is needed, not 11"]),
        ({**OFTEN, "iv": 0}, ["iv: a whole number from 1 to 10, the minutes of over_s, is needed, not 0"]),
        ({**OFTEN, "iv": 2.5}, ["iv: a whole number from 1 to 10, the minutes of over_s, is needed, not 2.5"]),
        ({**OFTEN, "at": 90.0}, [f"at: humidity_ratio is never at or above 90; {WITHIN}"]),
        ({"domain": "traffic"}, ["domain: of traffic slow_traffic judges; a rule can watch any other"]),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(values: dict[str, Any], said: list[str]) -> None:
    rule = msgspec.structs.replace(HUMID, **values)
    assert list(problems(rule)) == [f"rule {rule.name}: {one}" for one in said]
