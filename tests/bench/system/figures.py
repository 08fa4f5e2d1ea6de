"""Take the chosen measurements one after the other, and judge each figure by its target; how waits are told."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def waits(name: str, took_ms: Sequence[float]) -> dict[str, float]:
    """Name the middle, the tails and the longest of what was waited for."""
    found = np.percentile(took_ms, [50, 90, 99, 100]).tolist()
    return {f"{name}_{which}_ms": ms for which, ms in zip(("p50", "p90", "p99", "most"), found, strict=True)}


def module(name: str) -> Any:
    """Import a measurement."""
    return importlib.import_module(f"tests.bench.system.{name}")


def take(names: Sequence[str], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Measure → measurement → figures, with the machine's load before and after; and what missed its target."""
    found: dict[str, Any] = {}
    missed = []
    for name in names:
        measurement = module(name)
        before = os.getloadavg()[0]
        print(f"{name}: load {before:.1f}", flush=True)
        figures = measurement.measure(folder / name)
        found[name] = {key: round(value, 4) for key, value in figures.items()}
        found[name]["load"] = [round(before, 1), round(os.getloadavg()[0], 1)]
        for key, value in figures.items():
            target = measurement.TARGETS.get(key)
            print(f"  {key:24s}{value:12.3f}" + ("" if target is None else f"   at most {target:g}"), flush=True)
        missed += [
            f"{name}: {key} is {figures[key]:.3f}, the target {target:g}"
            for key, target in measurement.TARGETS.items()
            if figures[key] > target
        ]
    return found, missed
