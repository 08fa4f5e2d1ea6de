"""Does work in a process of its own, so that its libraries and its data do not stay in one that runs for months."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

from deploy.supervision.bound import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def apart(work: Callable[..., T], *given: Any) -> T:  # noqa: ANN401 - whatever `work` takes
    """Return or raise what `work(*given)` does, done in a copy of this process; what it prints is printed.

    Function, arguments and result go through `pickle`. Call it while there are no other threads.
    """
    with ProcessPoolExecutor(1, get_context("fork"), _begin, (os.getpid(),)) as one:
        return one.submit(work, *given).result()


def _begin(parent: int) -> None:
    die_with_parent(parent)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent: here it would be answered with a trace
