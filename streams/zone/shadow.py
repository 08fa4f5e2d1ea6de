"""A partition beside the live one that takes the frames again in silence, for processors that are rebuilt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.contract.frames import decode_header
from streams.contract.records import Rows
from streams.contract.spec import Hosted
from streams.domains.schema import late_limit_ms
from streams.errors import FrameError
from streams.saving.anew import Unsent
from streams.zone.beginning import Beginning
from streams.zone.state import ZoneState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streams.city.registry import City
    from streams.contract.records import Result
    from streams.contract.stage import Bus, Message, Record, TopicPartition
    from streams.zone.partition import Partition


class Ways(NamedTuple):
    """What a stage lends to a rebuild."""

    take: Callable[[Partition, TopicPartition, Record, Bus], Awaitable[list[Message]]]
    """Has a partition take a record, and gives turns of the event loop."""
    now_s: Callable[[], float]


class Shadow:
    """One way through the frames. Invariant: `held` has taken all that Kafka holds below its offset."""

    def __init__(
        self, source: TopicPartition, live: Partition, hosted: Sequence[Hosted], without_until: Mapping[str, int]
    ) -> None:
        """Begin; a processor of `without_until` gets no frame below an offset."""
        self.held = live.beside([_silent(one) for one in hosted])
        self.unsent = Unsent()
        self.first = 0
        """Offset of the first frame that Kafka holds, once one has come."""
        self._source = source
        self._live = live
        self._hosted = hosted
        self._without_until = without_until
        self._beginning: Beginning | None = None

    async def take(self, record: Record, bus: Bus, ways: Ways) -> None:
        """Take the next record.

        Raises ProcessorError; then this way is at its end.
        """
        beginning = self._beginning or self._begin(record.offset)
        self._let_in(beginning, record.offset)
        try:
            self.unsent.hear(record.offset, await ways.take(self.held, self._source, record, bus))
            if not beginning.known:
                beginning.hear(decode_header(record))
        except FrameError:  # it stands with the dead letters
            pass
        self.held.touched.clear()
        self.held.offset = record.offset + 1

    def _begin(self, offset: int) -> Beginning:
        self.first = offset
        if offset > 0:  # marks reach all zones of a partition: they are there from the first frame on
            self.held.zones = {zone_id: ZoneState() for zone_id in self._live.zones}
        self._beginning = Beginning(offset, self._live.inbox_partitions, late_limit_ms(self._live.domain))
        return self._beginning

    def _let_in(self, beginning: Beginning, offset: int) -> None:
        """Have each processor get frames from where it can on."""
        names = [one.name for one in self._hosted]
        out = frozenset(name for name in names if not beginning.known or offset < self._without_until.get(name, 0))
        if out == self.held.left_out:
            return
        back = [one for one in self._hosted if one.name in self.held.left_out - out]
        self.held.leave_out(out, self._hosted)
        for one in back if beginning.cut else ():
            whole_ms = beginning.whole_ms(one.window_ms)
            for state in self.held.zones.values():
                state.joined_ms[one.name] = max(whole_ms, state.joined_ms.get(one.name, whole_ms))


def _silent(hosted: Hosted) -> Hosted:
    """Return a processor that yields no rows."""

    def step(state: Any, frame: Any, city: City, config: Any) -> Result[Any]:  # noqa: ANN401 - of any processor
        return replace(hosted.spec.step(state, frame, city, config), rows=Rows.empty())

    return Hosted(hosted.name, replace(hosted.spec, step=step), hosted.config)
