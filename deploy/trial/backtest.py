"""An alarm rule over the history: the processor that judges it takes the stored minutes, as it takes readings.

A stored minute is one reading of its mean. So what it finds is what it would have found, but for readings that came
late: the history has minutes as they were corrected, and the city may have judged before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from processors import combination, threshold
from processors.threshold import Config, State
from streams.contract.durations import HOUR_MS, MINUTE_MS
from streams.contract.records import Frame, MetricFrame, Rows, level_change
from streams.contract.spec import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from processors.maths.combined import Combination
    from processors.maths.rules import Rule
    from streams.city.registry import City
    from streams.contract.records import Detection
    from streams.sinks.history.store import History

LEARNING_MS = 28 * 24 * HOUR_MS
"""Of the time before, so much shows what is usual, as far as the history has minutes of it."""


@dataclass
class Judged:
    """What a rule made of the history."""

    detections: list[Detection] = field(default_factory=list)
    """In the order in which they were found."""
    minutes_count: int = 0
    """Stored minutes of sensors that were judged."""
    corrected_count: int = 0
    """Of them, those that late readings have changed."""
    sensors: set[int] = field(default_factory=set)


def judge(rule: Rule, city: City, history: History, from_ms: int, until_ms: int) -> Judged:
    """Judge what is stored of the rule's column in [from, until), hour by hour.

    A rule of deviation learns before what is usual; what it finds meanwhile is not told.
    """
    city = replace(city, rules={})  # the rule is whole already
    code = {one.id: number for number, one in enumerate(city.sensors) if one.domain == rule.domain}
    states = {city.sensors[number].zone: State() for number in code.values()}
    found, end_ms = Judged(), until_ms + city.longest_lag_ms.get(rule.domain, 0) + MINUTE_MS
    begin_ms = from_ms - LEARNING_MS if rule.kind == "deviation" else from_ms
    for start_ms in range(begin_ms, until_ms, HOUR_MS):
        is_told = start_ms >= from_ms
        stop_ms = min(start_ms + HOUR_MS, until_ms)
        rows = history.read(rule.column, None, start_ms, stop_ms, WINDOW_S)
        sensor = np.array([code.get(entity, -1) for entity in rows.entity.tolist()], np.int32)
        kept = np.flatnonzero((sensor >= 0) & np.isfinite(rows.value))
        kept = kept[np.argsort(rows.at_ms[kept], kind="stable")]
        zone_of = np.array([city.sensors[number].zone for number in sensor[kept].tolist()], np.int64)
        if is_told:
            found.minutes_count += len(kept)
            found.corrected_count += int(np.count_nonzero(rows.revision[kept]))
            found.sensors |= set(sensor[kept].tolist())
        for zone, state in states.items():
            mine = kept[zone_of == zone]
            frame = Frame(
                domain=rule.domain,
                zone=zone,
                sensor=sensor[mine],
                at_ms=rows.at_ms[mine],
                late=np.zeros(len(mine), bool),
                columns={rule.column: rows.value[mine]},
                watermark_ms=end_ms if stop_ms == until_ms else stop_ms,
            )
            told = threshold.step(state, frame, city, Config(rules=(rule,))).detections
            found.detections += told if is_told else ()
    return found


def judge_together(
    rule: Combination, of: Sequence[Rule], city: City, history: History, from_ms: int, until_ms: int
) -> Judged:
    """Judge what the rules that a combination is of make of the history, each as `judge` does."""
    city, found = replace(city, rules={}), Judged()
    levels: dict[tuple[str, str], list[Detection]] = {}
    for one in of:
        part = judge(one, city, history, from_ms, until_ms)
        found.minutes_count += part.minutes_count
        found.corrected_count += part.corrected_count
        found.sensors |= part.sensors
        for detection in part.detections:
            levels.setdefault((one.domain, detection.zone), []).append(detection)
    config = combination.Config(rules=(rule,), domain_of={one.name: one.domain for one in of})
    state, end_ms = combination.State(), until_ms + 2 * MINUTE_MS  # a minute is judged when the next one has passed
    for domain in sorted({one.domain for one in of}):
        for zone in city.zones_of_domain.get(domain, ()):
            told = tuple(level_change(one) for one in levels.get((domain, zone), ()))
            frame = MetricFrame(domain, city.zone_code[zone], Rows.empty(), end_ms, lag_ms=0, levels=told)
            found.detections += combination.step(state, frame, city, config).detections
    return found
