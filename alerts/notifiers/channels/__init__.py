"""The channels, a file each with a `CHANNEL`: what a message must look like there, and what an answer means. Pure."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Verdict


class Draft(NamedTuple):
    """A message in words and as plain values."""

    id: str
    subject: str
    text: str
    """At most as large as the channel takes."""
    values: Mapping[str, object]
    """The same for programs."""


class Request(NamedTuple):
    """What is posted."""

    url: str
    body: bytes
    headers: Mapping[str, str]


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Channel(NamedTuple):
    """One way out."""

    schemes: tuple[str, ...]
    """What a route's address begins with."""
    limit_bytes: int
    """Most that a text may take, as UTF-8 within JSON."""
    request: Callable[[Route, Draft, int], Request] | None = None
    """What to post now (epoch ms); None = Apprise sends it."""
    verdict: Callable[[Answer, int], Verdict] | None = None
    """What the answer means, where something was posted."""


@cache
def names() -> tuple[str, ...]:
    """List the channels, by their files."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py")))


@cache
def channel(name: str) -> Channel:
    """Return a channel by its name."""
    found = importlib.import_module(f"{__name__}.{name}").CHANNEL
    assert isinstance(found, Channel)  # noqa: S101 - tells mypy what the file holds
    return found
