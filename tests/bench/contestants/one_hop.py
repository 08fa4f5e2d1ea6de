"""`one_hop`: our transport and decoder folding straight into the job, as the peers do; exact state on Kafka.

`one_hop_kernel` is the same with the kernel as the decoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from streams.contract.stage import LINGER_S, Message, TopicPartition, from_offset
from streams.saving import snapshots
from streams.saving import state as state_codec
from streams.saving.versions import form_of
from tests.bench.job import INBOX, RESULTS, WHOLE
from tests.bench.minutes import Minutes
from tests.bench.watched import run_watched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from streams.contract.stage import Bus, Chunk, Record
    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("one_hop",)
STATE = "city.state.v1.intake.traffic"
FORM = form_of(Minutes, 1)


Columns: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]"
"""(n,) each: event time, number of the segment, speed in km/h, flow in veh/h."""


class OneHop:
    """Folds JSON straight into minutes; a snapshot after each chunk holds the sums and the offset they contain."""

    name = "one_hop"
    topics: tuple[str, ...] = (INBOX,)
    tick_s = 1.0
    linger_s = LINGER_S

    def __init__(self, decode: Callable[[Sequence[Record]], Columns]) -> None:
        self._decode = decode
        self._states: dict[TopicPartition, Minutes] = {}

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the snapshots."""
        self._states = {one: Minutes() for one in partitions}
        for one in partitions:
            found = await snapshots.load(bus, STATE, one.partition)
            if found is not None:
                self._states[one] = state_codec.decode(Minutes, found.state)
        return {one: state.offset for one, state in self._states.items() if state.offset}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Fold a chunk, send the minutes that are complete, save."""
        state = self._states[chunk.source]
        columns = self._decode(from_offset(chunk.records, state.offset))
        if len(columns[0]):
            state.fold(*columns)
        state.offset = max(state.offset, chunk.records[-1].offset + 1)
        await bus.send(Message(RESULTS, b"", value, 0) for value in state.close())
        saved = snapshots.to_message(STATE, chunk.partition, state.offset, state_codec.encode(state), FORM)
        await bus.send([saved])
        return True

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Nothing waits."""
        return ()

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """No books."""
        return {}


def plain() -> Callable[[Sequence[Record]], Columns]:
    """Decode record by record, with the decoder that intake tries first."""
    from streams.domains.schema import load_schemas

    decode = load_schemas()["traffic"].decode_one

    def columns(records: Sequence[Record]) -> Columns:
        rows = [decode(record.value or b"") for record in records]
        return (
            np.array([row.at for row in rows], np.int64),
            np.array([int(row.sensor[1:]) for row in rows], np.int64),
            np.array([row.speed_km_h for row in rows], np.float64),
            np.array([row.flow_veh_h for row in rows], np.float64),
        )

    return columns


def main(process: str, place: Place) -> None:
    """Run it."""
    run_watched(OneHop(plain()), process, place)
