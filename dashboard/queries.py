"""What no query may say, whatever it asks for."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeVar

from fastapi import Request  # at run time: FastAPI reads the types of a dependency
from pydantic_core import PydanticCustomError

from dashboard.faults import OURS
from dashboard.problems import FAULTS_MOST, invalid, pointer
from streams.contract.name import Name

if TYPE_CHECKING:
    from datetime import datetime

SEVERAL = {"level"}
"""Parameters that may be given more than once."""


class _Span(Protocol):
    from_: datetime | None
    until: datetime | None


T = TypeVar("T", bound=_Span)


async def once(request: Request) -> None:
    """Refuse what is given twice, in the query or an object of the body: nobody could say which of them counts."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    again = [pointer("query", name) for name, count in given.items() if count > 1 and name not in SEVERAL]
    if request.method == "POST":
        again += [pointer("body", name) for name in _twice(await request.body())]
    if again:
        said = Name("重复给出，只能给一次", "It is given more than once: give it once")
        raise invalid([(where, said) for where in again[:FAULTS_MOST]])


def _twice(body: bytes) -> list[str]:
    """Return the names that an object of a body has more than once; of what is no JSON, the validator tells."""
    found: list[str] = []

    def look(pairs: list[tuple[str, object]]) -> None:
        found.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)

    with contextlib.suppress(ValueError, RecursionError):
        json.loads(body, object_pairs_hook=look)
    return [name.encode(errors="replace").decode() for name in found]


def in_order(wanted: T) -> T:
    """Refuse a span of time that ends before it begins."""
    if wanted.from_ is not None and wanted.until is not None and wanted.from_ > wanted.until:
        said = Name("`from` 晚于 `until`，请对调", "`from` is after `until`: swap them")
        raise PydanticCustomError(OURS, "{en}", said._asdict())
    return wanted
