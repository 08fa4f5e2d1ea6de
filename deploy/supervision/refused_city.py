"""What is wrong with a city folder that was edited while its city runs: kept in the data folder until it is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.contract.name import Name

if TYPE_CHECKING:
    from pathlib import Path

FILE = "city-refused.txt"


def note(data: Path, why: str) -> None:
    """Keep why the folder is not taken; where that cannot be written, the log alone has it."""
    draft = data / f"{FILE}.tmp"
    try:
        draft.write_text(why, encoding="utf-8")
        draft.replace(data / FILE)
    except OSError:
        return


def forget(data: Path) -> None:
    """The folder is in force again."""
    (data / FILE).unlink(missing_ok=True)


def trouble(data: Path) -> list[Name]:
    """Say that the last good folder is in force instead of the newest, and the first of what is wrong with that."""
    try:
        first = (data / FILE).read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        return []
    return [
        Name(
            f"城市目录有误，仍按上一个可用版本运行：{first}（全部问题：citywall city check）",
            f"the city folder cannot be used, the last good one is in force: {first} (`citywall city check` names all)",
        )
    ]
