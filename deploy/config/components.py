"""Find the processors by their file names: `processors/<name>.py` with a `SPEC` is the component `<name>`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from streams.errors import ConfigError

if TYPE_CHECKING:
    from streams.contract.spec import Spec

PROCESSORS = Path(__file__).resolve().parents[2] / "processors"


def names() -> list[str]:
    """List the processors, sorted."""
    return sorted(path.stem for path in PROCESSORS.glob("[a-z]*.py"))


def discover() -> dict[str, Spec]:
    """Import every processor → name → what it declares.

    Raises ConfigError naming the file that declares nothing.
    """
    found: dict[str, Spec] = {}
    for name in names():
        spec: Spec | None = getattr(importlib.import_module(f"processors.{name}"), "SPEC", None)
        if spec is None:
            raise ConfigError(f"{PROCESSORS / name}.py declares no SPEC; see docs/processors.md")
        found[name] = spec
    return found
