"""The city folder in force, kept as a copy: whatever becomes of the folder that people edit, every part can start."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from streams.city.folder import read_folder

if TYPE_CHECKING:
    from streams.city.folder import Folder

CURRENT = "current"
DIGEST_CHARACTERS = 16


def place_of(home: Path) -> Path:
    """Return the path that always leads to the copy in force."""
    return home / CURRENT


def keep(folder: Folder, home: Path) -> Path:
    """Put a checked folder in force → `place_of(home)`: a reader sees the copy before or this one, never a mixture."""
    place = home / folder.digest[:DIGEST_CHARACTERS]
    if not place.is_dir() or read_folder(place).digest != folder.digest:  # a crash may have left half of it
        _write(folder, place)
    link = place_of(home)
    before = link.resolve() if link.is_symlink() else None
    draft = home / f".{CURRENT}-{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(place.name)
    draft.replace(link)
    for old in home.iterdir():
        if old.is_dir() and not old.is_symlink() and old.resolve() not in (place.resolve(), before):
            shutil.rmtree(old, ignore_errors=True)
    return link


def _write(folder: Folder, place: Path) -> None:
    draft = place.with_name(f".{place.name}-{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, data in folder.files.items():
        (draft / name).write_bytes(data)
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)
