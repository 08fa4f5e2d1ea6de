"""What no query may say, whatever it asks for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeVar

from fastapi import Request  # at run time: FastAPI reads the types of a dependency
from pydantic_core import PydanticCustomError

from dashboard.faults import OURS
from dashboard.problems import invalid
from streams.contract.name import Name

if TYPE_CHECKING:
    from datetime import datetime

SEVERAL = {"level"}
"""Parameters that may be given more than once."""


class _Span(Protocol):
    from_: datetime | None
    until: datetime | None


T = TypeVar("T", bound=_Span)


def once(request: Request) -> None:
    """Refuse what is given twice: nobody could say which of them counts."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    again = [name for name, count in given.items() if count > 1 and name not in SEVERAL]
    if again:
        said = Name("重复给出，只能给一次", "It is given more than once: give it once")
        raise invalid([(f"/query/{name}", said) for name in again])


def in_order(wanted: T) -> T:
    """Refuse a span of time that ends before it begins."""
    if wanted.from_ is not None and wanted.until is not None and wanted.from_ > wanted.until:
        said = Name("`from` 晚于 `until`，请对调", "`from` is after `until`: swap them")
        raise PydanticCustomError(OURS, "{en}", said._asdict())
    return wanted
