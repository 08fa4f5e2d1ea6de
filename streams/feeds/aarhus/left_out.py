"""What a replay leaves out of a folder, in few sentences: files with one reason are said together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.contract.durations import DAY_MS
from streams.feeds.aarhus.files import Contents, day_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from streams.feeds.aarhus.files import Folder

FEW = 3
"""So many files are named, each with its own numbers; of more, one."""

Picked = list[tuple[Contents, dict[int, frozenset[str]]]]
"""Files of one domain, each with the days that are read from it, and of which sensors."""
Chosen = dict[str, Picked]


def left_out(found: Folder, chosen: Chosen, placed: Collection[str], period: tuple[int, int]) -> Iterator[str]:
    """Yield a sentence for each reason, `placed` = the sensors of the city folder, as the files name them."""
    days = range(period[0] // DAY_MS, (period[1] - 1) // DAY_MS + 1)
    for domain in dict.fromkeys(contents.kind.domain for contents in found.readings):
        files = [contents for contents in found.readings if contents.kind.domain == domain]
        taken = {contents.path: own for contents, own in chosen.get(domain, ())}
        doubled, other = [], []
        for contents in files:
            mine = taken.get(contents.path, {})
            inside = {day: rows for day, rows in contents.days.items() if day in days}
            doubled.append((contents, {day: _less(rows, mine.get(day, ())) for day, rows in inside.items()}))
            other.append((contents, {day: rows for day, rows in contents.days.items() if day not in days}))
        yield from _said(doubled, "of {days}, whose sensors another file brings")
        yield from _said(other, "of other days, {days}")
        yield from _unreadable(files)
        strangers = sorted({name for own in taken.values() for names in own.values() for name in names} - {*placed})
        if strangers:
            said = listed(strangers, "of them")
            yield f"{domain}: {len(strangers)} sensors have no place, their rows become dead letters: {said}"
    groups: dict[str, list[str]] = {}
    for one in found.other:
        groups.setdefault(one.path.rpartition("/")[0] if one.columns else "", []).append(one.path)
    for paths in groups.values():
        for names in [paths] if len(paths) > FEW else ([path] for path in paths):
            yield f"{listed(names)}: nothing that is replayed"


def listed(names: Sequence[str], what: str = "files") -> str:
    """Name a few, or say how many there are and one of them.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d"])
    ('a, b', '4 files, such as a')
    """
    return ", ".join(names) if len(names) <= FEW else f"{len(names):,} {what}, such as {names[0]}"


def days_text(days: Iterable[int]) -> str:
    """Write the first and the last of some days."""
    first, last = day_text(min(days := list(days))), day_text(max(days))
    return first if first == last else f"{first} to {last}"


def _less(rows: Mapping[str, int], taken: Collection[str]) -> dict[str, int]:
    return {sensor: count for sensor, count in rows.items() if sensor not in taken}


def _said(left: Sequence[tuple[Contents, Mapping[int, Mapping[str, int]]]], what: str) -> Iterator[str]:
    """Yield how many rows of which days, `left` = of each file: day → sensor → rows."""
    counted = [
        (contents.path, {day: sum(rows.values()) for day, rows in days.items() if rows}) for contents, days in left
    ]
    counted = [(path, days) for path, days in counted if days]
    for group in [counted] if len(counted) > FEW else [[one] for one in counted]:
        paths = [path for path, _ in group]
        rows = sum(sum(days.values()) for _, days in group)
        if group:
            spell = days_text(day for _, days in group for day in days)
            yield f"{listed(paths)}: {rows:,} rows {what.format(days=spell)}"


def _unreadable(files: Sequence[Contents]) -> Iterator[str]:
    odd = [contents for contents in files if contents.unreadable_stamps]
    for group in [odd] if len(odd) > FEW else [[one] for one in odd]:
        rows = sum(contents.unreadable_stamps for contents in group)
        if group:
            paths = [contents.path for contents in group]
            yield f"{listed(paths)}: {rows:,} rows without a readable {group[0].kind.stamp}"
