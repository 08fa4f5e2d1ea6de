"""What the fields of a request over HTTP may say."""

from __future__ import annotations

from typing import Annotated, Self
from unicodedata import category

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from dashboard.faults import OURS
from streams.city.windows import DAYS
from streams.contract.name import Name

UNSEEN = ("Cc", "Cf", "Zl", "Zp")
"""Kinds of characters that nobody sees, or that turn what stands around them; …"""
BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs without a shape: fillers of Hangul, an empty pattern of Braille; alone they are nothing."""
JOINING = "\u200c\u200d"
"""… these some scripts need, …"""
LINES = "\t\n\r"
"""… and these a text."""


def unreadable(text: str, allowed: str = JOINING) -> Name | None:
    """Say why a text is not what it looks like, None = it is."""
    if any(category(one) in UNSEEN and one not in allowed for one in text):
        return Name("含有看不见的字符，请去掉", "It holds characters that nobody can see: leave them out")
    if text and all(one.isspace() or one in allowed or one in BLANK for one in text):
        return Name("为空白，请填写", "It is blank: write something")
    return None


def _checked(text: str, allowed: str = JOINING) -> str:
    fault = unreadable(text, allowed)
    if fault is not None:
        raise PydanticCustomError(OURS, "{en}", fault._asdict())
    return text


def _of_lines(text: str) -> str:
    return _checked(text, JOINING + LINES)


Called = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(_checked)]
"""A name or a desk; blanks alone are none."""
Word = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_checked)]
"""An id."""
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400), AfterValidator(_of_lines)]
SPAN = r"^([0-9]{1,6}[dhms]){1,4}$"
MOMENT = rf"^(({'|'.join(DAYS)}) )?([01][0-9]|2[0-3]):[0-5][0-9]$"


class Scope(BaseModel):
    """Alarms by what they are of; what is left out may be anything."""

    model_config = ConfigDict(extra="forbid")

    domain: Word | None = None
    zone: Word | None = None
    kind: Word | None = None
    entity: Word | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.model_dump(exclude_none=True):
            names = [*type(self).model_fields]
            said = Name(f"至少要给出一项：{', '.join(names)}", f"Give at least one of {', '.join(names)}")
            raise PydanticCustomError(OURS, "{en}", said._asdict())
        return self


class Schedule(BaseModel):
    """Each week, from one local time of the city until another; each day where no day is named."""

    model_config = ConfigDict(extra="forbid")

    from_: Annotated[str, Field(alias="from", pattern=MOMENT, examples=["fri 18:00"])]
    until: Annotated[str, Field(pattern=MOMENT, examples=["sun 18:00"])]

    @model_validator(mode="after")
    def _holds(self) -> Self:
        since, until = self.from_, self.until
        if since == until:
            zh = f"`from` 与 `until` 同为 {since}，其间没有时间：请写两个不同的时刻；全天不用请停用（take_out）"
            en = f"`from` and `until` are both {since}, with no time between: name two moments, or take_out for all day"
        elif (" " in since) != (" " in until):
            zh = f"{since} 与 {until} 只有一个写了星期：请都写或都不写"
            en = f"Of {since} and {until} one names a day: name one in both or in none"
        else:
            return self
        raise PydanticCustomError(OURS, "{en}", Name(zh, en)._asdict())
