"""The key that signs what people decide: only the wall and the alarms part read it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from deploy.config import settings
from streams.errors import SettingError

if TYPE_CHECKING:
    from deploy.config.run import Run

FILE = Path("secrets") / "command.key"
LEAST_CHARACTERS = 32


def command_key(run: Run) -> bytes:
    """Return the key: of the file that the environment names, else the data folder's own, made at its first use.

    Raises SettingError where it cannot be read or is too short to be one.
    """
    file = settings.command_key_file() or _made(run.data_path / FILE)
    try:
        key = file.read_bytes().strip()
    except OSError as exc:
        raise SettingError(f"{file}: the key of commands cannot be read: {exc.strerror}") from exc
    if len(key) < LEAST_CHARACTERS:
        raise SettingError(f"{file}: the key of commands needs at least {LEAST_CHARACTERS} characters")
    return key


def _made(file: Path) -> Path:
    """Make the file if it is not there: whole or not at all, and one and the same for whoever comes at once."""
    if file.exists():
        return file
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=file.parent, encoding="ascii") as draft:  # its owner's alone
            draft.write(f"{secrets.token_hex(LEAST_CHARACTERS)}\n")
            draft.flush()
            with suppress(FileExistsError):
                os.link(draft.name, file)
    except OSError as exc:
        raise SettingError(f"{file}: the key of commands cannot be made: {exc.strerror}") from exc
    return file
