"""The trial freeway: two of its days, and what `citywall evaluate` makes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from deploy.terminal import cli
from tests.bench.roads.freeway import REPORT_S, REPORTS_A_DAY, STATIONS, record
from tests.bench.roads.recorded import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.roads.freeway import Recorded

DAYS = 2


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return record(1, DAYS)


def test_the_same_seed_gives_the_same_and_another_one_another(recorded: Recorded):
    again, other = record(1, 1), record(2, 1)
    assert not np.array_equal(again.speed_km_h, other.speed_km_h, equal_nan=True)
    assert record(1, 1).collisions == again.collisions != other.collisions


def test_it_jams_on_a_workday_and_not_at_night(recorded: Recorded):
    speed = recorded.speed_km_h
    assert speed.shape == (DAYS * REPORTS_A_DAY, STATIONS)
    jammed = np.nanmean(speed < 64, axis=1)  # 40 mph
    assert 0.02 < jammed.mean() < 0.2
    assert jammed[2 * 3600 // REPORT_S : 4 * 3600 // REPORT_S].max() < 0.1
    assert 0.005 < np.isnan(speed).mean() < 0.1


def test_a_collision_that_takes_capacity_slows_the_road_upstream(recorded: Recorded):
    fell = []
    for one in recorded.collisions:
        report, station = round(one.day * REPORTS_A_DAY + one.at_s / REPORT_S), one.cell // 2
        before = np.nanmedian(recorded.speed_km_h[max(report - 4, 0) : report, max(station - 1, 0) : station + 1])
        behind = np.nanmedian(recorded.speed_km_h[report + 2 : report + 5, max(station - 1, 0) : station + 1])
        fell.append((one.lasts_s > 0, before - behind))
    slowed = [by for slows, by in fell if slows]
    assert max(slowed) > 40
    assert np.mean(slowed) > np.mean([by for slows, by in fell if not slows]) + 5


def test_evaluate_takes_what_it_writes(recorded: Recorded, tmp_path: Path):
    write(recorded, tmp_path / "freeway")
    options = ("--truth", str(tmp_path / "freeway" / "truth.csv"), "--json", str(tmp_path / "r.json"))
    assert cli.main(["evaluate", "slow_traffic", "--on", str(tmp_path / "freeway"), *options]) == 0
    found = json.loads((tmp_path / "r.json").read_text())
    assert (found["detectors"], found["incidents"]) == (STATIONS, len(recorded.collisions))
    assert found["by_chance_ratio"]["value"] is None  # of two days nothing can be told
