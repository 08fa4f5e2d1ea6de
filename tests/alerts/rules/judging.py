"""What a rule that ships finds of a sensor's minutes, or of other rules that stand, whether it is enabled or not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from alerts.rules.shipped import shipped
from processors import combination, threshold
from processors.maths.combined import Combination
from processors.maths.rules import RECORD, Rule
from streams.contract.records import LevelChange, MetricFrame, Rows
from tests.processors import contract
from tests.processors.contract import CITY, START_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

MINUTE_MS = 60_000
DAY_MINUTES, SATURDAY = 24 * 60, 5
UNTIL = 30
"""Minutes after which every zone has passed all that is tried."""


def rule(name: str) -> Rule | Combination:
    """Return a rule that ships, enabled."""
    values = {key: value for key, value in shipped()[name].items() if key != RECORD}
    kind = Combination if values.get("kind") == "combination" else Rule
    return msgspec.convert({**values, "name": name, "enabled": True}, kind)


def levels(of: Rule | Combination, means: Mapping[int, float | None]) -> list[int]:
    """Return the levels found when a sensor's minutes, by number, have these means; None = none is told."""
    assert isinstance(of, Rule)
    names = contract.load_schemas()[of.domain].names
    state, found = threshold.State(), list[int]()
    for minute, mean in means.items():
        told = {of.column: float("nan") if mean is None else mean}
        row = contract.Row(
            0, START_MS + MINUTE_MS * minute, False, tuple(told.get(one, float("nan")) for one in names), 0
        )
        frame = contract.frame_of(of.domain, [row], START_MS + MINUTE_MS * (minute + 1))
        result = threshold.step(state, frame, CITY, threshold.Config(rules=(of,)))
        found += [one.level for one in result.detections]
    return found


def workdays(count: int) -> list[int]:
    """Return one minute of each of so many workdays, at the same hour."""
    begun = datetime.fromtimestamp(START_MS / 1000, ZoneInfo(CITY.time_zone))
    days = (day for day in range(2 * count + 2) if (begun + timedelta(days=day)).weekday() < SATURDAY)
    return [DAY_MINUTES * day for day, _ in zip(days, range(count), strict=False)]


def together(of: Rule | Combination, changes: Mapping[int, Mapping[str, int]]) -> list[int]:
    """Return a combination's levels when in these minutes its rules have these levels, at one sensor of a zone."""
    assert isinstance(of, Combination)
    told = tuple(
        LevelChange(kind, CITY.sensors[0].id, START_MS + MINUTE_MS * minute, level)  # type: ignore[arg-type] - a Level
        for minute, by_rule in changes.items()
        for kind, level in by_rule.items()
    )
    config = combination.Config(rules=(of,), domain_of=dict.fromkeys(of.of, of.domain))
    state, found = combination.State(), list[int]()
    for zone in range(len(CITY.zones)):
        levels_here = told if zone == 0 else ()
        frame = MetricFrame(of.domain, zone, Rows.empty(), START_MS + MINUTE_MS * UNTIL, lag_ms=0, levels=levels_here)
        found += [one.level for one in combination.step(state, frame, CITY, config).detections]
    return found
