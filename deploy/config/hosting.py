"""Join the processors that were found with their settings, as the stages host them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from deploy.config.components import discover
from streams import kernel
from streams.contract.spec import Hosted

if TYPE_CHECKING:
    from deploy.config.run import Run


def hosted(run: Run, *, second_level: bool) -> list[Hosted]:
    """Return the processors of one level, by name, each with its configuration."""
    return [
        Hosted(name, spec, msgspec.convert(run.components.get(name, {}), spec.config))
        for name, spec in discover().items()
        if spec.second_level == second_level
    ]


def uses_kernel(run: Run) -> bool:
    """Tell whether compiled code is wanted and can be had."""
    return run.kernel and kernel.available()


def prepare(run: Run) -> None:
    """Compile, or load, what is hot, before the first record waits for it."""
    if uses_kernel(run):
        from streams.warming import load

        load()
