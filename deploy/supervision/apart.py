"""Does work in a process of its own, so that its libraries and its data do not stay in one that runs for months."""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def apart(work: Callable[..., T], *given: Any) -> T:  # noqa: ANN401 - whatever `work` takes
    """Return or raise what `work(*given)` does, done in a copy of this process; what it prints is printed.

    Function, arguments and result go through `pickle`. Call it while there are no other threads.
    """
    ignored = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for us: the copy would answer with a trace
    with ProcessPoolExecutor(1, get_context("fork"), signal.signal, ignored) as one:
        return one.submit(work, *given).result()
