"""What runs: an id that changes with the code, so that an open page notices a new one."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOWN = ("dashboard", "streams", "processors", "alerts", "deploy")


def build_id(root: Path = ROOT) -> str:
    """Hash names and contents of all files of the product: the same code has the same id on every machine."""
    digest = hashlib.sha256()
    for package in SHOWN:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:12]
