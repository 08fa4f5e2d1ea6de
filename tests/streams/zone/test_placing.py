"""A frame whose sensors were moved: its rows are parted by the city of their time, each sensor's in their order."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from streams.city.moves import Move, Moves
from streams.city.registry import load_city
from streams.contract.frames import FrameHeader, FrameRows
from streams.health.stepping import Stepping
from streams.zone import dedup
from streams.zone.placing import Placing
from tests.small_city import write_small_city

UNTIL_MS = 60_000


def test_a_sensors_rows_stay_in_their_order(tmp_path: Path):
    city = load_city(write_small_city(tmp_path, segments=8, stations=()))
    city = replace(city, moves=Moves((Move(2, UNTIL_MS, "d1", "z1", "s5"),)))
    where = {"city": city.id, "zone": "z1", "version": "2", "source": 0}
    header = FrameHeader(**where, first=(0, 0), last=(5, 0), mark_ms=0, sensors=("d5", "d1"))
    sensor = np.array([1, 1, 0, 1, 0, 1], np.int32)
    at_ms = UNTIL_MS + np.array([-2, 0, -1, -1, 1, 2])
    rows = FrameRows(np.arange(6), np.zeros(6, np.int32), sensor, at_ms, at_ms * 0, {})
    reads = Placing("traffic", 1, [], (dedup.judge, Stepping())).reads(city, header, rows, 1)
    told = [
        (one.place.city.sensors[city.sensor_code["d1"]].segment, one.header.sensors, one.rows.offset.tolist())
        for one in reads
    ]
    assert told == [(5, ("d1",), [0]), (1, ("d5", "d1"), [1, 2, 4]), (5, ("d1",), [3]), (1, ("d1",), [5])]
    assert [one.rows.sensor.tolist() for one in reads] == [[0], [1, 0, 0], [0], [0]]
