"""A history by its address: a file of SQLite or an InfluxDB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.sinks.history.store import History


def open_history(address: str | Path, *, read_only: bool = False, keep_all: bool = False) -> History:
    """Open the history at an address; a writer makes what is missing.

    `address` is a file of SQLite, or an InfluxDB 2 as `http://host:8086?org=…&bucket=…&token=…`; `&replay=1` there, and
    `keep_all` of a file, keep rows of any age: a replay may be of years, and what it plays is wanted. Raises
    UnreachableError when there is none to read or its server is away, RefusedError when it refuses us, SettingError
    when the address is incomplete.
    """
    text = str(address)
    if text.startswith(("http://", "https://")):
        from streams.sinks.history.influx import InfluxHistory  # the client takes half a second to import

        return InfluxHistory(text, read_only=read_only)
    from streams.sinks.history.sqlite import SqliteHistory

    return SqliteHistory(Path(text), read_only=read_only, keep_all=keep_all)
