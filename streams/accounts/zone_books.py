"""The books of a readings partition, summed over its zones: what became of each source's rows. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from streams.accounts import ledger
from streams.accounts.zone_hours import JOINED_LATER
from streams.contract.frames import LAST_PLACE
from streams.contract.records import NO_TIME_MS
from streams.health.yielded import waiting_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence, Set

    from streams.contract.spec import Hosted
    from streams.zone.partition import Partition
    from streams.zone.state import ZoneHour, ZoneState

PROCESSING = ("used", "counted", "decided")
ADMISSION = ("in_frames", "duplicates", "conflicts", "too_late", "forgotten", "repeated_values")


def book(held: Partition, hosted: Sequence[Hosted], limit_ms: int) -> dict[str, Any]:
    """Return the book of a readings partition as it stands; readings may come `limit_ms` after their hour.

    Raises ProcessorError when a processor cannot say what waits in its windows.
    """
    zones = held.zones.values()
    return {
        "stage": "zone",
        "domain": held.domain,
        "partition": held.partition,
        "offset": held.offset,
        "mark_ms": watermark_ms(zones),
        "limit_ms": limit_ms,
        "emitted": emitted(zones),
        "hours": open_hours(zones, hosted),
        "counts": zone_counts(zones, hosted, held.inbox_partitions),
    }


def zone_counts(zones: Collection[ZoneState], hosted: Sequence[Hosted], sources: int) -> dict[str, Any]:
    """Return the counters of all zones, with each source's own and each processor's."""
    counts: dict[str, Any] = dict.fromkeys(ADMISSION, 0)
    for state in zones:
        for one in state.counts.values():
            for name in ADMISSION:
                counts[name] += getattr(one, name)
    counts["sources"] = {str(source): _source(zones, source) for source in range(sources)}
    counts["processors"] = _processors(zones, {one.name for one in hosted})
    if zones:
        slowest_ms = min(state.watermark_ms for state in zones)
        counts["watermark_ms"] = None if slowest_ms == NO_TIME_MS else slowest_ms
    return counts


def _source(zones: Collection[ZoneState], source: int) -> dict[str, int]:
    """Say how far the zones are with a source: all `through` an offset, the `furthest` one, rows `sent` and `taken`."""
    counts = [state.counts[source] for state in zones if source in state.counts]
    positions = [state.absorbed.get(source, (-1, LAST_PLACE)) for state in zones]
    return {
        "through": min((offset if place == LAST_PLACE else offset - 1 for offset, place in positions), default=-1),
        "furthest": max((offset for offset, _ in positions), default=-1),
        "sent": sum(one.sent for one in counts),
        "taken": sum(one.in_frames + one.duplicates + one.too_late for one in counts),
    }


def _processors(zones: Collection[ZoneState], names: Set[str]) -> dict[str, dict[str, Any]]:
    """Add up what these processors had; one that is gone has missed readings since, so it has no book."""
    books: dict[str, dict[str, Any]] = {}
    for state in zones:
        for name in sorted(names & (state.used.keys() | state.dropped.keys())):
            book = books.setdefault(name, {"used": 0, "dropped": defaultdict(int)})
            book["used"] += state.used.get(name, 0)
            for reason, dropped in state.dropped.get(name, {}).items():
                book["dropped"][reason] += dropped
    return books


def watermark_ms(zones: Collection[ZoneState]) -> int | None:
    """Return what all zones have passed, None where there are none."""
    return min((state.watermark_ms for state in zones), default=None)


def settled(zones: Collection[ZoneState], hosted: Sequence[Hosted], limit_ms: int) -> dict[int, dict[str, Any]]:
    """Return the books of the hours that are settled now, by start, and take them out of the zones.

    `limit_ms` is the domain's late limit.

    Raises ProcessorError when a processor cannot say what waits in its windows.
    """
    mark_ms = watermark_ms(zones)
    if mark_ms is None:
        return {}
    starts = ledger.settled({start_ms for state in zones for start_ms in state.hours}, mark_ms, limit_ms)
    found = _hours(zones, hosted, starts) if starts else {}
    for state in zones:
        state.hours = {start_ms: hour for start_ms, hour in state.hours.items() if start_ms not in found}
    return found


def open_hours(zones: Collection[ZoneState], hosted: Sequence[Hosted]) -> dict[str, dict[str, Any]]:
    """Return the books of the hours that are not settled."""
    starts = {start_ms for state in zones for start_ms in state.hours}
    return {str(start_ms): hour for start_ms, hour in _hours(zones, hosted, sorted(starts)).items()}


def _hours(zones: Collection[ZoneState], hosted: Sequence[Hosted], starts: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Add up hours over the zones, with what waits in the processors' windows."""
    found: dict[int, dict[str, Any]] = {
        start_ms: {
            **dict.fromkeys(ADMISSION, 0),
            "emitted": emitted(zones),
            "processors": {one.name: {**dict.fromkeys(PROCESSING, 0), "waiting": 0, "dropped": {}} for one in hosted},
        }
        for start_ms in starts
    }
    for state in zones:
        for start_ms, book in found.items():
            if start_ms in state.hours:
                _add_hour(book, state.hours[start_ms])
        for one in hosted:
            waiting = waiting_of(one, state.processors[one.name]) if one.name in state.processors else None
            for start_ms, count in (waiting or {}).items():
                hour_ms = ledger.hour_of(start_ms)
                if hour_ms in found:
                    found[hour_ms]["processors"][one.name]["waiting"] += count
    return found


def _add_hour(book: dict[str, Any], hour: ZoneHour) -> None:
    for name in ADMISSION:
        book[name] += getattr(hour, name)
    for name, processor in book["processors"].items():
        mine = hour.processors.get(name)
        for field in PROCESSING if mine is not None else ():
            processor[field] += getattr(mine, field)
        dropped = {JOINED_LATER: hour.in_frames} if mine is None else mine.dropped
        for reason, count in dropped.items():
            if count:
                processor["dropped"][reason] = processor["dropped"].get(reason, 0) + count


def emitted(zones: Collection[ZoneState]) -> int:
    """Return one above the offset of the frame that last made rows of metrics."""
    return max((state.emitted for state in zones), default=0)
