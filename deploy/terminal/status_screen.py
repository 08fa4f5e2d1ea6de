"""The status of a city as one screen of text, in either language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.terminal.columns import aligned, padded
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.supervision.counts import Counts
    from deploy.supervision.status import PartitionRow, Status

WORDS = {
    "ok": Name("正常", "ok"),
    "degraded": Name("异常", "degraded"),
    "down": Name("未运行", "not running"),
    "wall": Name("大屏", "wall"),
    "data": Name("数据目录", "data"),
    "since": Name("启动于", "since"),
    "part": Name("组件", "part"),
    "state": Name("状态", "state"),
    "pid": Name("进程", "pid"),
    "restarts": Name("重启", "restarts"),
    "behind": Name("滞后", "behind"),
    "records": Name("条", "records"),
    "in": Name("接入读数", "readings in"),
    "used": Name("已入帧", "admitted"),
    "duplicates": Name("重复", "duplicates"),
    "dead": Name("死信", "dead letters"),
    "lost": Name("未读即被删除的记录", "records lost unread"),
    "values": Name("被拒的单个数值", "values refused"),
    "none": Name("无", "none"),
    "unread": Name("无人读取的主题", "topics nobody reads"),
    "sender_stamped": Name("以发送方时钟记时的主题", "topics stamped by their senders' clocks"),
    "replay_ended": Name("回放已结束", "the replay has ended"),
    "starting": Name("启动中", "starting"),
    "running": Name("运行", "running"),
    "waiting": Name("等待重启", "waiting"),
    "stopping": Name("停止中", "stopping"),
    "stopped": Name("已停止", "stopped"),
    "live": Name("实时", "live"),
    "simulated": Name("模拟", "SIMULATED"),
    "replay": Name("回放", "REPLAY"),
    "period": Name("读数时间", "event times"),
}


def screen(status: Status, language: str) -> str:
    """Lay it out."""
    lines = [*_head(status, language), *_parts(status, language)]
    lines += _counts(status.counts, language)
    for key, names in (("unread", status.unread_topics), ("sender_stamped", status.sender_stamped_topics)):
        if names:
            lines += ["", f"{_word(key, language)}: {', '.join(names)}"]
    return "\n".join(lines)


def _word(key: str, language: str) -> str:
    return WORDS[key].said_in(language)


def _head(status: Status, language: str) -> list[str]:
    mark = {"ok": "●", "degraded": "▲", "down": "○"}[status.status]
    what = "" if status.city is None else f"  {status.city}"
    if status.mode is not None:
        speed = "" if status.speed in {None, 1.0} else f" ×{status.speed}"
        what += f"  {_word(status.mode, language)}{speed}"
    if status.since is not None:
        what += f"  {_word('since', language)} {status.since}"
    lines = [f"{mark} {_word(status.status, language)}{what}"]
    reasons = status.reasons_zh if language == "zh" and status.reasons_zh else status.reasons
    notices = status.notices_zh if language == "zh" and status.notices_zh else status.notices
    lines += [f"  · {reason}" for reason in [*reasons, *notices]]
    if status.replay_ended and status.mode == "replay":
        lines.append(f"  · {_word('replay_ended', language)}")
    lines.append("")
    if status.parts:
        lines.append(f"{padded(_word('wall', language), 10)}{status.wall}")
        lines.append(f"{padded('Kafka', 10)}{status.kafka}    Redis {status.redis}    {status.history}")
    if status.data:
        lines.append(f"{padded(_word('data', language), 10)}{status.data}  ({status.disk_bytes / 2**20:.0f} MiB)")
    return lines


def _parts(status: Status, language: str) -> list[str]:
    if not status.parts:
        return []
    rows = [[_word(key, language) for key in ("part", "state", "pid", "restarts")]]
    for part in status.parts:
        rows.append(
            [part.name, _word(part.state, language), "–" if part.pid is None else str(part.pid), str(part.restarts)]
        )
    return ["", *aligned(rows), "", *_lags(status.partitions, language)]


def _lags(partitions: Sequence[PartitionRow], language: str) -> list[str]:
    """Tell each group's worst partition, and every one that is behind."""
    lines = []
    for group in sorted({one.group for one in partitions}):
        of_group = [one for one in partitions if one.group == group]
        worst = max(of_group, key=lambda one: (one.lag_s is None, one.lag_s or 0.0, one.lag_records))
        where = f"  {worst.topic}[{worst.partition}]" if worst.lag_records else ""
        age = f"{'–':>7}" if worst.lag_s is None else f"{worst.lag_s:7.1f}"
        lag = f"{age} s {sum(one.lag_records for one in of_group):8,} {_word('records', language)}"
        lines.append(f"{padded(group, 10)}{_word('behind', language)} {lag}{where}")
    return lines


def _counts(counts: Counts, language: str) -> list[str]:
    dead = sum(counts.dead_lettered.values())
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts.dead_lettered.items())
    lines = [
        "",
        f"{_word('in', language)} {counts.readings_in:,}    {_word('used', language)} {counts.in_frames:,}    "
        f"{_word('duplicates', language)} {counts.duplicates:,}    {_word('dead', language)} {dead:,}"
        + (f" ({reasons})" if reasons else ""),
    ]
    if counts.lost:
        lines.append(f"{_word('lost', language)} {counts.lost:,}")
    values = [
        f"{column}: {reason} {count:,}" for column, of in counts.refused_values.items() for reason, count in of.items()
    ]
    if values:
        lines.append(f"{_word('values', language)} {', '.join(values)}")
    if counts.first_at is not None:
        lines.append(f"{_word('period', language)} {counts.first_at} – {counts.last_at}")
    return lines
