"""Partitions that end before what was read of them: their topic was made anew, or Kafka has lost what it held.

A stage passes over what lies below its place, so it would look well and take nothing in. A new leader of a cluster may
know of a shorter end for a moment: what stands for longer is told.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from streams.contract.stage import ShowsNewest
from streams.health.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.contract.stage import Stage, TopicPartition
    from streams.health.advance import Place

TOLD_AFTER_S = 10.0

log = logging.getLogger("citywall")


class Fallen:
    """Of one stage. Invariant: `_since_s` are the partitions that ended too early at every look since then."""

    def __init__(self, stage: Stage, now_s: Callable[[], float] = time.monotonic) -> None:
        self._stage = stage.name
        self._needs_nothing = isinstance(stage, ShowsNewest)
        self._now_s = now_s
        self._since_s: dict[TopicPartition, float] = {}
        self._said: set[TopicPartition] = set()

    def look(self, places: Mapping[TopicPartition, Place], ends: Mapping[TopicPartition, int | None]) -> list[Notice]:
        """Compare where the stage stands with where the partitions end, None = not known → what is to be told."""
        if self._needs_nothing:
            return []
        now_s = self._now_s()
        known = {partition: end for partition in places if (end := ends.get(partition)) is not None}
        short = {one: end for one, end in known.items() if end < places[one].absorbed}
        self._since_s = {one: self._since_s.get(one, now_s) for one in short}
        long = [one for one, since_s in self._since_s.items() if now_s - since_s >= TOLD_AFTER_S]
        notices = {one: _notice(self._stage, one, short[one], places[one].absorbed) for one in long}
        for one in notices.keys() - self._said:
            log.error("%s", notices[one].en)
        self._said = set(notices)
        return list(notices.values())


def _notice(stage: str, of: TopicPartition, end: int, absorbed: int) -> Notice:
    return Notice(
        zh=f"{of.topic} 分区 {of.partition} 只到偏移 {end:,}，而 {stage} 已读到 {absorbed:,}：该主题曾被删除重建，"
        "或 Kafka 丢失了数据；低于该偏移的记录可能被跳过；请 citywall down，再用空的 Kafka 和新的 --data DIR 启动",
        en=f"{of.topic}, partition {of.partition}, ends at offset {end:,}, but {stage} has read up to {absorbed:,}: "
        "the topic was deleted and made anew, or Kafka has lost what it held; what comes below that offset may be "
        "passed over; `citywall down`, then start with an empty Kafka and another --data DIR",
        degraded=True,
    )
