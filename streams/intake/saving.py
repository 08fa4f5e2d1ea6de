"""What intake saves of an inbox partition: its state, with the version and shape of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.intake.older import WITHOUT_LIMITS, IntakeV1, upgraded
from streams.intake.take import IntakeState
from streams.saving import snapshots
from streams.saving.versions import check, form_of

if TYPE_CHECKING:
    from streams.contract.stage import Bus, Message

OWN = form_of(IntakeState, 3)
"""Raise the version with a change of a field of `IntakeState`, and keep what was before in `streams.intake.older`."""


def to_message(topic: str, partition: int, state: IntakeState) -> Message:
    """Return the record of a state."""
    return snapshots.to_message(topic, partition, state.offset, msgspec.json.encode(state), OWN)


async def load(bus: Bus, topic: str, partition: int) -> IntakeState | None:
    """Return the newest state, None where there is none.

    Raises FrameError when this version cannot continue it.
    """
    found = await snapshots.load(bus, topic, partition)
    if found is None:
        return None
    if found.form is None:
        return upgraded(msgspec.json.decode(found.state, type=IntakeV1))
    if found.form != WITHOUT_LIMITS:
        check(found.form, OWN, f"{topic}[{partition}]: intake's state")
    return msgspec.json.decode(found.state, type=IntakeState)
