"""What is wrong with a journal and with its checkpoints, record by record: for an audit, nothing needs to run.

That the newest records were cut off shows against a head that was noted elsewhere, or against a checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from alerts.checkpoint import whole
from alerts.engine import Engine
from alerts.journal import GENESIS, Head, unseal
from streams.alarms.checkpoints import SLOTS
from streams.contract.name import Name
from streams.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.checkpoint import Mark
    from alerts.journal import Record
    from alerts.state import State

MOST = 1_000
"""So many faults are told; all are counted."""


class Fault(NamedTuple):
    """What is wrong."""

    offset: int | None
    """Of the journal's record, None = of none that is there."""
    what: str
    """`changed`, `missing`, `foreign`, `impossible`, `cut_off`, `other_head` or `checkpoint`."""
    said: Name


class Verification:
    """Takes a journal from its first record to its last."""

    def __init__(self, checkpoints: Mapping[bytes, bytes], noted: Head | None = None) -> None:
        self.head = Head()
        self.records = self.void = self.faults_count = self.checkpoints_count = 0
        self.faults: list[Fault] = []
        self._noted, self._noted_found = noted, noted is None
        self._chain, self._beside = {GENESIS}, set[str]()
        found = {slot.decode(): state for slot in SLOTS if (state := whole(checkpoints, slot)) is not None}
        self._checkpoints: dict[str, tuple[Mark, State]] = found
        self._engine: Engine | None = Engine()

    def take(self, offset: int, value: bytes | None) -> None:
        """Take the next record. Raises FrameError for one that this version does not understand."""
        self.records += 1
        opened = unseal(value) if value is not None else None
        if opened is None:
            said = Name("内容与其摘要不符：被改动过", "its content does not match its hash: it was changed")
            self._note(offset, "changed", said)
            return
        record, digest = opened
        if self.head.follows(record):
            self.head = Head(record.seq, digest)
            self._chain.add(digest)
            self._noted_found |= self.head == self._noted
            self._fold(offset, value)
        elif record.previous in self._chain:
            self.void += 1
        else:
            self._orphan(offset, record, digest)

    def end(self) -> None:
        """Judge what shows only when the journal is over."""
        noted = self._noted
        if noted is not None and not self._noted_found:
            if noted.seq > self.head.seq:
                zh = f"链止于第 {self.head.seq} 条，而另存的链首是第 {noted.seq} 条：末尾被截去"
                en = f"the chain ends at record {self.head.seq}, the noted head is record {noted.seq}: cut off"
                self._note(None, "cut_off", Name(zh, en))
            else:
                said = Name(f"第 {noted.seq} 条不是另存的那一条", f"record {noted.seq} is another than the noted one")
                self._note(None, "other_head", said)
        for slot, (mark, _) in self._checkpoints.items():
            zh = f"检查点 {slot} 记着第 {mark.seq} 条，日志在该处没有它：末尾被截去，或不属于此日志"
            en = f"checkpoint {slot} is of record {mark.seq}, which is not there: cut off, or of another journal"
            self._note(None, "checkpoint", Name(zh, en))

    def _orphan(self, offset: int, record: Record, digest: str) -> None:
        first, last = self.head.seq + 1, record.seq - 1
        if record.previous not in self._beside:
            if last >= first:
                said = Name(f"其前缺第 {first} 至 {last} 条", f"records {first} to {last} before it are missing")
                self._note(offset, "missing", said)
            else:
                zh, en = "不接任何一条：外来，或被挪动", "it follows none of the chain: it is foreign, or was moved"
                self._note(offset, "foreign", Name(zh, en))
        self._beside.add(digest)

    def _fold(self, offset: int, value: bytes | None) -> None:
        if self._engine is None or not self._checkpoints:
            return
        try:
            self._engine.fold(value)
        except FrameError as exc:
            self._engine = None
            self._note(offset, "impossible", Name(f"所述不可能：{exc}", str(exc)))
            return
        for slot, (mark, state) in list(self._checkpoints.items()):
            if mark.offset == offset + 1:
                del self._checkpoints[slot]
                self.checkpoints_count += 1
                unlike = ", ".join(self._engine.checkpoint(mark.offset).unlike(mark, state))
                if unlike:
                    zh, en = (
                        f"检查点 {slot} 与日志不符：{unlike}",
                        f"checkpoint {slot} is not what the journal says: {unlike}",
                    )
                    self._note(offset, "checkpoint", Name(zh, en))

    def _note(self, offset: int | None, what: str, said: Name) -> None:
        self.faults_count += 1
        if len(self.faults) < MOST:
            self.faults.append(Fault(offset, what, said))
