"""A city that is killed, stopped and starved while its day goes on comes to the same rows, alarms and books."""

import os
import time
from pathlib import Path

import pytest

from tests.faults import schedule, trial

MINUTES = 120


@pytest.mark.timeout(900)
def test_faults_change_nothing_that_a_person_can_see(tmp_path: Path):
    seed = int(os.environ.get("CITYWALL_FAULTS_SEED") or time.time_ns() % 1_000_000)
    found = trial.compare(tmp_path, MINUTES, seed, schedule.draw(seed))
    assert found == [], f"seed {seed}: CITYWALL_FAULTS_SEED={seed} has the same faults again"


@pytest.mark.parametrize("dose", [schedule.SHORT, schedule.LONG], ids=["short", "long"])
def test_a_seed_has_the_same_faults_again_and_every_worker_that_joins_leaves(dose: schedule.Dose):
    for seed in range(50):
        faults = schedule.draw(seed, dose)
        assert faults == schedule.draw(seed, dose)
        for part in schedule.JOINED:
            kinds = [fault.kind for fault in faults if fault.target == part and fault.kind in {"join", "leave"}]
            assert kinds == ["join", "leave"] * dose.joins.count(part)
    assert schedule.draw(1, dose) != schedule.draw(2, dose)


def test_the_long_schedule_has_a_hundred_kills():
    kinds = [fault.kind for fault in schedule.draw(1, schedule.LONG)]
    assert sum(kind in {"kill", "end", "stop"} for kind in kinds) >= 100
    assert {fault.target for fault in schedule.draw(1, schedule.LONG) if fault.kind == "gap"} == set(schedule.PLACES)
