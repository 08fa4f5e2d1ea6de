"""A SQLite history that can be taken away, and that dislikes some rows."""

from __future__ import annotations

from streams.contract.records import Rows
from streams.errors import RowsRefusedError, UnreachableError
from streams.sinks.history.sqlite import SqliteHistory


class Outage(SqliteHistory):
    """Away, or refusing, for all that open it."""

    away = False
    poison: frozenset[str] = frozenset()
    """Entities that it refuses."""

    def write(self, rows: Rows) -> int:
        if Outage.away:
            raise UnreachableError("the history is away")
        if self.poison.intersection(rows.entity.tolist()):
            raise RowsRefusedError("the history does not like it")
        return super().write(rows)
