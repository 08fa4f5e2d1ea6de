"""When a replay is done: every part has absorbed everything, and knows it."""

import msgspec
import pytest

from deploy.supervision.pulses import PartitionPulse, PartPulse
from deploy.supervision.replaying import HOSTED, all_absorbed

ENDED_MS = 1_000_000
DONE = PartPulse("x", 7, ENDED_MS + 1, [PartitionPulse("city.inbox.v1.traffic", 0, "g", 9, 9, 0, 0.0)])


@pytest.mark.parametrize(
    ("intake", "absorbed"),
    [
        ({}, True),
        ({"partitions": []}, True),  # other workers have them
        ({"partitions": [], "waits": "its start"}, False),  # it knows of no lag yet
        ({"partitions": [PartitionPulse("city.inbox.v1.traffic", 0, "g", 8, 9, 1, 0.0)]}, False),
        ({"at_ms": ENDED_MS}, False),  # a pulse from before the end of the files
    ],
)
def test_a_replay_is_done_once_every_part_is_at_work_and_behind_with_nothing(intake, absorbed):
    found = dict.fromkeys(HOSTED, DONE) | {"intake": msgspec.structs.replace(DONE, **intake)}
    assert all_absorbed(found, ENDED_MS) is absorbed


def test_a_part_without_a_pulse_is_waited_for():
    assert not all_absorbed(dict.fromkeys(HOSTED[1:], DONE), ENDED_MS)
