"""Public warnings in CAP 1.2 (Common Alerting Protocol): one message of an alarm or incident, in Chinese and English.

What a simulated city or a replay warns of is `Exercise`, and says so in every text that a person reads: a drill cannot
be taken for real. A warning whose end is not after its sending, or whose area is no closed ring, is refused.

source  OASIS CAP-v1.2
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from streams.contract.level import Level
from streams.contract.name import Name  # at run time: msgspec reads the types of the fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"

Status: TypeAlias = Literal["Actual", "Exercise", "Test"]

DRILLS: dict[str, tuple[Name, Name]] = {
    "Exercise": (
        Name("【演练】", "[EXERCISE] "),
        Name("这是演练，并非真实预警。", "This is an exercise, not a real warning. "),
    ),
    "Test": (
        Name("【测试】", "[TEST] "),
        Name("这是系统测试，并非真实预警。", "This is a test of the system, not a real warning. "),
    ),
}
"""Status → what stands before each heading, and before each text."""

LANGUAGES = (("zh-CN", "zh"), ("en", "en"))
SEVERITIES: dict[int, str] = {1: "Extreme", 2: "Severe", 3: "Moderate", 4: "Minor"}
CATEGORIES: dict[str, str] = {
    "traffic": "Transport",
    "transit": "Transport",
    "parking": "Transport",
    "environment": "Env",
    "weather": "Met",
    "water": "Infra",
    "energy": "Infra",
    "safety": "Safety",
    "fire": "Fire",
    "sanitation": "Infra",
    "services": "Other",
    "health": "Health",
}
"""Domain → category; a domain of a city's own is Other."""
RING_LEAST = 4
"""Points of a closed ring: three corners, and the first again."""
LNG_MOST, LAT_MOST = 180.0, 90.0
NOT_IN_AN_ID = frozenset(" ,<&")
"""A reference is three words with commas between them."""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier message that this one replaces or calls off."""

    sender: str
    identifier: str
    sent_ms: int


class PublicWarning(msgspec.Struct, frozen=True, kw_only=True):
    """What the public is to be warned of."""

    identifier: str
    sender: str
    """Who answers for it, as its authority names itself: an address or a domain's name."""
    sent_ms: int
    expires_ms: int
    status: Status
    """What the city is: `status_of`."""
    time_zone: str
    domain: str
    level: Level
    event: Name
    headline: Name
    description: Name
    instruction: Name
    sender_name: Name
    area: Name
    ring: tuple[tuple[float, float], ...] = ()
    """(lng, lat), closed; () = the area has a name only."""
    replaces: tuple[Reference, ...] = ()
    cancels: bool = False
    """It calls off what it replaces."""


def status_of(mode: str) -> Status:
    """Return the status of what a city warns of: only a living one's is real."""
    return "Actual" if mode == "live" else "Exercise"


def message(warning: PublicWarning) -> bytes:
    """Write the message.

    Raises ValueError, with every reason at once, where nobody must send it.
    """
    if found := list(_faults(warning)):
        raise ValueError(f"{warning.identifier}: {'; '.join(found)}")
    ET.register_namespace("", NAMESPACE)
    alert = ET.Element(f"{{{NAMESPACE}}}alert")
    kind = "Cancel" if warning.cancels else "Update" if warning.replaces else "Alert"
    _add(alert, "identifier", warning.identifier)
    _add(alert, "sender", warning.sender)
    _add(alert, "sent", _time(warning.sent_ms, warning.time_zone))
    _add(alert, "status", warning.status)
    _add(alert, "msgType", kind)
    _add(alert, "scope", "Public")
    if warning.status in DRILLS:
        zh, en = DRILLS[warning.status][1]
        _add(alert, "note", f"{zh}{en.strip()}")
    if warning.replaces:
        _add(alert, "references", " ".join(_reference(one, warning.time_zone) for one in warning.replaces))
    for language, lang in LANGUAGES:
        _info(alert, warning, language, lang)
    return XML + ET.tostring(alert, encoding="unicode").encode()


def _info(alert: ET.Element, warning: PublicWarning, language: str, lang: str) -> None:
    heading, text = (one.said_in(lang) for one in DRILLS.get(warning.status, (Name("", ""), Name("", ""))))
    info = _add(alert, "info")
    _add(info, "language", language)
    _add(info, "category", CATEGORIES.get(warning.domain, "Other"))
    _add(info, "event", f"{heading}{warning.event.said_in(lang)}")
    _add(info, "responseType", "AllClear" if warning.cancels else "Monitor")
    _add(info, "urgency", "Past" if warning.cancels else "Immediate")
    _add(info, "severity", SEVERITIES[warning.level])
    _add(info, "certainty", "Observed")
    _add(info, "effective", _time(warning.sent_ms, warning.time_zone))
    _add(info, "expires", _time(warning.expires_ms, warning.time_zone))
    _add(info, "senderName", warning.sender_name.said_in(lang))
    _add(info, "headline", f"{heading}{warning.headline.said_in(lang)}")
    _add(info, "description", f"{text}{warning.description.said_in(lang)}")
    _add(info, "instruction", f"{text}{warning.instruction.said_in(lang)}")
    area = _add(info, "area")
    _add(area, "areaDesc", warning.area.said_in(lang))
    if warning.ring:
        _add(area, "polygon", " ".join(f"{lat:.6f},{lng:.6f}" for lng, lat in warning.ring))


def _faults(warning: PublicWarning) -> Iterator[str]:
    if warning.expires_ms // 1000 <= warning.sent_ms // 1000:
        yield "it expires before it is sent, or at that moment"
    if warning.cancels and not warning.replaces:
        yield "it cancels nothing"
    for name, value in (("identifier", warning.identifier), ("sender", warning.sender)):
        if not value or not NOT_IN_AN_ID.isdisjoint(value):
            yield f"{name}: a word without spaces, commas, < and & is needed, not {value!r}"
    texts = ("event", "headline", "description", "instruction", "sender_name", "area")
    empty = [name for name in texts if not all(one.strip() for one in getattr(warning, name))]
    if empty:
        yield f"{', '.join(empty)}: needed in both languages"
    if warning.ring:
        yield from _ring_faults(warning.ring)


def _ring_faults(ring: Sequence[tuple[float, float]]) -> Iterator[str]:
    if len(ring) < RING_LEAST or ring[0] != ring[-1]:
        yield "its area is no closed ring: three corners or more are needed, and the first again at the end"
    if any(not (abs(lng) <= LNG_MOST and abs(lat) <= LAT_MOST) for lng, lat in ring):
        yield "its area has a point that is on no map; points are (longitude, latitude)"


def _reference(one: Reference, time_zone: str) -> str:
    return f"{one.sender},{one.identifier},{_time(one.sent_ms, time_zone)}"


def _time(at_ms: int, time_zone: str) -> str:
    """Write a time as CAP wants it: seconds, and an offset in digits, never Z."""
    return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(time_zone)).isoformat()


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    found = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    found.text = text
    return found
