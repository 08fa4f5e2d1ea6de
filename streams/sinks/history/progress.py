"""How far the rows of each readings partition are stored, as books in the store itself: what an audit may rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.sinks.history.store import History

STAGE = "history"
MadeFrom: TypeAlias = "Mapping[tuple[str, int], int]"
"""(domain, readings partition) → one above the last frame of readings that rows were made from."""


class Progress:
    """What was said so far; it never goes back."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[int, int]] | None = None
        """Book → up to where rows are stored, and how far storing has begun; None = not read yet."""

    def books(self, history: History, made_from: MadeFrom, *, done: bool) -> dict[str, str]:
        """Return what is to be said before rows are written (`begun`), and after they are `done` (`offset`).

        Whoever sees one of the rows sees the first of the two as well.
        """
        if self._said is None:
            known = {key: book for key, book in history.books().items() if book.get("stage") == STAGE}
            self._said = {key: (int(book["offset"]), int(book["begun"])) for key, book in known.items()}
        books = {}
        for (domain, partition), now in made_from.items():
            key = f"{STAGE}:{domain}:{partition}"
            offset, begun = self._said.get(key, (0, 0))
            offset, begun = self._said[key] = (max(offset, now) if done else offset, max(begun, now))
            book = {"stage": STAGE, "domain": domain, "partition": partition, "offset": offset, "begun": begun}
            books[key] = msgspec.json.encode(book | {"counts": {}}).decode()
        return books
