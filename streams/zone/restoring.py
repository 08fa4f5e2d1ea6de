"""What a saved state is to the zone stage of today: zones that go on, and processors that begin anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.accounts import zone_hours
from streams.saving import pieces, processors
from streams.saving import state as state_codec
from streams.saving.versions import check, form_of
from streams.zone import older
from streams.zone.state import STATE_VERSION, ZoneState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.contract.spec import Hosted
    from streams.saving.chains import Found
    from streams.saving.versions import Form, Forms


class Zones(NamedTuple):
    """The zones of a readings partition."""

    zones: dict[str, ZoneState]
    anew: dict[str, str]
    """Processors that begin anew → why."""


def forms(hosted: Sequence[Hosted]) -> Forms:
    """Return what is saved beside the zones."""
    return processors.forms(_own(), hosted)


def _own() -> Form:
    return form_of(ZoneState, STATE_VERSION)


def restored(found: Found, hosted: Sequence[Hosted], topic: str) -> Zones:
    """Return the zones of a saved state.

    Raises FrameError when this version cannot continue it.
    """
    zones: dict[str, ZoneState] = {}
    saved = []
    for zone_id, (data, below) in _apart(found).items():
        zones[zone_id] = _zone(found, data, topic)
        saved.append(below)
    kept = processors.restored(saved, found.forms, hosted)
    names = {one.name for one in hosted}
    for state, below, going_on in zip(zones.values(), saved, kept.states, strict=True):
        state.processors = going_on
        for name in {*below, *state.joined_ms}:
            if name in kept.anew or name not in names:
                zone_hours.forget(state, name)
        for one in hosted:
            if one.name not in going_on and one.name not in state.joined_ms:
                zone_hours.begin_later(state, one.name, one.window_ms)
    return Zones(zones, kept.anew)


def _apart(found: Found) -> dict[str, tuple[bytes, dict[str, bytes]]]:
    """Return each zone's own part and its processors' states."""
    apart = {}
    if found.single is not None:
        for zone_id, data in msgspec.msgpack.decode(found.single, type=dict[str, bytes]).items():
            apart[zone_id] = (data, state_codec.decode(_Processors, data).processors)
    for zone_id, below in pieces.by_name(found.tree or {}).items():
        states = pieces.take_bytes(below, "processors")
        apart[zone_id] = (pieces.joined(below), states)
    return apart


class _Processors(msgspec.Struct):
    """Of a zone of 0.1.0: its processors' states are bytes in it."""

    processors: dict[str, bytes]


def _zone(found: Found, data: bytes, topic: str) -> ZoneState:
    if found.forms is None:
        return older.upgraded(state_codec.decode(older.ZoneV1, data))
    own, now = found.forms.own, _own()
    check(own, now, f"{topic}: the zones' state")
    return state_codec.decode(ZoneState, data)
