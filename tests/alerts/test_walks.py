"""Whatever comes to the alarm engine in whatever order: two engines agree, it replays, and nothing is lost.

`CITYWALL_WALKS=1000 pytest tests/alerts/test_walks.py` takes so many walks; `-k "[417]"` the one of that seed again.
"""

from __future__ import annotations

import os

import pytest

from tests.alerts.walk import Walk

WALKS = int(os.environ.get("CITYWALL_WALKS") or 8)
STEPS = 150


@pytest.mark.parametrize("seed", range(WALKS))
def test_a_walk_breaks_no_rule_of_the_engine(seed: int) -> None:
    Walk(seed).go(STEPS)
