"""What makes a rule one that could never hold, never end, or not be called: the rule, the key and the cure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streams.contract.durations import DAY_MS, MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from processors.maths.combined import Combination
    from processors.maths.rules import Rule
    from streams.domains.column import Column

WORD = re.compile(r"[\w-]+")
LONGEST_S = DAY_MS // 1000
"""No delay is longer than a day."""


def odd_words(rule: Rule | Combination) -> Iterator[str]:
    """Say what is wrong with a rule's name, reference and delays."""
    if not WORD.fullmatch(rule.name):
        yield f"rule {rule.name}: name: letters, digits, _ and - are needed, such as wind_gusts, not {rule.name!r}"
    if isinstance(rule.reference, str) and not rule.reference.strip():
        yield f"rule {rule.name}: reference: a text is needed; a standard with its clause, an order, or own choice"
    for key, delay_s in (("on_delay_s", rule.on_delay_s), ("off_delay_s", rule.off_delay_s)):
        if delay_s > LONGEST_S:
            yield f"rule {rule.name}: {key}: at most a day, {LONGEST_S:,} s, is needed, not {delay_s:,.12g}"


def odd_limits(rule: Rule, limits: Mapping[str, float], column: Column) -> Iterator[str]:
    """Say which of a rule's limits its column can never reach, or never leave; `limits`: those that it has, by key."""
    if rule.kind == "level":
        yield from (_odd_mean(rule, key, limit, column) for key, limit in limits.items())
    elif rule.kind == "count":
        yield from (_odd_count(rule, key, limit) for key, limit in limits.items())
        yield from (_odd_mean(rule, "at", rule.at, column),) if rule.at is not None else ()
    elif rule.kind == "absence":
        yield from (_odd_absence(rule, key, limit) for key, limit in limits.items())
    else:
        yield from (_odd_way(rule, key, limit, column) for key, limit in limits.items())
    yield _odd_dead_band(rule, [*limits.values()], column)


def _odd_mean(rule: Rule, key: str, limit: float, column: Column) -> str:
    """Say that means are always, or never, on the bad side of a limit."""
    above = rule.sense == "above"
    never = limit > column.high if above else limit <= column.low
    always = limit <= column.low if above else limit > column.high
    if not (never or always):
        return ""
    how = ("never" if never else "always") + (f" at or above {limit:g}" if above else f" below {limit:g}")
    span = f"{column.low:g} to {column.high:g} {column.unit}".strip()
    return f"rule {rule.name}: {key}: {column.name} is {how}; it goes from {span}, write a limit within"


def _odd_count(rule: Rule, key: str, limit: float) -> str:
    most = 0 if rule.over_s is None else rule.over_s // MINUTE_S
    if not most or (1 <= limit <= most and float(limit).is_integer()):
        return ""
    return f"rule {rule.name}: {key}: a whole number from 1 to {most}, the minutes of over_s, is needed, not {limit:g}"


def _odd_absence(rule: Rule, key: str, limit_s: float) -> str:
    if limit_s >= MINUTE_S and not limit_s % MINUTE_S:
        return ""
    return f"rule {rule.name}: {key}: whole minutes in seconds, such as 600, are needed, not {limit_s:g}"


def _odd_way(rule: Rule, key: str, limit: float, column: Column) -> str:
    """Say that a limit lies on the wrong side, or further than the column goes."""
    if not (limit < 0 if rule.sense == "below" else limit > 0):
        of = "it is below usual" if rule.kind == "deviation" else "it falls"
        side = f"below 0, as far as {of}," if rule.sense == "below" else "above 0"
        return f"rule {rule.name}: {key}: a number {side} is needed, not {limit:g}"
    if abs(limit) <= column.high - column.low:
        return ""
    span = f"{column.low:g} to {column.high:g} {column.unit}".strip()
    return f"rule {rule.name}: {key}: {column.name} goes from {span}, it cannot be {limit:g} away; write less"


def _odd_dead_band(rule: Rule, limits: list[float], column: Column) -> str:
    """Say that a rule could never end: its value cannot come so far behind the mildest limit."""
    if not limits or not rule.dead_band:
        return ""
    if rule.kind == "level" and rule.sense == "below":
        room = column.high - limits[0]
        ends = rule.dead_band <= room
    else:
        room = limits[0] - column.low if rule.kind == "level" else abs(limits[0])
        ends = rule.dead_band < room
    if ends:
        return ""
    return f"rule {rule.name}: dead_band: with {rule.dead_band:g} it could never end; less than {room:g} is needed"
