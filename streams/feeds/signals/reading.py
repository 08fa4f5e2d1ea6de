"""From a message to the signals that it is here: of which kind and level, where, until when. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from streams.contract.durations import HOUR_MS
from streams.feeds.signals.meaning import kind_of, level_of
from streams.feeds.signals.placing import covered
from streams.feeds.signals.standing import OFFICIAL, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.signals.document import Alert, Info
    from streams.feeds.signals.placing import Ground
    from streams.feeds.signals.settings import Source

ACTUAL = "Actual"
COUNTING = ("Alert", "Update", "Cancel")
MOST_CHARACTERS = 200
"""Of a text in the evidence."""


def counts(alert: Alert) -> bool:
    """Tell whether a message is meant: no exercise or test, no draft, no acknowledgement of a message."""
    return alert.status == ACTUAL and alert.kind in COUNTING


def expires_ms(alert: Alert, source: Source) -> int:
    """Return up to when a message may hold, wherever that is."""
    if alert.kind == "Cancel":
        return alert.sent_ms
    return max((_expires_ms(alert, info, source) for info in alert.infos), default=alert.sent_ms)


def _expires_ms(alert: Alert, info: Info, source: Source) -> int:
    return alert.sent_ms + int(source.expires_h * HOUR_MS) if info.expires_ms is None else info.expires_ms


def signals_of(alert: Alert, ground: Ground, source: Source) -> list[Signal]:
    """Return what a message warns of in this city; a cancellation warns of nothing."""
    if alert.kind == "Cancel" or not alert.infos:
        return []
    language = alert.infos[0].language
    infos = [info for info in alert.infos if info.language == language]
    found = [_signal(alert, info, ground, source) for info in infos]
    return [one for one in found if one is not None]


def _signal(alert: Alert, info: Info, ground: Ground, source: Source) -> Signal | None:
    zones = covered(info.areas, ground, source)
    if not zones:
        return None
    [zone] = zones if len(zones) == 1 else [""]
    until_ms = _expires_ms(alert, info, source)
    until = datetime.fromtimestamp(until_ms // 1000, ZoneInfo(ground.city.time_zone))
    evidence = {**dict(_evidence(alert, info, zones)), "until": f"{until:%Y-%m-%d %H:%M}"}
    return Signal(
        kind=kind_of(info.event, info.headline),
        entity=f"zone:{zone}" if zone else f"city:{ground.city.id}",
        zone=zone,
        level=level_of(info),
        sent_ms=alert.sent_ms,
        expires_ms=until_ms,
        evidence={name: text[:MOST_CHARACTERS] for name, text in evidence.items() if text},
    )


def _evidence(alert: Alert, info: Info, zones: frozenset[str]) -> Iterator[tuple[str, str]]:
    yield "basis", OFFICIAL
    yield "headline", info.headline or info.event
    yield "sender", info.sender_name or alert.sender
    yield "area", ", ".join(one.description for one in info.areas if one.description)
    yield "zones", ", ".join(sorted(zones)) if len(zones) > 1 else ""
    yield "message", alert.id
