"""The report of `citywall evaluate` as a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from streams.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Write it as JSON; the same report gives the same bytes.

    Raises SettingError when the file cannot be written.
    """
    try:
        path.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as exc:
        raise SettingError(f"--json {path}: cannot be written: {exc.strerror or exc}; choose another place") from exc
