"""TOML that people wrote: read as it is meant, or refused with a sentence that says what to do."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_toml(path: Path) -> dict[str, Any]:
    """Return a file's tables; a byte order mark is taken.

    Raises OSError, and ValueError where it is no TOML.
    """
    return parse_toml(path.read_bytes())


def parse_toml(data: bytes) -> dict[str, Any]:
    """Return the tables in a file's bytes.

    Raises ValueError where they are no TOML.
    """
    if data.startswith(UTF_16):
        raise ValueError("it is UTF-16; save it as UTF-8")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ValueError(f"line {line} is not UTF-8 (byte 0x{data[exc.start]:02x}); save it as UTF-8") from exc
    except RecursionError as exc:
        raise ValueError("its brackets are nested too deeply; take them out") from exc
