"""Find the processors by their file names: `processors/<name>.py` with a `SPEC` is the component `<name>`."""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path

from streams.contract.spec import Spec
from streams.errors import ConfigError, ProcessorError
from streams.health.blame import named

PROCESSORS = Path(__file__).resolve().parents[2] / "processors"


def names() -> list[str]:
    """List the processors, sorted."""
    return sorted(path.stem for path in PROCESSORS.glob("[a-z]*.py"))


def discover() -> dict[str, Spec]:
    """Import every processor → name → what it declares.

    Raises ConfigError naming the file that cannot be imported or declares nothing.
    """
    found: dict[str, Spec] = {}
    for name in names():
        path = PROCESSORS / f"{name}.py"
        try:
            module = named(name, partial(importlib.import_module, f"processors.{name}"))
        except ProcessorError as exc:
            raise ConfigError(f"{path} cannot be imported: {exc.reason}; mend it, or move it elsewhere") from exc
        spec = getattr(module, "SPEC", None)
        if not isinstance(spec, Spec):
            raise ConfigError(f"{path} declares no SPEC; see docs/processors.md")
        found[name] = spec
    return found
