"""Keeps a part's memory small: without libraries that it does not use, and what is freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from importlib.abc import MetaPathFinder
from types import ModuleType

UNUSED = "pandas"
"""pyarrow imports it, with its first array, where it is installed: 40 MB."""
NAMED_ONLY = ("aiohttp.client", "ClientSession")
"""Faust's types name it, and the web server of which it speaks is off: 7 MB."""
EVERY_S = 5.0
"""So long what was freed may lie for its next use: a backlog takes it again at once, without a page fault each time."""


def keep_small() -> None:
    """Go without what no part uses, from now on; call it before anything else is imported."""
    sys.meta_path.insert(0, GoWithout(UNUSED))
    stand_in(*NAMED_ONLY)


class GoWithout(MetaPathFinder):
    """Have libraries count as not installed: pyarrow imports pandas where it is, 40 MB for what no part uses."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Refuse these, leave all others to the next finder."""
        if fullname in self._names:
            raise ModuleNotFoundError(f"{fullname} is left out on purpose", name=fullname)


def stand_in(module: str, name: str) -> None:
    """Put an empty class of that name in the place of a module and of its package, unless they are there."""
    package = module.partition(".")[0]
    if package not in sys.modules:
        sys.modules[package], sys.modules[module] = ModuleType(package), ModuleType(module)
        setattr(sys.modules[module], name, type(name, (), {}))


def give_back_freed() -> None:
    """Begin to give it back every few seconds, in a thread of its own; allocators but glibc's do as they like."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        threading.Thread(target=_give_back, args=(trim,), name="memory", daemon=True).start()


def _give_back(trim: ctypes._NamedFuncPointer) -> None:
    while True:
        time.sleep(EVERY_S)
        trim(0)
