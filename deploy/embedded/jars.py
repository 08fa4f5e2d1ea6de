"""Kafka's jars: pinned by sha256 in `kafka_jars.txt`, fetched once from Maven Central through jgo.

`python -m deploy.embedded.jars` resolves the endpoints anew and writes that file.
"""

from __future__ import annotations

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.errors import RefusedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

ENDPOINTS = ("org.apache.kafka:kafka_2.13:4.4.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5")
"""Each resolved on its own: together, log4j's dependency management would drag kafka-clients down to 3.9."""

PINS = Path(__file__).with_name("kafka_jars.txt")
_AT_ONCE = 6
_FETCHES = 2


class Pin(NamedTuple):
    """One jar: its Maven coordinate and what its bytes must hash to."""

    sha256: str
    coordinate: str


def pins() -> list[Pin]:
    """Read the committed list."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    return [Pin(*line.split()) for line in lines if line and not line.startswith("#")]


def fetch(cache: Path, report: Callable[[str], None]) -> list[Path]:
    """Return the jars, in the order of the list; those not yet under `cache` are downloaded and checked.

    Raises UnreachableError when Maven Central cannot be reached, RefusedError when it gives other bytes.
    """
    wanted = pins()
    ready = cache / "checked" / hashlib.sha256(PINS.read_bytes()).hexdigest()[:16]
    context = _context(cache)
    artifacts = [_artifact(context, pin) for pin in wanted]
    paths = [Path(artifact.cached_path) for artifact in artifacts]
    if ready.exists() and all(path.exists() for path in paths):
        return paths
    report(f"fetching Apache Kafka, {len(wanted)} jars, once")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(_checked, artifacts, wanted))
    ready.parent.mkdir(parents=True, exist_ok=True)
    ready.touch()
    return paths


def _checked(artifact: Any, pin: Pin) -> None:  # noqa: ANN401 - jgo ships no types
    """Download one jar; what an interrupted download left is fetched again."""
    path = Path(artifact.cached_path)
    for _ in range(_FETCHES):
        try:
            artifact.resolve()
        except (RuntimeError, OSError) as exc:
            path.unlink(missing_ok=True)
            raise UnreachableError(
                f"the jar {pin.coordinate} cannot be fetched from Maven Central ({type(exc).__name__}); "
                "connect to it once, or use a Kafka of your own with --kafka HOST:PORT"
            ) from exc
        if hashlib.sha256(path.read_bytes()).hexdigest() == pin.sha256:
            return
        path.unlink()
    raise RefusedError(f"Maven Central gave other bytes for {pin.coordinate} than {PINS.name} pins; do not use them")


def _context(cache: Path) -> Any:  # noqa: ANN401 - jgo ships no types
    from jgo.maven import MavenContext

    return MavenContext(repo_cache=cache / "maven")


def _artifact(context: Any, pin: Pin) -> Any:  # noqa: ANN401 - jgo ships no types
    group, name, version = pin.coordinate.split(":")
    return context.project(group, name).at_version(version).artifact()


def renew() -> list[Pin]:
    """Resolve the endpoints and hash what they need, sorted by coordinate."""
    import jgo

    found = {}
    for endpoint in ENDPOINTS:
        for artifact in jgo.resolve(endpoint):
            coordinate = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
            found[coordinate] = hashlib.sha256(Path(artifact.resolve()).read_bytes()).hexdigest()
    return [Pin(found[coordinate], coordinate) for coordinate in sorted(found)]


def main() -> int:
    """Write the list anew."""
    head = [
        f"# Written by `python -m {__spec__.name}`: sha256 and Maven coordinate of each jar of",
        f"# {', '.join(ENDPOINTS)}",
    ]
    PINS.write_text(
        "\n".join([*head, *(f"{pin.sha256}  {pin.coordinate}" for pin in renew())]) + "\n", encoding="utf-8"
    )
    print(f"{PINS}: {len(pins())} jars")
    return 0


if __name__ == "__main__":
    sys.exit(main())
