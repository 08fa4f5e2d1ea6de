"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

OURS = ("faust-streaming", "aiokafka", "numpy", "msgspec")


def describe(kafka: str | None) -> dict[str, object]:
    """Name processor, system, Python, broker and the libraries of our own environment."""
    return {
        "cores": os.cpu_count(),
        "model": _model(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "kafka": "embedded" if kafka is None else kafka,
        "load": round(os.getloadavg()[0], 1),
        "versions": {name: importlib.metadata.version(name) for name in OURS},
    }


def _model() -> str:
    """Return the processor's name as Linux or the platform module tells it."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text(encoding="utf-8").splitlines() if cpus.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
