"""Which saved states of processors go on: those whose version and shape are what the code has now.

And whose fault it is where a state cannot be saved, or cannot even be made.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from streams.errors import CityError, FrameError, ProcessorError
from streams.health.blame import named
from streams.saving import state as state_codec
from streams.saving.versions import Form, Forms, form_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.contract.spec import Hosted
    from streams.contract.stage import Bus
    from streams.saving.chains import Chain

log = logging.getLogger("citywall")

T = TypeVar("T")

ODD = "a field of its saved state does not hold what its type says"

UNWRITTEN = 1
"""Version of the states that were saved before versions were written down."""


class Restored(NamedTuple):
    """What became of the saved states of one input partition."""

    states: list[dict[str, Any]]
    """As the saved ones: processor → state."""
    anew: dict[str, str]
    """Processors that begin anew → why, a sentence's end."""


class Sound(NamedTuple):
    """Processors, apart."""

    hosted: list[Hosted]
    """Those that make an empty state."""
    failed: dict[str, str]
    """Those that do not → why."""


def sound(hosted: Iterable[Hosted]) -> Sound:
    """Have each processor make an empty state, and look what it is."""
    found = Sound([], {})
    for one in hosted:
        try:
            named(one.name, partial(_form, one))
        except ProcessorError as exc:
            found.failed[one.name] = exc.reason
        else:
            found.hosted.append(one)
    return found


async def save(chain: Chain, bus: Bus, offset: int, state: object, processors: Iterable[Mapping[str, Any]]) -> int:
    """Save a state with the states of processors that it holds → bytes written.

    Raises ProcessorError when one of those cannot be saved: then nothing is.
    """
    try:
        return await chain.save(bus, offset, state)
    except CityError:
        raise
    except Exception:
        for states in processors:
            for name, one in states.items():
                _encode(name, one)
        raise


def _encode(processor: str, state: object) -> None:
    try:
        named(processor, partial(state_codec.encode, state))
    except ProcessorError as exc:
        raise ProcessorError(processor, f"its state cannot be saved: {exc.reason}") from exc


def forms(own: Form, hosted: Iterable[Hosted]) -> Forms:
    """Return what is saved beside the states."""
    return Forms(own, {one.name: _form(one) for one in hosted})


def _form(hosted: Hosted) -> Form:
    return form_of(type(hosted.spec.state()), hosted.spec.state_version)


def restored(saved: Sequence[Mapping[str, bytes]], written: Forms | None, hosted: Iterable[Hosted]) -> Restored:
    """Decode saved states, processor → bytes of each zone; a processor goes on in all of them or begins anew."""
    states: list[dict[str, Any]] = [{} for _ in saved]
    anew = {}
    for one in hosted:
        mine = [state.get(one.name) for state in saved]
        if not any(mine):
            continue
        form = None if written is None else written.processors.get(one.name)
        why = _misfit(form, _form(one))
        decode = state_codec.decode_exact if form is None else _decode
        kind = type(one.spec.state())
        found = [None if why or data is None else decode(kind, data) for data in mine]
        if why or any(data is not None and state is None for data, state in zip(mine, found, strict=True)):
            anew[one.name] = why or ("its saved state has other fields than this version's" if form is None else ODD)
            continue
        for state, decoded in zip(states, found, strict=True):
            if decoded is not None:
                state[one.name] = decoded
    return Restored(states, anew)


def _decode(kind: type[T], data: bytes) -> T | None:
    """Return the state, None where a field does not hold what its type says: it was saved, and cannot be read."""
    try:
        return state_codec.decode(kind, data)
    except FrameError as exc:
        log.error("a processor's saved state cannot be read: %s", exc)
        return None


def _misfit(saved: Form | None, now: Form) -> str:
    """Say why a state of one form does not go on as another, "" if it does."""
    version = UNWRITTEN if saved is None else saved.version
    if version != now.version:
        return f"its saved state is of version {version}, this version's of {now.version}"
    if saved is not None and saved.shape != now.shape:
        return "its saved state has other fields than this version's"
    return ""
