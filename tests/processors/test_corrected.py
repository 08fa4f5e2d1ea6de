"""Corrections of closed windows: what is kept of them by zone is what adding all up again would give."""

from __future__ import annotations

import random

import numpy as np
import pytest

from processors.maths.corrected import ByZone, Change, of_entities
from processors.maths.identities import Identities
from processors.network import Config, State, step
from streams.city.registry import City, Segment, Sensor, Zone
from streams.contract.records import MetricFrame, Rows
from streams.saving import state as state_codec

MINUTE_MS = 60_000
LINE = ((0.0, 0.0), (0.0, 1.0))
METRICS = ("tti_ratio", "flow_veh_h")


def town() -> City:
    segments = tuple(Segment(f"s{n}", n % 3, "", "", "local", 1, 1000.0, 60.0, (), LINE) for n in range(12))
    sensors = tuple(Sensor(f"d{n}", "traffic", n % 3, n, 0.0, 0.0, 60.0, "", "") for n in range(12))
    return City("c", "", "", "UTC", "", tuple(Zone(f"z{n}", "", "") for n in range(3)), segments, sensors)


def rows(zone: int, at_ms: int, revision: int, chance: random.Random) -> Rows:
    """Rows of some of a zone's segments."""
    of = [(f"s{n}", metric) for n in range(zone, 12, 3) for metric in METRICS if not revision or chance.random() < 0.4]
    count = len(of)
    return Rows(
        entity=np.array([entity for entity, _ in of], object),
        metric=np.array([metric for _, metric in of], object),
        at_ms=np.full(count, at_ms),
        window_s=np.full(count, 60, np.int32),
        value=np.full(count, np.nan),
        numerator=np.array([chance.randrange(10**13) for _ in of], np.int64),
        denominator=np.array([chance.randrange(1, 10**13) for _ in of], np.int64),
        count=np.array([chance.randrange(1, 9) for _ in of], np.int64),
        coverage_ratio=np.ones(count),
        revision=np.full(count, revision),
    )


def frames(seed: int) -> list[MetricFrame]:
    """Seventy-five minutes of three zones, and corrections of any of the last forty, an hour's end among them."""
    chance = random.Random(seed)
    found = []
    for minute in range(75):
        for zone in chance.sample(range(3), 3):
            found.append(
                MetricFrame("traffic", zone, rows(zone, minute * MINUTE_MS, 0, chance), (minute + 1) * MINUTE_MS)
            )
        for revision in range(1, chance.randrange(2, 5)):
            zone, before = chance.randrange(3), max(minute - chance.randrange(40), 0)
            late = rows(zone, before * MINUTE_MS, minute * 4 + revision, chance)
            found.append(MetricFrame("traffic", zone, late, (minute + 1) * MINUTE_MS))
    return found


def told(seed: int, *, restarts: bool) -> list[list[tuple[object, ...]]]:
    """Each frame's rows; with restarts the state is read from its bytes before each frame, so nothing derived stays."""
    state, city, found = State(), town(), []
    for frame in frames(seed):
        if restarts:
            state = state_codec.decode(State, state_codec.encode(state))
        result = step(state, frame, city, Config())
        state, new = result.state, result.rows
        columns = (new.entity, new.metric, new.at_ms, new.window_s, new.value, new.numerator, new.denominator)
        found.append(list(zip(*(one.tolist() for one in (*columns, new.count, new.revision)), strict=True)))
    return found


@pytest.mark.parametrize("seed", [1, 4])
def test_what_is_kept_of_corrected_windows_changes_no_row(seed: int) -> None:
    kept = told(seed, restarts=False)
    assert repr(kept) == repr(told(seed, restarts=True))  # as text: unknown values are NaN
    assert sum(len(one) for one in kept) > 1500


def identities() -> Identities:
    """Slots 0 to 3: metric 0 of entities 0, 1, 2 in zones 0, 0, 1, and metric 1 of entity 0 in zone 0."""
    known = Identities(metrics=["a", "b"], zones=["z0", "z1"])
    known.metric, known.entity, known.zone = np.array([0, 0, 0, 1]), np.array([0, 1, 2, 0]), np.array([0, 0, 1, 0])
    known._number = {"e0": 0, "e1": 1, "e2": 2}
    return known


def test_a_touched_slot_brings_its_metrics_zones_and_no_other_metrics() -> None:
    known = identities()
    by_zone = ByZone(known, np.array([[1, 10, 100, 1000], [2, 20, 200, 2000]]))
    by_zone.add(Change(known, np.array([1, 3]), np.array([[5, 1], [6, 1]])))
    few = by_zone.touched(known, np.array([1]))
    assert few.only is not None
    assert few.sums.tolist() == [[16, 100], [28, 200]]  # zone 0: 1 + 10 + 5, 2 + 20 + 6
    assert (few.known.metric.tolist(), few.known.zone.tolist(), few.only.tolist()) == ([0, 0], [0, 1], [0])


def test_a_touched_slot_brings_all_slots_of_its_entity() -> None:
    few = of_entities(identities(), np.array([[1, 10, 100, 1000]]), np.array([3]))
    assert few.only is not None
    assert (few.sums.tolist(), few.only.tolist()) == ([[1, 1000]], [1])
    assert (few.known.metric.tolist(), few.known.entity.tolist()) == ([0, 1], [0, 0])


def test_sums_that_may_have_left_64_bits_are_not_trusted() -> None:
    known = identities()
    assert ByZone(known, np.array([[2**60, 2**60, 2**61, 0]])).fits
    by_zone = ByZone(known, np.array([[2**61, 2**61, 0, 0]]))
    assert not by_zone.fits
    by_zone.add(Change(known, np.array([0]), np.array([[-(2**61)]])))  # it fits now, but nobody knows what came between
    assert not by_zone.fits
