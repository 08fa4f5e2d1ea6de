"""Who may do what to an alarm: the engine judges it, whatever a wall let through.

source: roles and their powers are `docs/alarms.md`'s; that administrators and auditors handle no alarms: GB/T 22239
(three separate powers).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Role: TypeAlias = Literal["viewer", "operator", "dispatcher", "supervisor", "engineer", "administrator", "auditor"]

HOUR_MS = 3_600_000

_OPERATOR = frozenset({"operator", "dispatcher", "supervisor"})
_DISPATCHER = frozenset({"dispatcher", "supervisor"})
_SUPERVISOR = frozenset({"supervisor"})
_ENGINEER = frozenset({"engineer"})

MAY: dict[str, frozenset[str]] = {
    **dict.fromkeys(("acknowledge", "unacknowledge", "note", "reset"), _OPERATOR),
    **dict.fromkeys(("assign", "escalate", "shelve", "unshelve", "fold", "split"), _DISPATCHER),
    **dict.fromkeys(("suppress", "lift", "end", "warn"), _SUPERVISOR),
    **dict.fromkeys(("take_out", "restore"), _ENGINEER),
    "undo": _OPERATOR | _ENGINEER,
}
"""Action → roles that may."""

SHELVE_MS: dict[str, int] = {"dispatcher": 2 * HOUR_MS, "supervisor": 12 * HOUR_MS}
"""Role → how long it may shelve."""

ACKNOWLEDGE_MS = 12 * HOUR_MS
"""A shift, as the longest shelf, whoever it is: who comes after it acknowledges by himself."""

LADDER: tuple[Role, ...] = ("operator", "dispatcher", "supervisor", "engineer")
"""The roles of a local desk, lowest first."""


def may(role: str, action: str, for_ms: int = 0) -> bool:
    """Tell whether somebody in that role may do it; `for_ms`: how long a shelf is to last.

    >>> may("dispatcher", "shelve", HOUR_MS), may("dispatcher", "shelve", 3 * HOUR_MS), may("auditor", "acknowledge")
    (True, False, False)
    """
    return role in MAY.get(action, ()) and (action != "shelve" or for_ms <= SHELVE_MS[role])


def lowest(action: str, for_ms: int = 0) -> Role | None:
    """Return the lowest of a local desk's roles that may, None = none of them may.

    >>> lowest("acknowledge"), lowest("shelve", 3 * HOUR_MS), lowest("shelve", 13 * HOUR_MS)
    ('operator', 'supervisor', None)
    """
    return next((role for role in LADDER if may(role, action, for_ms)), None)
