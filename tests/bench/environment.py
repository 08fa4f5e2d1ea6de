"""Peers' Python environments: made on demand in the cache folder, one for each lock, never in ours or in the tree."""

from __future__ import annotations

import hashlib
import re
import sys
from typing import TYPE_CHECKING

from deploy import install
from deploy.config.settings import cache_home
from tests.bench import contestant
from tests.bench.contract import FOLDER, ContestantError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.place import Place

WHOLE = "whole"
"""A file in an environment that is installed whole; it comes last."""


def lock_of(name: str) -> Path:
    """Return where a peer's packages are pinned."""
    return FOLDER / f"{name}.lock"


def command(name: str, process: str, place: Place) -> list[str]:
    """Say how to run `main(process, place)` of a peer in the environment of its lock."""
    return contestant.command(name, process, place, python(lock_of(name)))


def python(lock: Path) -> str:
    """Make the lock's environment if it is not there → its Python."""
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    venv = cache_home() / f"bench-{lock.stem}-{key}"
    try:
        with install.installing(venv) as guard:
            if not (venv / WHOLE).exists():
                install.say(f"setting up {lock.stem} in {venv}; this happens once")
                install.make_environment(venv)
                install.install_packages(venv, str(lock), guard)
                (venv / WHOLE).touch()
    except install.InstallError as error:
        raise ContestantError(str(error)) from error
    return str(venv / "bin" / "python")


def versions(name: str, *packages: str) -> dict[str, str]:
    """Read from a peer's lock which versions it is made of."""
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock_of(name).read_text(encoding="utf-8"), re.M))
    return {package: pinned[package] for package in packages}
