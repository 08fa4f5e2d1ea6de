"""Gives memory that a process has freed back to the system, with glibc; other allocators do as they like."""

from __future__ import annotations

import ctypes
import threading
import time

EVERY_S = 5.0
"""So long what was freed may lie for its next use: a backlog takes it again at once, without a page fault each time."""


def give_back_freed() -> None:
    """Begin to, in a thread of its own, where the allocator can be told."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        threading.Thread(target=_give_back, args=(trim,), name="memory", daemon=True).start()


def _give_back(trim: ctypes._NamedFuncPointer) -> None:
    while True:
        time.sleep(EVERY_S)
        trim(0)
