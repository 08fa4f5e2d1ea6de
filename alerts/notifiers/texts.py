"""Letters in words: both languages, the worst and the cause first, never longer than the channel takes."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from alerts.kinds import title
from alerts.notifiers.channels import Draft
from streams.contract.name import Name
from streams.toml_files import read_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alerts.notifiers.letters import Face, Item, Letter
    from alerts.notifiers.routes import Language

Lang = Literal["zh", "en"]

ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV"}
VALUES_MOST = 500
"""So many alarms at most are handed to a program with a message; it says how many there are."""


LINE_LEAST_BYTES = 10


class Setting(NamedTuple):
    """Where a message comes from."""

    city: Name
    time_zone: str
    drill: bool
    """A simulated city, or a replay: nothing of it may look real."""
    link: str
    place: Callable[[str, str], Name]
    """What an entity is called, with its zone."""
    reading: Callable[[Face], Name]
    """What was read there, and its limit, as the wall says it."""


def draft(letter: Letter, setting: Setting, language: Language, limit_bytes: int) -> tuple[Draft, int]:
    """Put a letter into words → (they, how many of its alarms they name)."""
    langs: tuple[Lang, ...] = ("zh", "en") if language == "both" else (language,)

    def written(named: int) -> str:
        return "\n\n".join(_text(letter, setting, lang, named) for lang in langs)

    fits, most = 0, min(len(letter.items), limit_bytes // LINE_LEAST_BYTES) + 1
    while most - fits > 1:  # the more are named the longer it is
        middle = (fits + most) // 2
        if size(written(middle)) <= limit_bytes:
            fits = middle
        else:
            most = middle
    text = cut(written(fits), limit_bytes)
    subject = " / ".join(_subject(letter, setting, lang, fits) for lang in langs)
    return Draft(letter.id, subject, text, _values(letter, setting)), fits


def size(text: str) -> int:
    """Return the bytes of a text as UTF-8 within JSON, where quotes and line ends take two."""
    return len(msgspec.json.encode(text)) - 2


def cut(text: str, limit_bytes: int) -> str:
    """Shorten a text that is too large even with no alarm named; never within a character.

    >>> cut("积水很深", 7)
    '积…'
    """
    if size(text) <= limit_bytes:
        return text
    kept = text
    while size(kept) + len("…".encode()) > limit_bytes:
        kept = kept[:-1]
    return f"{kept}…"


def _text(letter: Letter, setting: Setting, lang: Lang, named: int) -> str:
    words = _words()[lang]
    lines = [_subject(letter, setting, lang, named)]
    lines += [_line(item, setting, lang) for item in letter.items[:named]]
    if len(letter.items) > 1:
        lines.append(words["counts"].format(levels=_levels(letter, lang)))
    if setting.link:
        lines.append(words["link"].format(link=setting.link))
    return "\n".join([*lines, words["id"].format(id=letter.id)])


def _subject(letter: Letter, setting: Setting, lang: Lang, named: int) -> str:
    words, city = _words()[lang], setting.city.said_in(lang)
    drill = words["drill"] if setting.drill else ""
    if len(letter.items) == 1:
        return f"{drill}{words['one'].format(city=city)}"
    said = words["summary" if letter.summary else "many"]
    return f"{drill}{said.format(city=city, count=len(letter.items), named=named)}"


def _line(item: Item, setting: Setting, lang: Lang) -> str:
    words, face = _words()[lang], item.face
    what = title(face.kind, lang, setting.place(face.entity, face.zone).said_in(lang))
    said = words[item.what].format(level=words["level"].format(level=ROMAN[face.level]), title=what)
    if face.stands:
        names = [title(kind, lang, setting.place(one, "").said_in(lang)) for kind, one in face.stands.items()]
        said += words["stands"].format(rules=words["and"].join(names))
    elif face.value is not None:
        said += words["value"].format(value=setting.reading(face).said_in(lang))
    at = datetime.fromtimestamp(face.raised_at_ms / 1000, ZoneInfo(setting.time_zone))
    drill = words["drill"] if setting.drill else ""
    return f"{drill}{said}{words['since'].format(at=f'{at:%m-%d %H:%M}')}"


def _levels(letter: Letter, lang: Lang) -> str:
    words, counts = _words()[lang], dict[int, int]()
    for item in letter.items:
        counts[item.face.level] = counts.get(item.face.level, 0) + 1
    return ("、" if lang == "zh" else ", ").join(
        words["of_level"].format(level=words["level"].format(level=ROMAN[level]), count=counts[level])
        for level in sorted(counts)
    )


def _values(letter: Letter, setting: Setting) -> Mapping[str, Any]:
    def values(item: Item) -> dict[str, Any]:
        place = setting.place(item.face.entity, item.face.zone)
        return {"what": item.what, **msgspec.to_builtins(item.face), "place": {"zh": place.zh, "en": place.en}}

    return {
        "city": {"zh": setting.city.zh, "en": setting.city.en},
        "exercise": setting.drill,
        "summary": letter.summary,
        "count": len(letter.items),
        "link": setting.link,
        "alarms": [values(item) for item in letter.items[:VALUES_MOST]],
    }


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return read_toml(Path(__file__).with_name("words.toml"))
