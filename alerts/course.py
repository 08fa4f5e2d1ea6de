"""The course of alarms as the history keeps it: a journal record → a row for each of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from alerts.events import Scheduled
from alerts.journal import unseal
from streams.contract.alarm_events import AlarmEvent, Link, Where
from streams.contract.name import Name
from streams.errors import FrameError, NewerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.events import Event

EVENT_BYTES = 32 * 1024
"""A longer event is not repeated in its row: the journal has it."""

NAMES = {
    "raised": Name("发生", "raised"),
    "updated": Name("更新", "updated"),
    "risen": Name("升级", "risen"),
    "lowered": Name("降级", "lowered"),
    "cleared": Name("恢复", "cleared"),
    "latched": Name("锁定", "latched"),
    "returned": Name("再次发生", "active again"),
    "behind": Name("过时的恢复", "an end of before"),
    "presented": Name("呈现给值班", "shown to the operators"),
    "retired": Name("撤销", "retired"),
    "lapsed": Name("确认到期", "acknowledgement lapsed"),
    "closed": Name("结束", "closed"),
    "calmed": Name("不再抖动", "no longer chatters"),
    "covered": Name("抑制开始", "suppression begins"),
    "uncovered": Name("搁置或抑制到期", "shelf or suppression over"),
    "acknowledge": Name("确认", "acknowledge"),
    "unacknowledge": Name("取消确认", "take back the acknowledgement"),
    "note": Name("备注", "note"),
    "warn": Name("发布公众预警", "warn the public"),
    "end": Name("人工结束", "end"),
    "assign": Name("指派", "assign"),
    "escalate": Name("上报", "escalate"),
    "reset": Name("复位", "reset"),
    "shelve": Name("搁置", "shelve"),
    "unshelve": Name("取消搁置", "unshelve"),
    "suppress": Name("检修抑制", "suppress"),
    "lift": Name("解除抑制", "lift the suppression"),
    "take_out": Name("停用", "take out of service"),
    "restore": Name("恢复使用", "put back into service"),
    "fold": Name("归并", "fold"),
    "split": Name("拆分", "split"),
    "undo": Name("撤回", "undo"),
    "acknowledge_whole": Name("随事件确认", "acknowledge its incident"),
    "unacknowledge_whole": Name("随事件取消确认", "take back the acknowledgement of its incident"),
    "undo_whole": Name("随事件撤回", "undo what was done to its incident"),
    "refused": Name("未知命令", "an unknown command"),
}
"""What happened → what a person calls it."""

OF_WHOLE = "_whole"
"""Behind an action: it was of the incident."""
BEGINS = {"suppressed": "suppress", "out_of_service": "take_out"}
"""What covers a place → the command that made it so."""


def link(value: bytes) -> Link | None:
    """Return what a journal record tells, None = its bytes are not as they were sealed.

    Raises NewerError for one that this version does not understand.
    """
    try:
        opened = unseal(value)
    except FrameError as exc:
        raise NewerError(str(exc)) from exc
    if opened is None:
        return None
    record, digest = opened
    found = (
        _row(record.seq, place, at_ms, event)
        for place, (event, at_ms) in enumerate(zip(record.events, record.times_ms, strict=True))
    )
    return Link(record.seq, record.previous, digest, tuple(one for one in found if one is not None))


def of_row(alarm: Mapping[str, Any]) -> list[AlarmEvent]:
    """Return what an alarm's row alone tells of its course; oldest first.

    That is when its place was suppressed or out of service, and when that ended; and what people did to it with its
    incident, or had done when it joined that. The journal has such a command once, however many alarms it is over;
    these events are of no record of their own.
    """
    told: list[AlarmEvent] = []
    of = {"alarm": alarm["id"], "seq": 0, **{name: alarm.get(name) or "" for name in Where._fields}}
    for one in alarm.get("coverings") or ():
        by = {"who": one["who"], "desk": one["desk"], "why": one["why"]}
        steps = [(one["since_ms"], BEGINS.get(one["what"], "covered") if one["who"] else "covered", by)]
        if one["ended"] is not None:
            steps.append((one["until_ms"], one["ended"], {"who": one["ended_by"], "desk": one["ended_desk"]}))
        told += [
            AlarmEvent(**of, place=len(told) + number, at_ms=at_ms, what=what, command=one["cover"], **who)
            for number, (at_ms, what, who) in enumerate(steps)
        ]
    for one in alarm.get("of_whole") or ():
        did = {"at_ms": one["at_ms"], "what": f"{one['what']}{OF_WHOLE}", "who": one["who"], "desk": one["desk"]}
        told.append(AlarmEvent(**of, place=len(told), **did))
    return sorted(told, key=lambda one: one.moment)


def name_of(what: str) -> Name:
    """Say what happened; what has no name yet stands for itself."""
    return NAMES.get(what, Name(what, what))


def _row(seq: int, place: int, at_ms: int, event: Event) -> AlarmEvent | None:
    """Return the row of an event, None where it is of no alarm and no person's."""
    told: dict[str, Any] = msgspec.to_builtins(event)
    command, found = told.get("command") or {}, told.get("detection") or {}
    alarm, cover = told.get("alarm", ""), told.get("cover", "")
    if isinstance(event, Scheduled) or not (alarm or cover or command):
        return None
    where = found or command.get("where") or {}
    return AlarmEvent(
        alarm=alarm,
        seq=seq,
        place=place,
        at_ms=at_ms,
        what=command.get("action") or told.get("change") or told.get("what") or told["type"],
        outcome=told["type"] if told["type"] in {"done", "refused"} else "",
        reason=told.get("reason") or told.get("lack") or "",
        level=found.get("level"),
        event_at_ms=found.get("at_ms"),
        command=command.get("id") or told.get("id") or cover,
        event=told if len(msgspec.json.encode(told)) <= EVENT_BYTES else {},
        **{name: command.get(name) or "" for name in ("who", "desk", "why")},
        **{name: where.get(name) or "" for name in Where._fields},
    )
