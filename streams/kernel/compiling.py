"""How the kernels are compiled: by numba, without the interpreter's lock, kept for the next start.

No kernel makes an array, so none is counted: numba's counting (`_nrt`) of the arrays that are handed over would take as
long as the work. The option is private to numba (`streams.surface`); without it they count, and take longer.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from numba import config, njit
from numba.extending import register_jitable

from streams import surface

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

_FOLDER = Path(__file__).parent
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
if not surface.misfits("kernel"):
    _OPTIONS["_nrt"] = False
_CALLED = {name: value for name, value in _OPTIONS.items() if name != "cache"}


def _digest() -> str:
    """Return a digest of all that is compiled here: numba itself notices a change of a function's own file only."""
    sources = sorted(_FOLDER.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


CACHE = _FOLDER / "__pycache__" / _digest()
"""Where the machine code is kept; where that cannot be written, numba has a place of its own."""
config.CACHE_DIR = str(CACHE)  # type: ignore[attr-defined]  # numba's settings are untyped


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call."""
    return cast("Callable[P, R]", njit(**_OPTIONS, forceinline=True)(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """The same for a function with one caller and many arrays, which cost time to hand over."""
    return cast("Callable[P, R]", njit(**_OPTIONS, inline="always")(function))


def kept_in(kernel: Callable[..., Any]) -> Path:
    """Return where numba keeps a kernel: within CACHE, a folder named after where the sources stand."""
    return Path(cast("Any", kernel).stats.cache_path)


def callable_compiled(module: ModuleType) -> None:
    """Let compiled functions call the plain ones of a module, which stay as they are for everyone else."""
    for one in list(vars(module).values()):
        if isinstance(one, FunctionType) and one.__module__ == module.__name__:
            register_jitable(**_CALLED)(one)
