"""Every exported metric: the one place that names them. `docs/metrics.md` and the tests are made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.telemetry.counts import BOOKED
from dashboard.telemetry.load import LOADED
from dashboard.telemetry.parts import PULSED
from dashboard.telemetry.wall import WATCHED

if TYPE_CHECKING:
    from dashboard.telemetry.metric import Metric

METRICS: tuple[Metric, ...] = (*BOOKED, *LOADED, *PULSED, *WATCHED)
