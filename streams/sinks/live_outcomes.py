"""Which outcomes of commands the live state holds: the newest, for whoever asked and has not heard yet. Pure.

in      outcomes, by the command's id
out     fields `o:<id>` that are new, or gone
state   ids of those shown, oldest first: at most `SHOWN`
drops   older ones; the journal and the history keep all
source  own choice
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHOWN = 2_000
"""Hours of work of a busy room, half a megabyte."""
PREFIX = "o:"


class Outcomes:
    """Ids of the outcomes that are shown."""

    def __init__(self) -> None:
        self._shown: dict[str, None] = {}

    def adopt(self, fields: Mapping[str, Any]) -> None:
        """Go on from fields that are shown already."""
        found = [(value["at_ms"], field) for field, value in fields.items() if field.startswith(PREFIX)]
        self._shown = dict.fromkeys(field for _, field in sorted(found))

    def take(self, command_id: str) -> Iterator[str]:
        """Note an outcome that is shown now → the fields that have to go for it."""
        field = f"{PREFIX}{command_id}"
        self._shown.pop(field, None)
        self._shown[field] = None
        while len(self._shown) > SHOWN:
            oldest = next(iter(self._shown))
            del self._shown[oldest]
            yield oldest
