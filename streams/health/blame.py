"""Whose failure it is: whatever a processor's code raises is its processor's, in words that can be written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from streams.errors import ProcessorError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

REASON_CHARACTERS = 500
"""No reason is longer: it stands in a note, in `status` and on the wall."""


def named(processor: str, code: Callable[[], T]) -> T:
    """Call a processor's code.

    Raises ProcessorError for whatever it raises: as it is not interrupted, an end or a cancellation is its own, too.
    """
    try:
        return code()
    except KeyboardInterrupt:  # a person's
        raise
    except BaseException as exc:
        raise ProcessorError(processor, reason_of(exc)) from exc


def reason_of(exc: BaseException) -> str:
    r"""Return an error in words that can be written down, whatever it says.

    >>> reason_of(ValueError("no sensor \udc80"))
    'ValueError: no sensor \\udc80'
    """
    try:
        said = str(exc)
    except Exception:  # noqa: BLE001 - of anybody's making
        said = "it cannot say why"
    return f"{type(exc).__name__}: {said}".encode("utf-8", "backslashreplace").decode()[:REASON_CHARACTERS]
