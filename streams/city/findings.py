"""What is wrong or odd in a city folder: one sentence each, naming file, line or feature, field, value and cure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_CHARACTERS = 80
SAID_AT_ONCE = 10
"""So many problems stand in one error; `citywall city check` names all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem (the folder cannot be used) or a notice (it can, and something is odd)."""

    is_problem: bool
    file: str
    place: str
    """Line, feature or table with the id that stands there; "" = the whole file."""
    field: str
    value: str
    """As it stands there, "" = nothing."""
    text: str
    """What is wrong, with the value and the cure."""

    def __str__(self) -> str:
        """Return the sentence."""
        return ": ".join(part for part in (self.file, self.place, self.field, self.text) if part)


@dataclass(frozen=True, slots=True)
class Findings:
    """Collects what a check finds, in the order of the files."""

    found: list[Finding] = field(default_factory=list)

    def problem(self, file: str, text: str, place: str = "", field_name: str = "", value: object = None) -> None:
        """Note what makes the folder useless."""
        self.found.append(Finding(True, file, place, field_name, "" if value is None else shown(value), text))

    def notice(self, file: str, text: str, place: str = "", field_name: str = "", value: object = None) -> None:
        """Note what is odd."""
        self.found.append(Finding(False, file, place, field_name, "" if value is None else shown(value), text))


def shown(value: Any) -> str:  # noqa: ANN401 - whatever stands in a file
    """Return a value as a sentence shows it, in one line and not too long.

    >>> shown("10,5"), shown(True), shown(float("nan"))
    ("'10,5'", 'true', 'nan')
    """
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def readable(text: str) -> str:
    """Return an id or name for a sentence: quoted only where spaces or signs would not be seen."""
    return text if text.isprintable() and text == text.strip() and len(text) <= SHOWN_CHARACTERS else shown(text)


def needed(what: str, value: object) -> str:
    """Say what is needed instead of a value.

    >>> needed("a text", None), needed("a text", 3)
    ('a text is needed; nothing stands there', 'a text is needed, not 3')
    """
    return f"{what} is needed" + ("; nothing stands there" if value in (None, "") else f", not {shown(value)}")


def sentences(problems: Sequence[Finding], folder: str) -> str:
    """Return the first problems, one a line, and how many more there are."""
    lines = [str(one) for one in problems[:SAID_AT_ONCE]]
    if len(problems) > SAID_AT_ONCE:
        rest = len(problems) - SAID_AT_ONCE
        lines.append(f"and {rest:,} more; `citywall city check {folder}` names them all")
    return "\n".join(lines)
