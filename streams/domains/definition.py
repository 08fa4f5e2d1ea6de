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

TIMING: Mapping[str, tuple[float, float]] = {
    "disorder_s": (0.0, MOST_LATE_LIMIT_S),
    "mark_silence_s": (1.0, MOST_LATE_LIMIT_S),
    "late_limit_s": (1.0, MOST_LATE_LIMIT_S),
}
"""Key → the least and the most seconds that can work."""
USUAL: Mapping[str, float] = {
    "disorder_s": DISORDER_S,
    "mark_silence_s": MARK_SILENCE_S,
    "late_limit_s": LATE_LIMIT_S,
}
"""Key → seconds where it is left out."""
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
    yield from _timing(found, USUAL)
    if found.get("stamps", STAMPS[0]) not in STAMPS:
        yield Fault("", "stamps", found["stamps"], f"{found['stamps']!r} is not one of {', '.join(STAMPS)}")
    yield from _columns(found.get("columns"))


def faults_of_timing(domain: str, found: Mapping[str, Any], usual: Mapping[str, float]) -> Iterator[Fault]:
    """Say all that is wrong with a city's tables of a domain that comes along; `usual` are its seconds."""
    if found.get("domain", domain) != domain:
        text = f"it must be the file's name, {domain!r}, not {found['domain']!r}"
        yield Fault("", "domain", found["domain"], text)
    fixed = [key for key in found if key in KEYS and key not in ("domain", *TIMING)]
    if fixed:
        text = f"CityWall has a domain {domain!r}, of which a city says {', '.join(TIMING)} alone"
        yield Fault("", "", fixed[0], f"{text}; take away {', '.join(fixed)}, or give it another name")
    yield from column.unknown({key: found[key] for key in found if key not in fixed}, ("domain", *TIMING))
    yield from _timing(found, usual)


def timing(found: Mapping[str, Any], usual: Mapping[str, float] = USUAL) -> dict[str, float]:
    """Return the seconds in tables without faults."""
    return {key: float(found.get(key, usual[key])) for key in TIMING}


def _timing(found: Mapping[str, Any], usual: Mapping[str, float]) -> Iterator[Fault]:
    """Judge the seconds in a domain's tables, each by itself, then beside the others."""
    said = list(_seconds(found, usual))
    yield from said
    if said:
        return
    all_s = timing(found, usual)
    disorder_s, limit_s = all_s["disorder_s"], all_s["late_limit_s"]
    if disorder_s > limit_s and "disorder_s" in found:
        text = f"{disorder_s:g} s is longer than late_limit_s, {limit_s:g} s, for which event times are remembered"
        yield Fault(
            "", "disorder_s", disorder_s, f"{text}; write at most {limit_s:g}, or late_limit_s = {disorder_s:g}"
        )
    elif disorder_s > limit_s:
        text = f"{limit_s:g} s is shorter than disorder_s, which is {disorder_s:g} s where it is left out"
        yield Fault("", "late_limit_s", limit_s, f"{text}; write at least {disorder_s:g}, or disorder_s = {limit_s:g}")


def _seconds(found: Mapping[str, Any], usual: Mapping[str, float]) -> Iterator[Fault]:
    for key, (least, most) in TIMING.items():
        value = found.get(key, usual[key])
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
