"""The peers that run on Java: built by Maven once for each state of their sources, into the user's cache."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import install
from deploy.config.settings import cache_home
from tests.bench import java
from tests.bench.contract import ContestantError

if TYPE_CHECKING:
    from tests.bench.place import Place

PROJECT = Path(__file__).with_name("jvm")

JAVA_OPTIONS = (
    *java.HEAP,
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "--add-opens=java.base/java.util=ALL-UNNAMED",  # Flink looks into the classes that it serializes
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)


def command(main: str, process: str, place: Place) -> list[str]:
    """Build what is missing → the command of one Java process; it gets the broker, its folder and its name."""
    program, maven = java.program("java"), java.program("mvn")
    built = _built(maven)
    class_path = f"{built / 'classes'}{os.pathsep}{built / 'lib' / '*'}"
    return [program, *JAVA_OPTIONS, "-cp", class_path, f"bench.{main}", place.bootstrap, str(place.folder), process]


def versions(*artifacts: str) -> dict[str, str]:
    """Read from the project which versions a peer is made of."""
    text = (PROJECT / "pom.xml").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"<artifactId>(.+?)</artifactId>\s*<version>(.+?)</version>", text))
    return {artifact: pinned[artifact] for artifact in artifacts}


def _built(maven: str) -> Path:
    """Return the folder with `classes` and `lib`; it appears whole, also when two benches build at once."""
    built = cache_home() / f"bench-jvm-{_digest()}"
    if built.exists():
        return built
    install.say(f"building the JVM peers in {built}; this happens once")
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-jvm-", dir=built.parent) as folder:
        out = Path(folder) / "out"
        build = [maven, "-q", "-B", "package", "-f", str(PROJECT / "pom.xml"), f"-Dout={out}"]
        done = subprocess.run(build, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            errors = [line.removeprefix("[ERROR] ") for line in done.stdout.splitlines() if line.startswith("[ERROR]")]
            raise ContestantError(f"Maven could not build the JVM peers: {' '.join(errors[:3])}")
        if not built.exists():
            out.rename(built)
    return built


def _digest() -> str:
    found = hashlib.sha256()
    for file in sorted(file for file in PROJECT.rglob("*") if file.is_file()):
        found.update(f"{file.relative_to(PROJECT)}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return found.hexdigest()[:12]
