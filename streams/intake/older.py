"""What earlier versions saved of an inbox partition, and how it goes on. Frozen: nothing here follows today's state."""

from __future__ import annotations

import msgspec

from streams.accounts.intake_hours import IntakeHour
from streams.contract.records import NO_TIME_MS
from streams.intake.take import IntakeState
from streams.saving.versions import Form

WITHOUT_LIMITS = Form(2, "7f0203ea728a5b8b")
"""Of states that say nothing of `late_limit_ms` and `ended`: nobody knows of limits before, and today's serve."""


class HourV1(msgspec.Struct, forbid_unknown_fields=True):
    """Counts of an hour."""

    readings_in: int = 0
    sent: int = 0
    dead_lettered: dict[str, int] = {}


class IntakeV1(msgspec.Struct, forbid_unknown_fields=True):
    """Of 0.1.0, which had no `idle_ms` and `hours`, and of what followed."""

    offset: int
    fed_mark_ms: int
    newest_ms: int
    sent: dict[str, int]
    readings_in: int
    dead_lettered: dict[str, int]
    unknown_fields: int
    first_at_ms: int | None
    last_at_ms: int | None
    idle_ms: int = NO_TIME_MS
    hours: dict[int, HourV1] = {}


def upgraded(old: IntakeV1) -> IntakeState:
    """Return the partition as it is known today."""
    return IntakeState(
        offset=old.offset,
        fed_mark_ms=old.fed_mark_ms,
        newest_ms=old.newest_ms,
        sent=old.sent,
        readings_in=old.readings_in,
        dead_lettered=old.dead_lettered,
        unknown_fields=old.unknown_fields,
        first_at_ms=old.first_at_ms,
        last_at_ms=old.last_at_ms,
        idle_ms=old.idle_ms,
        hours={
            start_ms: IntakeHour(readings_in=one.readings_in, sent=one.sent, dead_lettered=one.dead_lettered)
            for start_ms, one in old.hours.items()
        },
    )
