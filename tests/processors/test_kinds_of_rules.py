"""Rules over more than a minute, worked out by hand: how far a mean has moved, how many minutes it was beyond a limit.

Each is written as a city writes it, in its `rules.toml`, and nothing else is.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from deploy.config import settings
from deploy.config.rules import checked
from processors.threshold import Config, State, step
from streams.city.folder import read_folder
from streams.contract.records import Detection
from tests.processors import contract
from tests.processors.contract import CITY, START_MS, Row
from tests.small_city import write_small_city
from tests.written_rules import RECORD

if TYPE_CHECKING:
    from pathlib import Path

MINUTE_MS, NAN = 60_000, float("nan")
COMMON = f'dead_band = 0.01\non_delay_s = 0\noff_delay_s = 0\nbasis = "local"\nreference = "own choice"\n{RECORD}'
DROP = f"""[pressure_drop]
domain = "water"
column = "pressure_mpa"
kind = "change"
over_s = 180
sense = "below"
iv = -0.05
iii = -0.1
{COMMON}"""
OFTEN = f"""[pressure_low_often]
domain = "water"
column = "pressure_mpa"
kind = "count"
over_s = 300
at = 0.2
sense = "below"
iv = 2
ii = 4
{COMMON.replace("0.01", "0")}"""
MISSING = f"""[rain_missing]
domain = "weather"
column = "rain_mm_h"
kind = "absence"
iv = 600
iii = 3600
basis = "local"
reference = "own choice"
{RECORD}"""
RISE = DROP.replace("pressure_drop", "rise").replace("below", "above").replace("-0.", "0.")


def found(rules: str, *means: float, every: int = 1) -> list[Detection]:
    """What the rules of a city find where a sensor's minutes have these means (NaN = it says nothing)."""
    city = replace(CITY, rules=tomllib.loads(rules))
    names = contract.load_schemas()["water"].names
    log = [
        Row(0, START_MS + MINUTE_MS * minute, False, tuple(mean if one == "pressure_mpa" else NAN for one in names), 0)
        for minute, mean in enumerate(means)
        if mean == mean
    ]
    state, detections = State(), list[Detection]()
    for first in range(0, len(means), every):
        end_ms = START_MS + MINUTE_MS * min(first + every, len(means))
        rows = [row for row in log if START_MS + MINUTE_MS * first <= row.at_ms < end_ms]
        frame = contract.frame_of("water", rows, end_ms)
        detections += step(state, frame, city, Config()).detections
    return detections


def told(rules: str, *means: float, every: int = 1) -> list[tuple[int, int, float]]:
    """(minute at the end of which it was told, level, value) of what is found."""
    return [
        ((one.known_ms - START_MS) // MINUTE_MS, one.level, round(one.value or 0, 6))
        for one in found(rules, *means, every=every)
    ]


CASES: list[tuple[str, tuple[float, ...], list[tuple[int, int, float]]]] = [
    (DROP, (0.3, 0.3, 0.3, 0.3, 0.3), []),
    (DROP, (0.3, 0.29, 0.28, 0.24), [(4, 4, -0.06)]),  # 0.24 - 0.30, three minutes before
    (DROP, (0.3, 0.2, 0.1), []),  # nothing was known three minutes before
    (DROP, (0.4, 0.39, 0.38, 0.28, 0.28, 0.3), [(4, 3, -0.12), (6, 4, -0.08)]),  # -0.12, -0.11; -0.08 is behind -0.09
    (DROP, (0.3, 0.3, 0.3, 0.24, 0.24, 0.24, 0.24), [(4, 4, -0.06), (7, 0, 0.0)]),  # the jump is three minutes old
    (DROP, (0.3, 0.3, 0.3, 0.24, NAN, NAN, NAN, NAN), [(4, 4, -0.06)]),  # silence ends nothing
    (DROP, (0.3, 0.3, NAN, 0.24, 0.24, 0.24, 0.24), [(4, 4, -0.06), (7, 0, 0.0)]),  # minute 6 had no one to ask at 2
    (RISE, (0.1, 0.1, 0.1, 0.16), [(4, 4, 0.06)]),
    (OFTEN, (0.19, 0.3, 0.19), [(3, 4, 2.0)]),
    (OFTEN, (0.19, 0.2, 0.3, 0.3, 0.3, 0.19), []),  # 0.2 is not below; the first is six minutes old
    (OFTEN, (0.1, 0.1, 0.3, 0.1, 0.1), [(2, 4, 2.0), (5, 2, 4.0)]),
    (OFTEN, (0.1, 0.1, 0.3, 0.3, 0.3, 0.3), [(2, 4, 2.0), (6, 0, 1.0)]),
    (OFTEN, (0.1, NAN, 0.1), [(3, 4, 2.0)]),
]


@pytest.mark.parametrize("every", [1, 2, 100], ids=["a minute each", "two", "all at once"])
@pytest.mark.parametrize(("rules", "means", "expected"), CASES)
def test_what_a_rule_of_a_citys_own_finds(rules: str, means: tuple[float, ...], expected: object, every: int) -> None:
    assert told(rules, *means, every=every) == expected


def test_evidence_unit_and_limit_say_of_what_it_is() -> None:
    (drop,) = found(DROP, 0.3, 0.3, 0.3, 0.24)
    assert (drop.kind, drop.unit, drop.limit, drop.evidence["of"], drop.evidence["over_s"]) == (
        "pressure_drop", "MPa", -0.05, "change", 180.0,
    )  # fmt: skip
    (often,) = found(OFTEN, 0.1, 0.1)
    assert (often.unit, often.limit, often.evidence["of"]) == ("", 2, "count")


def test_a_limit_of_absence_below_an_interval_is_named(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "town", intervals_s=(1, 3600))
    (folder / "rules.toml").write_text(MISSING, encoding="utf-8")
    found = checked(read_folder(folder), settings.load(environment={}).components)
    assert not found.problems
    (said,) = [str(one) for one in found.notices if one.field == "iv"]
    assert said.partition("rules.toml: ")[2] == (
        "rule rain_missing: iv: 600 s is shorter than the interval of w0 (3600 s) and 3 more: "
        "it is not judged there; write a longer limit where it should be"
    )


def problems(folder: Path, rules: str) -> list[str]:
    write_small_city(folder)
    (folder / "rules.toml").write_text(rules, encoding="utf-8")
    components: dict[str, Any] = settings.load(environment={}).components
    return [str(one).partition("rules.toml: ")[2] for one in checked(read_folder(folder), components).problems]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (DROP, []),
        (OFTEN, []),
        (MISSING, []),
        (MISSING.replace("iv = 600", "iv = 90"), ["iv: whole minutes in seconds, such as 600, are needed, not 90"]),
        (
            f"dead_band = 2\n{MISSING}".replace("dead_band = 2\n[rain_missing]", "[rain_missing]\ndead_band = 2"),
            ["dead_band: kind absence has none; take 2 away"],
        ),
        (DROP.replace("over_s = 180\n", ""), ["over_s: kind change needs whole minutes, such as 600"]),
        (DROP.replace("180", "90"), ["over_s: whole minutes from 60 to 3540 s are needed, not 90"]),
        (DROP.replace("180", "3600"), ["over_s: whole minutes from 60 to 3540 s are needed, not 3600"]),
        (RISE.replace('"change"', '"level"'), ["over_s: kind level is for kind = change or count alone"]),
        (OFTEN.replace("at = 0.2\n", ""), ["at: kind count needs the mean beyond which a minute counts"]),
        (
            DROP.replace('"change"', '"changes"'),
            ["kind: one of absence, change, count, deviation, level is needed, not 'changes'; the nea"],
        ),
    ],
)
def test_what_such_a_rule_lacks_is_said(tmp_path: Path, rules: str, said: list[str]) -> None:
    found = problems(tmp_path, rules)
    assert len(found) == len(said)
    assert all(text in one for text, one in zip(said, found, strict=True)), found
