"""Which saved states of processors go on: those whose version and shape are what the code has now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from streams.saving import state as state_codec
from streams.saving.versions import Form, Forms, form_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.contract.spec import Hosted

UNWRITTEN = 1
"""Version of the states that were saved before versions were written down."""


class Restored(NamedTuple):
    """What became of the saved states of one input partition."""

    states: list[dict[str, Any]]
    """As the saved ones: processor → state."""
    anew: dict[str, str]
    """Processors that begin anew → why, a sentence's end."""


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
        decode = state_codec.decode_exact if form is None else state_codec.decode
        kind = type(one.spec.state())
        found = [None if why or data is None else decode(kind, data) for data in mine]
        if why or any(data is not None and state is None for data, state in zip(mine, found, strict=True)):
            anew[one.name] = why or "its saved state has other fields than this version's"
            continue
        for state, decoded in zip(states, found, strict=True):
            if decoded is not None:
                state[one.name] = decoded
    return Restored(states, anew)


def _misfit(saved: Form | None, now: Form) -> str:
    """Say why a state of one form does not go on as another, "" if it does."""
    version = UNWRITTEN if saved is None else saved.version
    if version != now.version:
        return f"its saved state is of version {version}, this version's of {now.version}"
    if saved is not None and saved.shape != now.shape:
        return "its saved state has other fields than this version's"
    return ""
