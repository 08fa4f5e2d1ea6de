"""The city folder in force, kept as a copy: whatever becomes of the folder that people edit, every part can start."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from streams.city.check import check
from streams.city.findings import sentences
from streams.city.folder import read_folder
from streams.errors import CityFileError

if TYPE_CHECKING:
    from streams.city.folder import Folder

CURRENT = "current"
DIGEST_CHARACTERS = 16


def place_of(home: Path) -> Path:
    """Return the path that always leads to the copy in force."""
    return home / CURRENT


def keep(folder: Folder, home: Path) -> Path:
    """Put a checked folder in force → `place_of(home)`: a reader sees the copy before or this one, never a mixture.

    Raises CityFileError where it cannot be written.
    """
    try:
        return _keep(folder, home)
    except OSError as exc:
        raise CityFileError(f"{folder.name}: no copy of it can be kept in {home}: {exc.strerror}") from exc


def good_or_last(edited: Path, home: Path) -> tuple[Path, str]:
    """Keep the folder that people edit if it is good → its copy; else the last good one's, and what is wrong.

    Raises CityFileError where neither is a city.
    """
    folder = read_folder(edited)
    problems = check(folder).problems
    if not problems:
        return keep(folder, home), ""
    said = sentences(problems, folder.name)
    if check(read_folder(place_of(home))).problems:
        raise CityFileError(said)
    return place_of(home), said


def _keep(folder: Folder, home: Path) -> Path:
    place = home / folder.digest[:DIGEST_CHARACTERS]
    if not _holds(place, folder):
        _write(folder, place)
    link = place_of(home)
    before = link.resolve() if link.is_symlink() else None
    draft = home / f".{CURRENT}-{uuid.uuid4().hex}"
    draft.symlink_to(place.name)
    draft.replace(link)
    for old in home.iterdir():
        is_copy = old.is_dir() and not old.is_symlink() and not old.name.startswith(".")  # a draft may be another's
        if is_copy and old.resolve() not in (place.resolve(), before):
            shutil.rmtree(old, ignore_errors=True)
    return link


def _holds(place: Path, folder: Folder) -> bool:
    """Return whether a copy is whole: a crash may have left half of it."""
    return place.is_dir() and read_folder(place).digest == folder.digest


def _write(folder: Folder, place: Path) -> None:
    draft = place.with_name(f".{place.name}-{uuid.uuid4().hex}")
    draft.mkdir(parents=True)
    try:
        for name, data in folder.files.items():
            (draft / name).parent.mkdir(exist_ok=True)
            (draft / name).write_bytes(data)
        if place.is_dir() and not _holds(place, folder):
            shutil.rmtree(place)
        draft.rename(place)
    except OSError:
        if not _holds(place, folder):  # else another part was quicker
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
