"""What the fields of a request over HTTP may say."""

from __future__ import annotations

from typing import Annotated, Self
from unicodedata import category

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from dashboard.faults import OURS
from streams.city.windows import DAYS
from streams.contract.name import Name

TURNING = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of what stands around them."""


def _readable(text: str) -> str:
    """Return a name that is what it looks like."""
    if any(one in TURNING or category(one) == "Cc" for one in text):
        said = Name("含有看不见的字符，请去掉", "It holds characters that nobody can see: leave them out")
        raise PydanticCustomError(OURS, "{en}", said._asdict())
    return text


Called = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(_readable)
]
"""A name or a desk; blanks alone are none."""
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)]
SPAN = r"^(\d{1,6}[dhms]){1,4}$"
MOMENT = rf"^(({'|'.join(DAYS)}) )?([01]\d|2[0-3]):[0-5]\d$"


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
