"""What a stage tells people besides its books: in its pulse, so in `status`, on the wall and in /metrics."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.contract.stage import TopicPartition

log = logging.getLogger("citywall")


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence in both languages."""

    zh: str
    en: str
    degraded: bool = False
    """Whether the city is not whole while it stands."""

    @property
    def said(self) -> Name:
        """The sentence alone."""
        return Name(self.zh, self.en)


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """A processor that does not get what one partition brings, because it failed there."""

    processor: str
    topic: str
    partition: int
    offset: int
    reason: str
    at_ms: int
    """Wall clock of its last failure."""


@runtime_checkable
class Tells(Protocol):
    """A stage that has notices."""

    def notices(self) -> Sequence[Notice]:
        """Return those that stand now."""

    def set_aside(self) -> Sequence[SetAside]:
        """Return the processors that are set aside now."""


def begun_anew(source: TopicPartition, anew: Mapping[str, str]) -> list[Notice]:
    """Say, here and in the log, which processors could not go on with their saved state."""
    found = []
    for name, why in anew.items():
        where = f"{source.topic}[{source.partition}]"
        notice = Notice(
            zh=f"处理器 {name} 在 {where} 无法沿用保存的状态，由 Kafka 仍保留的数据重建；无法完整重建的时间窗没有数值",
            en=f"processor {name} begins anew in {where}: {why}; it is made from what Kafka holds, "
            "windows that are not whole have no value",
        )
        log.warning("%s", notice.en)
        found.append(notice)
    return found
