"""Saved state is bounded in what it writes and in what a start reads, on real stages and processors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.bench.recovery.__main__ import measure


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """Measure 400 segments with twelve minutes behind them."""
    return asyncio.run(measure("400", 12, 60, None))


@pytest.mark.parametrize(("stage", "times"), [("zone", 5.0), ("second", 1.5)])
def test_what_is_written_is_a_fraction_of_the_state(figures: dict[str, Any], stage: str, times: float) -> None:
    """A tenth of the detectors report in a second: their cells are written, not everyone's, as one record would.

    The second level hears from the zones once a minute, which changes the hour's sums of all segments.
    """
    found = figures[stage]
    assert 0 < found["written_kb_s"] < found["whole_kb_s"] / times


@pytest.mark.parametrize("stage", ["zone", "second"])
def test_a_start_reads_at_most_twice_the_state_and_a_step(figures: dict[str, Any], stage: str) -> None:
    found = figures[stage]
    assert found["least_mb"] / 2 < found["compacted_mb"] < 2.5 * found["least_mb"]
