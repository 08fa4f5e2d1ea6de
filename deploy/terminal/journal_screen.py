"""The alarms' journal for a terminal and for programs: what is wrong with it, and the course of one alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.course import name_of
from deploy.terminal.columns import aligned
from deploy.terminal.letters import shown
from deploy.terminal.timespan import iso
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.journal import Head
    from alerts.verifying import Verification
    from streams.contract.alarm_events import AlarmEvent

LEVELS = ("", "I", "II", "III", "IV")
REFUSED = Name("被拒", "refused")
SOUND = Name("日志完好", "the journal is sound")
BROKEN = Name("日志有 {} 处问题", "{} faults in the journal")
COUNTED = Name(
    "{} 条记录，其中 {} 条在链外（另一写入者）；核对了 {} 个检查点",
    "{} records, {} of them void (another writer's); {} checkpoints agree with it",
)
HEAD = Name("链首（请另存，以后用 --head 核对）：{}", "head (note it elsewhere, and check it later with --head): {}")
PLACE = Name("位置 {}：", "offset {}: ")


def verdict(found: Verification, language: str) -> str:
    """Say whether it holds, and what is wrong."""
    title = BROKEN.said_in(language).format(found.faults_count) if found.faults_count else SOUND.said_in(language)
    lines = [title, COUNTED.said_in(language).format(found.records, found.void, found.checkpoints_count)]
    for offset, _, said in found.faults:
        place = "" if offset is None else PLACE.said_in(language).format(offset)
        lines.append(f"  {place}{said.said_in(language)}")
    return "\n".join([*lines, HEAD.said_in(language).format(head_text(found.head))])


def plain(found: Verification) -> dict[str, Any]:
    """Return the same as plain values."""
    faults = [
        {"offset": offset, "fault": what, "said": said.en, "said_zh": said.zh} for offset, what, said in found.faults
    ]
    return {
        "sound": found.faults_count == 0,
        "records": found.records,
        "void": found.void,
        "checkpoints": found.checkpoints_count,
        "head": head_text(found.head),
        "faults_count": found.faults_count,
        "faults": faults,
    }


def head_text(head: Head) -> str:
    """Return a head as it is noted elsewhere."""
    return f"{head.seq}:{head.hash}"


def course(events: Sequence[AlarmEvent], language: str) -> str:
    """Return a line an event, the oldest first."""
    return "\n".join(aligned([_line(one, language) for one in events]))


def _line(event: AlarmEvent, language: str) -> list[str]:
    what = name_of(event.what).said_in(language)
    if event.outcome == "refused":
        what += f" ({REFUSED.said_in(language)}: {event.reason})"
    level = LEVELS[event.level] if event.level is not None else ""
    where = " ".join(text for text in (event.kind, event.entity, event.zone) if text)
    who = event.who if not event.desk else f"{event.who} ({event.desk})"
    return [iso(event.at_ms), shown(what), level, shown(where), shown(who), shown(event.why)]
