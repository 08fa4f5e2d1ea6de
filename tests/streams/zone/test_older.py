"""De-duplication saved by 0.1 goes on: nothing that it knew is admitted twice.

`seen_of_0_1.msgpack` holds the changes that the code before runs wrote of one zone: sensor `full` took 40 minutes from
1,000,000 ms on, `few` three times, `none` nothing, `late` 40 times 10 s apart and then one between them.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from streams.kernel.verdicts import DUPLICATE, FORGOTTEN, NEW
from streams.saving import pieces
from streams.saving import state as state_codec
from streams.zone import dedup, older
from streams.zone.state import ZoneState

FULL, FEW, NONE, LATE = range(4)


@pytest.fixture
def state() -> ZoneState:
    tree: pieces.Tree = {}
    pieces.apply(tree, msgspec.msgpack.decode(Path(__file__).with_name("seen_of_0_1.msgpack").read_bytes()))
    return older.upgraded(state_codec.decode(older.ZoneV1, pieces.joined(tree)))


@pytest.mark.parametrize(
    ("sensor", "at_ms", "verdict"),
    [
        pytest.param(FULL, 1_000_000 + 39 * 60_000, DUPLICATE, id="the newest"),
        pytest.param(FULL, 1_000_000 + 8 * 60_000, DUPLICATE, id="the oldest of 32"),
        pytest.param(FULL, 1_000_000 + 7 * 60_000, FORGOTTEN, id="what was forgotten"),
        pytest.param(FULL, 1_000_000 + 9 * 60_000 + 1, NEW, id="a time between them"),
        pytest.param(FULL, 1_000_000 + 40 * 60_000, NEW, id="the next"),
        pytest.param(FEW, 6_500, DUPLICATE, id="one of three"),
        pytest.param(FEW, 1, NEW, id="older than three"),
        pytest.param(NONE, 1, NEW, id="a sensor that was silent"),
        pytest.param(LATE, 155_000, DUPLICATE, id="one that came late"),
        pytest.param(LATE, 100_000, DUPLICATE, id="the oldest beside it"),
        pytest.param(LATE, 90_000, FORGOTTEN, id="the one that it pushed out"),
    ],
)
def test_what_was_known_is_known(state: ZoneState, sensor: int, at_ms: int, verdict: int) -> None:
    assert state.sensors == {"full": FULL, "few": FEW, "none": NONE, "late": LATE}
    found, _ = dedup.judge(state.seen, (np.array([sensor]), np.array([at_ms])), {"a": np.array([1.0])}, 3_600_000)
    assert found == [verdict]
