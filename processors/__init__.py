"""What is computed: one file a processor, pure; `maths/` holds what they share.

A processor is a module with a `SPEC` (see `streams.spec`); it is found by its file name, no list names it.
Nothing here knows Kafka, Faust, clocks or files.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from streams.errors import SettingError

if TYPE_CHECKING:
    from streams.spec import Spec


def discover() -> dict[str, Spec]:
    """Import every processor → its name and Spec, in name order.

    Raises SettingError when a module of this package has no SPEC.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return {name: _spec(name) for name in names}


def _spec(name: str) -> Spec:
    spec: Spec | None = getattr(importlib.import_module(f"{__name__}.{name}"), "SPEC", None)
    if spec is None:
        raise SettingError(f"processors/{name}.py has no SPEC; what is no processor belongs in processors/maths/")
    return spec
