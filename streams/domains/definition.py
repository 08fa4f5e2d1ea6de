"""A domain's TOML, judged key by key: every problem at once, each with name, value and cure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.domains import column
from streams.domains.column import NAME, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LATE_LIMIT_S = 3600.0
MOST_LATE_LIMIT_S = 21_600.0
"""As long as Kafka keeps frames: a processor that begins anew is rebuilt from them."""
DISORDER_S = 5.0
MARK_SILENCE_S = 300.0
STAMPS = ("moment", "begin", "end")
"""What a reading's time is: that of the measurement, or the begin or end of the interval that it sums up."""
LAST = 1_000
"""Place on a wall of a domain whose file names none: after all others."""
MOST_COLUMNS = 63
"""Which columns came at a time is remembered as a bit each; what comes beyond shares the last one."""

TIMING: Mapping[str, tuple[float, float, float]] = {
    "disorder_s": (DISORDER_S, 0.0, MOST_LATE_LIMIT_S),
    "mark_silence_s": (MARK_SILENCE_S, 1.0, MOST_LATE_LIMIT_S),
    "late_limit_s": (LATE_LIMIT_S, 1.0, MOST_LATE_LIMIT_S),
}
"""Key → seconds where it is left out, the least and the most that can work."""
SIZES: Mapping[str, tuple[int, int]] = {
    "order": (LAST, 1_000_000),
    "partitions": (1, 1_000),
    "retained_mib": (64, 2**20),
}
"""Key → whole number where it is left out, and the most; the least is 1."""
KEYS = ("domain", "zh", "en", *SIZES, *TIMING, "stamps", "columns")


def faults(name: str, found: Mapping[str, Any]) -> Iterator[Fault]:
    """Say all that is wrong with a domain's tables; `name` is that of the file."""
    if found.get("domain") != name:
        text = f"it must be the file's name, {name!r}, not {found.get('domain')!r}"
        yield Fault("", "domain", found.get("domain"), text)
    if not NAME.fullmatch(name):
        yield Fault("", "", name, f"a domain's name has small letters, digits and underscores, not {name!r}")
    yield from column.unknown(found, KEYS)
    for key in ("zh", "en"):
        if not isinstance(found.get(key), str) or not found[key].strip():
            yield Fault("", key, found.get(key), f"the domain's name is needed, a text, not {found.get(key)!r}")
    for key, (default, most) in SIZES.items():
        value = found.get(key, default)
        if type(value) is not int or not 1 <= value <= most:
            yield Fault("", key, value, f"a whole number from 1 to {most:,} is needed, not {value!r}")
    yield from timing_faults(found)
    if found.get("stamps", STAMPS[0]) not in STAMPS:
        yield Fault("", "stamps", found["stamps"], f"{found['stamps']!r} is not one of {', '.join(STAMPS)}")
    yield from _columns(found.get("columns"))


def timing_faults(found: Mapping[str, Any]) -> Iterator[Fault]:
    """Say what is wrong with the seconds in a domain's tables, each by itself and beside the others."""
    said = list(_seconds(found))
    yield from said
    if said:
        return
    disorder_s, limit_s = timing(found, "disorder_s"), timing(found, "late_limit_s")
    if disorder_s > limit_s and "disorder_s" in found:
        text = f"{disorder_s:g} s is longer than late_limit_s, {limit_s:g} s, for which event times are remembered"
        yield Fault(
            "", "disorder_s", disorder_s, f"{text}; write at most {limit_s:g}, or late_limit_s = {disorder_s:g}"
        )
    elif disorder_s > limit_s:
        text = f"{limit_s:g} s is shorter than disorder_s, which is {disorder_s:g} s where it is left out"
        yield Fault("", "late_limit_s", limit_s, f"{text}; write at least {disorder_s:g}, or disorder_s = {limit_s:g}")


def timing(found: Mapping[str, Any], key: str) -> float:
    """Return the seconds of a key in tables without faults."""
    return float(found.get(key, TIMING[key][0]))


def _seconds(found: Mapping[str, Any]) -> Iterator[Fault]:
    for key, (default, least, most) in TIMING.items():
        value = found.get(key, default)
        if not column.is_number(value) or not least <= value <= most:
            yield Fault("", key, value, f"seconds from {least:g} to {most:,.0f} are needed, not {value!r}")


def _columns(tables: Any) -> Iterator[Fault]:  # noqa: ANN401 - whatever stands in the file
    if not isinstance(tables, dict) or not tables:
        yield Fault("", "columns", tables, "at least one [columns.NAME] is needed")
        return
    if len(tables) > MOST_COLUMNS:
        text = f"{len(tables)} are too many: {MOST_COLUMNS} can be told apart; make two domains of them"
        yield Fault("", "columns", len(tables), text)
    for name, table in tables.items():
        yield from column.faults(name, table)
