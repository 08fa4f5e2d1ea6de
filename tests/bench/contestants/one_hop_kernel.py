"""`one_hop_kernel`: `one_hop` with the kernel as the decoder: record batches straight into columns and the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from tests.bench.contestants.one_hop import OneHop
from tests.bench.job import SEGMENTS, WHOLE
from tests.bench.watched import run_watched

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.contract.stage import Record
    from tests.bench.contestants.one_hop import Columns
    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("one_hop_kernel",)


def compiled() -> Callable[[Sequence[Record]], Columns]:
    """Decode by the kernel; a sensor's code is the number of its segment."""
    from streams.domains.schema import load_schemas
    from streams.intake.reader import Reader
    from streams.kernel.texts import sensor_table
    from streams.transport.wire import WireRecords
    from streams.warming import warm

    warm()
    sensors = sensor_table([f"d{number}" for number in range(SEGMENTS)])
    reader = Reader(load_schemas()["traffic"].names, sensors)

    def columns(records: Sequence[Record]) -> Columns:
        read, verdict = reader.read(cast("WireRecords", records))
        if verdict.any():
            raise ValueError(f"the kernel left {np.count_nonzero(verdict)} records of the job to the slow decoder")
        return read.at_ms, read.sensor.astype(np.int64), read.values["speed_km_h"], read.values["flow_veh_h"]

    return columns


def main(process: str, place: Place) -> None:
    """Run it."""
    run_watched(OneHop(compiled()), process, place, framed=True)
