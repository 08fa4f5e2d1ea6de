"""Dead letters for a person and for programs: read back from Kafka, the newest first, and shown without harm."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.terminal.timespan import iso
from streams.broker import topics
from streams.broker.outside import backwards
from streams.contract.name import Name
from streams.contract.reasons import REASONS
from streams.domains.schema import all_domains
from streams.errors import SettingError
from streams.hints import nearest_or_all
from streams.intake.decode import object_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHOWN_CHARACTERS = 300
"""So much of a letter's bytes stands on the screen."""
READ_BYTES = 2**20
"""A larger letter is not searched for its sensor and time."""
WHOLE_SECONDS_BELOW = 10**11
"""`at` below it is no epoch ms that we take."""

WORDS = {
    "none": Name("没有符合条件的死信", "no dead letters"),
    "sensor": Name("传感器", "sensor"),
    "at": Name("时间", "at"),
    "column": Name("字段", "column"),
    "reading": Name("第 {} 个读数", "reading {}"),
    "bytes": Name("共 {:,} 字节", "{:,} bytes in all"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; None = any."""

    domain: str | None
    reason: str | None
    from_ms: int | None
    """Since when they were refused, epoch ms."""
    last: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter."""

    received_ms: int
    """When it was put with the dead letters."""
    headers: Mapping[str, str]
    payload: bytes
    sensor: str = ""
    at: str = ""
    """As the reading gave it; epoch ms as ISO 8601."""

    @property
    def domain(self) -> str:
        """Of the topic that it came from; empty for a topic of the whole city."""
        return topics.domain_of().get(self.headers.get("topic", ""), "")


def wanted(domain: str | None, reason: str | None, from_ms: int | None, last: int) -> Wanted:
    """Check what is asked for.

    Raises SettingError for a domain or reason that cannot be.
    """
    for option, word, known in (("--domain", domain, all_domains()), ("--reason", reason, tuple(REASONS))):
        if word is not None and word not in known:
            raise SettingError(f"{option} {word}: there is no such{nearest_or_all(word, known)}")
    return Wanted(domain, reason, from_ms, last)


def newest(bootstrap: str, of: Wanted) -> list[Letter]:
    """Read the newest letters of a Kafka, the newest first.

    Raises UnreachableError when it does not answer, or has no such topic.
    """
    found: list[Letter] = []
    for record in backwards(bootstrap, topics.DEAD_LETTERS, of.from_ms):
        letter = letter_of(record.timestamp, record.headers or (), record.value or b"")
        if of.domain in {None, letter.domain} and of.reason in {None, letter.headers.get("reason")}:
            found.append(letter)
            if len(found) == of.last:
                break
    return found


def letter_of(received_ms: int, headers: Sequence[tuple[str, bytes | None]], payload: bytes) -> Letter:
    """Read a record; what it says of its sensor and time is looked for in its bytes, where no header says it."""
    said = {name: value.decode(errors="replace") for name, value in headers if value is not None}
    reading = object_of(payload) if len(payload) <= READ_BYTES else {}
    sensor = said.get("sensor", reading.get("sensor", reading.get("entity", "")))
    at = reading.get("at", reading.get("at_ms", ""))
    sensor = sensor if isinstance(sensor, str) else repr(sensor)
    return Letter(received_ms, said, payload, _whole(sensor), _whole(_time(at)))


def plain(letter: Letter) -> dict[str, Any]:
    """Return a letter for programs."""
    said = letter.headers
    try:
        body = {"text": letter.payload.decode()}
    except UnicodeDecodeError:
        body = {"base64": base64.b64encode(letter.payload).decode()}
    return {
        "received_at": iso(letter.received_ms),
        "reason": said.get("reason", ""),
        "domain": letter.domain or None,
        "sensor": letter.sensor or None,
        "at": letter.at or None,
        "column": said.get("column"),
        "topic": said.get("topic"),
        **{name: _number(said.get(name)) for name in ("partition", "offset", "place")},
        "detail": said.get("detail"),
        "size_bytes": len(letter.payload),
        **body,
    }


def screen(found: Sequence[Letter], language: str) -> str:
    """Lay letters out for a terminal: whatever their bytes are, only printable characters come out."""
    lines = [line for one in found for line in _lines(one, language)]
    return "\n".join(lines) if lines else _word("none", language)


def shown(text: str) -> str:
    r"""Escape what a terminal would take for a command, or what cannot be seen.

    >>> shown("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _lines(letter: Letter, language: str) -> Iterator[str]:
    said = letter.headers
    reason = said.get("reason", "")
    title = REASONS[reason].said_in(language) if reason in REASONS else ""
    told = {"sensor": letter.sensor, "at": letter.at, "column": said.get("column", "")}
    about = "".join(f"  {_word(name, language)} {_cut(value, 80)}" for name, value in told.items() if value)
    yield f"{iso(letter.received_ms)}  {_cut(reason, 40)}" + (f" ({title})" if title else "") + about
    place = _word("reading", language).format(shown(said.get("place", "?")))
    detail = f"  {_cut(said['detail'], SHOWN_CHARACTERS)}" if said.get("detail") else ""
    where = f"{said.get('topic', '?')}[{said.get('partition', '?')}] @{said.get('offset', '?')}"
    yield f"    {shown(where)}, {place}{detail}"
    text = letter.payload[: 4 * SHOWN_CHARACTERS].decode(errors="backslashreplace")
    whole = len(text) <= SHOWN_CHARACTERS and len(letter.payload) <= 4 * SHOWN_CHARACTERS
    rest = "" if whole else f" … ({_word('bytes', language).format(len(letter.payload))})"
    yield f"    {shown(text[:SHOWN_CHARACTERS])}{rest}"


def _cut(text: str, most: int) -> str:
    return shown(text if len(text) <= most else f"{text[:most]}…")


def _word(key: str, language: str) -> str:
    return WORDS[key].said_in(language)


def _time(at: Any) -> str:  # noqa: ANN401 - whatever a sensor wrote
    if isinstance(at, int) and not isinstance(at, bool) and WHOLE_SECONDS_BELOW <= at < 2**47:
        return iso(at)
    return str(at)


def _whole(text: str) -> str:
    r"""Escape what is half a character: JSON may say it, and no UTF-8 can.

    >>> _whole("路 \ud800")
    '路 \\ud800'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
