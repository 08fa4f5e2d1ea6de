"""Why the processes of a city are not as they should be, in Chinese and English: for `status` and for the wall."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from deploy.supervision.pulses import PULSE_AGE_S
from deploy.terminal.timespan import iso
from streams.contract.durations import DAY_S
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.supervision.pulses import PartPulse
    from deploy.supervision.supervisor import End, PartState, SupervisorState
    from streams.accounts.losses import Loss

LAG_S = 30.0
"""A partition that is further behind makes the city degraded."""
RECENT_S = 300.0
OFTEN = 3
"""Ends within RECENT_S that make a part's restarts a reason."""
STOOD_STILL_TOLD_S = 60.0
"""So long it is told that a part stood still and was started again, though it is well."""

LOST_TOLD_S = float(DAY_S)
"""So long a loss makes the city degraded; the audit of its time tells it for ever."""

PHASES_ZH = {"starting": "启动中", "stopping": "停止中"}
STATES_ZH = {"starting": "启动中", "waiting": "等待重启", "stopping": "停止中", "stopped": "已停止"}


def of_city(supervisor: SupervisorState | None) -> list[Name]:
    """Say why nothing can be said of the parts."""
    if supervisor is None:
        return [Name("监管进程尚无消息", "the supervisor has not said anything yet")]
    if supervisor.phase != "running":
        phase = supervisor.phase
        return [Name(f"城市{PHASES_ZH.get(phase, phase)}", f"the city is {phase}")]
    return []


def of_parts(supervisor: SupervisorState, pulses: Mapping[str, PartPulse], now_ms: int) -> list[Name]:
    """List what is wrong with processes and partitions."""
    reasons = [reason for part in supervisor.parts for reason in _part(part, now_ms)]
    reasons += [still.said for still in supervisor.stills]
    idle = not_at_work(supervisor, pulses)
    reasons += idle.values()
    steady = {part.name for part in supervisor.parts if part.state == "running"} - idle.keys()
    for name, pulse in pulses.items():
        age_s = (now_ms - pulse.at_ms) / 1000
        if name in steady and age_s > PULSE_AGE_S:
            zh = f"{name} 停滞：最近一次脉搏在 {age_s:.0f} 秒前"
            reasons.append(Name(zh, f"{name} stands still: its last pulse is {age_s:.0f} s old"))
        reasons += _behind(name, pulse)
    return reasons + told(pulses, degraded=True)


def told(pulses: Mapping[str, PartPulse], *, degraded: bool) -> list[Name]:
    """List what the parts say themselves: what makes the city degraded, or what a person should only know."""
    said = [one for pulse in pulses.values() for one in pulse.notices if one.degraded == degraded]
    return [one.said for one in said]


def not_at_work(supervisor: SupervisorState, pulses: Mapping[str, PartPulse]) -> dict[str, Name]:
    """Name the parts whose process runs but has not come to its partitions."""
    return {
        part.name: Name(f"{part.name} 尚未开始工作", f"{part.name} has not begun to work yet")
        for part in supervisor.parts
        if part.absorbs and part.state == "running"
        if (pulse := pulses.get(part.name)) is None or pulse.pid != part.pid or not pulse.is_at_work
    }


def _behind(name: str, pulse: PartPulse) -> list[Name]:
    """Name the partition that is furthest behind, and how many others are too far."""
    late = [(lag_s, one) for one in pulse.partitions if (lag_s := one.lag_s or 0.0) > LAG_S]
    if not late:
        return []
    (lag_s, worst), more = max(late, key=itemgetter(0)), len(late) - 1
    return [
        Name(
            f"{name} 在 {worst.topic} 分区 {worst.partition} 滞后 {lag_s:.0f} 秒"
            + (f"，另有 {more} 个分区滞后" if more else ""),
            f"{name} is {lag_s:.0f} s behind on {worst.topic}, partition {worst.partition}"
            + (f", and on {more} others" if more else ""),
        )
    ]


def of_losses(losses: Sequence[Loss], now_ms: int) -> list[Name]:
    """Say what Kafka deleted before it was read, of each stage and topic together, for a day after it was noticed."""
    recent = [one for one in losses if now_ms - one.noticed_ms < LOST_TOLD_S * 1000]
    places = sorted({(one.lost_by, one.topic) for one in recent})
    return [_lost([one for one in recent if (one.lost_by, one.topic) == place]) for place in places]


def _lost(losses: Sequence[Loss]) -> Name:
    """Sum up losses of one stage and topic."""
    one, records = losses[0], sum(loss.records for loss in losses)
    after = None if any(loss.after_ms is None for loss in losses) else min(loss.after_ms or 0 for loss in losses)
    before = iso(max(loss.before_ms for loss in losses))
    numbers = sorted({loss.partition for loss in losses})
    partitions, word = ", ".join(map(str, numbers)), "partitions" if len(numbers) > 1 else "partition"
    return Name(
        f"{one.topic}（分区 {partitions}）有 {records:,} 条记录在 {one.lost_by} 读取之前被 Kafka 删除；"
        f"到达时间：{'未知' if after is None else iso(after)} 至 {before}；请加大该主题的保留时间或容量",
        f"Kafka deleted {records:,} records of {one.topic}, {word} {partitions}, before {one.lost_by} had read "
        f"them; they arrived between {'a time that is not known' if after is None else iso(after)} and {before}; "
        "let Kafka keep that topic longer (retention.ms, retention.bytes)",
    )


def standstills(supervisor: SupervisorState, now_ms: int) -> list[Name]:
    """List what stands still, or just did, without what a process said of it: the wall shows it to anyone."""
    found = [still.said for still in supervisor.stills]
    for part in supervisor.parts:
        stood_still = _stood_still(part, now_ms)
        if stood_still is not None:
            found.append(_started_again(part, stood_still, now_ms))
    return found


def _part(part: PartState, now_ms: int) -> list[Name]:
    recent = [end for end in part.ends if now_ms - end.at_ms < RECENT_S * 1000]
    zh = f"，最近退出码 {recent[-1].code}" if recent else ""
    en = f", exit code {recent[-1].code} last" if recent else ""
    why = _why(recent)
    if part.state != "running":
        state = STATES_ZH.get(part.state, part.state)
        return [
            Name(
                f"{part.name} {state}（重启 {part.restarts} 次{zh}）{why.zh}",
                f"{part.name} is {part.state} ({part.restarts} restarts{en}){why.en}",
            )
        ]
    if len(recent) >= OFTEN:
        minutes = f"{RECENT_S / 60:.0f}"
        return [
            Name(
                f"{part.name} 在最近 {minutes} 分钟内退出 {len(recent)} 次{zh}{why.zh}",
                f"{part.name} ended {len(recent)} times in the last {minutes} minutes{en}{why.en}",
            )
        ]
    stood_still = _stood_still(part, now_ms)
    if stood_still is None:
        return []
    said = _started_again(part, stood_still, now_ms)
    return [Name(f"{said.zh}{why.zh}", f"{said.en}{why.en}")]


def _stood_still(part: PartState, now_ms: int) -> End | None:
    """Return its last end, if it stood still before it and that is not long ago."""
    last = part.ends[-1] if part.ends else None
    return last if last is not None and last.still and now_ms - last.at_ms < STOOD_STILL_TOLD_S * 1000 else None


def _started_again(part: PartState, end: End, now_ms: int) -> Name:
    ago = f"{(now_ms - end.at_ms) / 1000:.0f}"
    return Name(
        f"{part.name} 曾停滞，{ago} 秒前已结束并重新启动",
        f"{part.name} stood still, was ended {ago} s ago and is started again",
    )


def _why(recent: list[End]) -> Name:
    """Quote what is known of the last end; a process speaks English."""
    why = recent[-1].why if recent else ""
    return Name(f"：{why}", f": {why}") if why else Name("", "")
