"""Reads what a source of signals sends: CAP 1.1 and 1.2 documents, and the Atom and RSS lists that link to them.

XML is read without document types, so without entities; one document that is none of these costs no other.

source  OASIS CAP-v1.2, RFC 4287 (Atom), RSS 2.0
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

import msgspec

from streams.city.geometry import Point, fault_of_degrees

if TYPE_CHECKING:
    from collections.abc import Iterator

CAP = "{urn:oasis:names:tc:emergency:cap:"
CAP_TYPE = "application/cap+xml"
POLYGON_LEAST = 3
MOST_LINKS = 1000
MOST_ID_CHARACTERS = 1000
"""Of an identifier with its sender: what is kept of a message is kept by it."""
SHOWN_CHARACTERS = 60
CHINESE = re.compile(rb"""\s*<\?xml[^>]*\sencoding\s*=\s*["'](gb2312|gbk|gb18030)["']""", re.IGNORECASE)


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """Where a signal holds."""

    description: str = ""
    polygons: tuple[tuple[Point, ...], ...] = ()
    """Points are (lng, lat), as everywhere here; in CAP they are `lat,lon`."""
    circles: tuple[tuple[Point, float], ...] = ()
    """(centre, radius in km)."""
    geocodes: tuple[str, ...] = ()


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert says in one language, of one event."""

    language: str = ""
    event: str
    headline: str = ""
    sender_name: str = ""
    response_types: tuple[str, ...] = ()
    urgency: str = ""
    severity: str = ""
    certainty: str = ""
    expires_ms: int | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    """Name, value; event codes among them."""
    areas: tuple[Area, ...] = ()


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One CAP message."""

    id: str
    """`sender,identifier`: what other messages refer to."""
    sender: str
    sent_ms: int
    status: str
    kind: str
    """`msgType`."""
    references: tuple[str, ...] = ()
    """Ids of the messages that this one takes the place of, or cancels."""
    infos: tuple[Info, ...] = ()


class Link(NamedTuple):
    """A document elsewhere, and what its list says of its version."""

    url: str
    version: str


class Read(NamedTuple):
    """What stands in one document."""

    alerts: tuple[Alert, ...] = ()
    links: tuple[Link, ...] = ()
    faults: tuple[str, ...] = ()
    """Each a sentence: what is wrong, and with what."""


class _Plain(ET.TreeBuilder):
    """Builds a tree of a document that declares no type."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse it before an entity of it can be used."""
        raise ValueError(f"it declares a document type ({name}), with which entities come; CAP has none")


def read(data: bytes, url: str = "") -> Read:
    """Read a document; `url`: where it came from, to which its links are relative."""
    try:
        root = ET.fromstring(_text_of(data), ET.XMLParser(target=_Plain()))  # noqa: S314 - a document type ends it, see above
    except (ET.ParseError, ValueError, LookupError) as exc:
        return Read(faults=(f"no XML that can be used: {exc}",))
    found = [one for one in root.iter() if one.tag.startswith(CAP) and _name(one) == "alert"]
    alerts, faults = [], []
    for one in found:
        try:
            alerts.append(_alert(one))
        except ValueError as exc:
            faults.append(str(exc))
    if not found and _name(root) not in {"feed", "rss", "RDF"}:
        faults.append(
            f"<{_name(root)[:SHOWN_CHARACTERS]}> is no CAP alert, Atom or RSS; give the address of one of these"
        )
    return Read(tuple(alerts), () if found else tuple(_links(root, url))[:MOST_LINKS], tuple(faults))


def _text_of(data: bytes) -> bytes | str:
    """Return a document in one of the Chinese encodings as text, which the parser does not know; others as they are."""
    declared = CHINESE.match(data)
    return data if declared is None else data.decode("gb18030")  # it holds GB 2312 and GBK


def _alert(element: ET.Element) -> Alert:
    """Return the message. Raises ValueError with the element, its value and what is needed."""
    identifier, sender = _needed(element, "identifier"), _needed(element, "sender")
    try:
        if len(f"{sender},{identifier}") > MOST_ID_CHARACTERS:
            raise ValueError(f"identifier: at most {MOST_ID_CHARACTERS} characters, with the sender, are needed")
        references = (one.split(",") for one in _text(element, "references").split())
        return Alert(
            id=f"{sender},{identifier}",
            sender=sender,
            sent_ms=_time_ms("sent", _needed(element, "sent")),
            status=_needed(element, "status"),
            kind=_needed(element, "msgType"),
            references=tuple(",".join(one[:2]) for one in references if len(one) > 1),
            infos=tuple(_info(one) for one in _children(element, "info")),
        )
    except ValueError as exc:
        raise ValueError(f"alert {identifier[:SHOWN_CHARACTERS]}: {exc}") from exc


def _info(element: ET.Element) -> Info:
    expires = _text(element, "expires")
    named = (*_children(element, "eventCode"), *_children(element, "parameter"))
    return Info(
        language=_text(element, "language"),
        event=_needed(element, "event"),
        headline=_text(element, "headline"),
        sender_name=_text(element, "senderName"),
        response_types=tuple(_words(one) for one in _children(element, "responseType")),
        urgency=_text(element, "urgency"),
        severity=_text(element, "severity"),
        certainty=_text(element, "certainty"),
        expires_ms=_time_ms("expires", expires) if expires else None,
        parameters=tuple((_text(one, "valueName"), _text(one, "value")) for one in named),
        areas=tuple(_area(one) for one in _children(element, "area")),
    )


def _area(element: ET.Element) -> Area:
    return Area(
        description=_text(element, "areaDesc"),
        polygons=tuple(_polygon(text) for one in _children(element, "polygon") if (text := _words(one))),
        circles=tuple(_circle(text) for one in _children(element, "circle") if (text := _words(one))),
        geocodes=tuple(_text(one, "value") for one in _children(element, "geocode")),
    )


def _polygon(text: str) -> tuple[Point, ...]:
    points = tuple(_point("polygon", one) for one in text.split())
    if len(set(points)) < POLYGON_LEAST:
        raise ValueError(f"polygon: {POLYGON_LEAST} corners or more are needed, not {len(set(points))}")
    return points


def _circle(text: str) -> tuple[Point, float]:
    centre, _, radius = text.partition(" ")
    return _point("circle", centre), _number("circle", radius)


def _point(name: str, text: str) -> Point:
    lat, comma, lng = text.partition(",")
    if not comma:
        raise ValueError(f"{name}: points `latitude,longitude` are needed, not {text[:SHOWN_CHARACTERS]!r}")
    point = (_number(name, lng), _number(name, lat))
    if fault := fault_of_degrees(*point):
        raise ValueError(f"{name}: {fault}; CAP writes `latitude,longitude`")
    return point


def _number(name: str, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not abs(found) < float("inf"):
        raise ValueError(f"{name}: a number is needed, not {text[:SHOWN_CHARACTERS]!r}")
    return found


def _time_ms(name: str, text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError(f"{name}: a time with its offset is needed, not {text[:SHOWN_CHARACTERS]!r}")
    return int(found.timestamp() * 1000)


def _links(root: ET.Element, url: str) -> Iterator[Link]:
    """Yield what an Atom or RSS list links to, over HTTP alone."""
    for entry in root.iter():
        if _name(entry) not in {"entry", "item"}:
            continue
        links = [(one, one.get("href") or one.get("url") or _words(one)) for one in entry if _name(one) in _LINKS]
        links = [
            (one, href) for one, href in links if href and one.get("rel", "alternate") in {"alternate", "enclosure"}
        ]
        typed = [href for one, href in links if one.get("type") == CAP_TYPE]
        chosen = urljoin(url, next(iter([*typed, *(href for _, href in links)]), ""))
        version = next((_words(one) for one in entry if _name(one) in _VERSIONS), "")
        if chosen.startswith(("http://", "https://")):
            yield Link(chosen, version)


_LINKS = ("link", "enclosure")
_VERSIONS = ("updated", "pubDate", "date")


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: ET.Element, name: str) -> list[ET.Element]:
    return [one for one in element if _name(one) == name]


def _words(element: ET.Element) -> str:
    return " ".join((element.text or "").split())


def _text(element: ET.Element, name: str) -> str:
    return next((_words(one) for one in _children(element, name)), "")


def _needed(element: ET.Element, name: str) -> str:
    if not (found := _text(element, name)):
        raise ValueError(f"{name}: it is missing or empty; a CAP message has one")
    return found
