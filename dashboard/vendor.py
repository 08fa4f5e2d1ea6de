"""Renews the vendored fonts: `python -m dashboard.vendor` (needs npm; the running wall does not).

Takes the pinned packages, checks their integrity, copies only the files the wall uses with their licences, writes the
stylesheet that names them and a list of hashes that a test compares.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "assets" / "vendor"
HASHES = "SHA256SUMS"


class Package(NamedTuple):
    """An npm package and what is taken of it."""

    name: str
    version: str
    integrity: str
    sheets: tuple[str, ...]
    files: str
    """Pattern of the font files."""

    @property
    def folder(self) -> str:
        """Where its files go."""
        return self.name.rpartition("/")[2]


PACKAGES = (
    Package(
        "@fontsource-variable/noto-sans-sc",
        "5.3.1",
        "sha512-UB96JJ17HyD5ehEU7Em0hDdh7fvTMB4B4Hzmq5c4QaNwwSLqTrdM2S+coySeBqCkXwh0DxqXT0b0wMrmzorFpQ==",
        ("index.css",),
        r"noto-sans-sc-[\w\-]+-wght-normal\.woff2",
    ),
    Package(
        "@fontsource/b612",
        "5.3.0",
        "sha512-2AQPrSFDI9K00w/lPlgfcqve+ZPdRSCttvVUxcmv+UrnwwaKLMym+/uXmM7+dgPCVBIV9omoXUabFoyBFpc1Vg==",
        ("latin-400.css", "latin-700.css"),
        r"b612-latin-(400|700)-normal\.woff2",
    ),
)


def renew() -> None:
    """Fetch every package and write the folder anew."""
    sheets = []
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as scratch:
            sheets.append(_copy(package, _fetch(package, Path(scratch)), Path(scratch) / "out"))
    (FOLDER / "fonts.css").write_text("\n".join(sheets), encoding="utf-8")
    lines = [f"{digest(path)}  {path.relative_to(FOLDER).as_posix()}" for path in vendored()]
    (FOLDER / HASHES).write_text("\n".join(lines) + "\n", encoding="utf-8")


def vendored() -> list[Path]:
    """Return every vendored file, in the order of the list of hashes."""
    return sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.name != HASHES)


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fetch(package: Package, scratch: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    subprocess.run(["npm", "pack", "--silent", wanted], cwd=scratch, check=True, capture_output=True)  # noqa: S607 - npm from the PATH
    archive = next(scratch.glob("*.tgz"))
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.integrity:
        raise SystemExit(f"{wanted}: its integrity is {found}, pinned is {package.integrity}: nothing was written")
    return archive


def _copy(package: Package, archive: Path, out: Path) -> str:
    with tarfile.open(archive) as tar:
        tar.extractall(out, filter="data")
    target = FOLDER / package.folder
    target.mkdir(parents=True, exist_ok=True)
    (target / "LICENSE").write_bytes((out / "package" / "LICENSE").read_bytes())
    for path in sorted((out / "package" / "files").iterdir()):
        if re.fullmatch(package.files, path.name):
            (target / path.name).write_bytes(path.read_bytes())
    text = "\n".join((out / "package" / sheet).read_text(encoding="utf-8") for sheet in package.sheets)
    text = re.sub(r",\s*url\([^)]*\.woff\) format\('woff'\)", "", text)
    return text.replace("./files/", f"{package.folder}/")


if __name__ == "__main__":
    renew()
