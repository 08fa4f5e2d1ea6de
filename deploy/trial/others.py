"""What the other rules bring to the operators meanwhile: the alarms that the history holds of a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.kinds import traits
from deploy.trial.firing import Fired
from streams.contract.alarm_events import AlarmsWanted, Raised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.sinks.history.store import History

PAGE = 5_000


def others(history: History, rule: str, from_ms: int, until_ms: int) -> list[Fired]:
    """Return the alarms raised in [from, until) of every kind but the rule's, and those of equipment: as the wall."""
    left_out = {rule, *traits().equipment}
    wanted = AlarmsWanted(from_ms=from_ms, until_ms=until_ms)
    return [one for kind, one in _all(history, wanted) if kind not in left_out]


def _all(history: History, wanted: AlarmsWanted) -> Iterator[tuple[str, Fired]]:
    after: Raised | None = None
    while page := history.alarms(wanted, PAGE, after):
        for one in page:
            over = one["closed"] or one.get("state") == "cleared"
            ended_ms = one["updated_at_ms"] if over else None
            yield one["kind"], Fired(one["entity"], one["raised_at_ms"], ended_ms, one["level"])
        after = Raised(page[-1]["raised_at_ms"], page[-1]["id"])
