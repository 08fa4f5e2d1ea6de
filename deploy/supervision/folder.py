"""A city's data folder: where it is by default, who holds it, what an earlier replay left, how much disk it takes."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from deploy.config import run, settings
from streams.errors import ConfigError

LOCK_FILE = "lock"
LAST_FILE = "last"
LOCK_TRIES = 5


class Holder(msgspec.Struct, frozen=True):
    """Who runs a city in a folder."""

    pid: int
    city: str
    since: str


@dataclass(frozen=True)
class Lock:
    """A data folder held by this process until it ends or lets go."""

    file: IO[bytes]

    def release(self) -> None:
        """Let another process have it."""
        self.file.close()


def default(city_id: str, *, replay: bool) -> Path:
    """Return where a city keeps its data when nobody says."""
    return settings.state_home() / (f"{city_id}-replay" if replay else city_id)


def last_started() -> Path:
    """Return the folder of the city last started.

    Raises ConfigError when there was none.
    """
    try:
        return Path((settings.state_home() / LAST_FILE).read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError("no city was started here yet; `citywall up` starts one, --data DIR names another") from exc


def remember(folder: Path) -> None:
    """Note which city was started last; where that cannot be written, --data has to be given."""
    try:
        settings.state_home().mkdir(parents=True, exist_ok=True)
        (settings.state_home() / LAST_FILE).write_text(str(folder), encoding="utf-8")
    except OSError:
        return


def take(folder: Path, holder: Holder) -> Lock:
    """Make the folder and hold it.

    Raises ConfigError when it cannot be written or another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK_FILE).open("a+b")
    except OSError as exc:
        raise ConfigError(
            f"{folder}: cannot be written ({exc.strerror}); choose another folder with --data DIR"
        ) from exc
    try:
        _lock(file)
    except OSError as exc:
        file.close()
        found = _holder(folder)
        who = f"{found.city}, process {found.pid}, since {found.since}" if found else "another process"
        raise ConfigError(
            f"{folder} is held by {who}; stop it with `citywall down --data {folder}`, or choose another --data DIR"
        ) from exc
    file.truncate(0)
    file.write(msgspec.json.encode(holder))
    file.flush()
    return Lock(file)


def holder(folder: Path) -> Holder | None:
    """Return who holds the folder now, None when nobody does.

    Raises ConfigError when we may not know.
    """
    try:
        file = (folder / LOCK_FILE).open("rb")
    except PermissionError as exc:
        raise ConfigError(f"{folder}: {exc.strerror}; ask as who started its city") from exc
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _holder(folder) or Holder(0, "", "")
        return None


def empty_replay(folder: Path) -> bool:
    """Remove what an earlier replay left in a folder that we hold → whether there was something.

    Raises ConfigError when it is anything else's.
    """
    left = [path for path in folder.iterdir() if path.name != LOCK_FILE]
    if not left:
        return False
    earlier = run.read(folder) if (folder / run.RUN_FILE).exists() else None
    if earlier is None:
        raise ConfigError(f"{folder} holds files that no replay left; choose an empty folder with --data DIR")
    if earlier.mode != "replay":
        raise ConfigError(f"{folder} holds the city {earlier.city_id} of `up`; choose another folder with --data DIR")
    for path in sorted(left, key=lambda path: path.name == run.RUN_FILE):  # last, so that half a removal is known again
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return True


def disk_bytes(folder: Path) -> int:
    """Return the disk space that everything in the folder takes."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(place, name))
            except FileNotFoundError:
                continue
            total += found.st_blocks * 512
    return total


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Write a file whole or not at all."""
    draft = path.with_name(f"{path.name}.tmp")
    draft.write_bytes(msgspec.json.encode(value))
    draft.replace(path)


def _lock(file: IO[bytes]) -> None:
    """Lock a file; a `status` that looks in at this very moment holds it for an instant only."""
    for attempt in range(LOCK_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if attempt == LOCK_TRIES - 1:
                raise
            time.sleep(0.05)
        else:
            return


def _holder(folder: Path) -> Holder | None:
    try:
        return msgspec.json.decode((folder / LOCK_FILE).read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None
