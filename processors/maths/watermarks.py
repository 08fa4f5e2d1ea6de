"""The watermark of a domain at the second level: what all its zones have passed, those that have left among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.city.moves import KEPT_MS
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from streams.city.registry import City
    from streams.contract.records import MetricFrame


@dataclass
class Marks:
    """Zone id → its watermark, and the least of them; a zone not yet heard from holds it.

    So does one that has left: it has windows to close, and goes on with the marks of its partition. One that does not
    is given up when another is `KEPT_MS` ahead of it.
    """

    zones: dict[str, int] = field(default_factory=dict)
    watermark_ms: int = NO_TIME_MS

    def advance(self, frame: MetricFrame, city: City) -> int:
        """Take a frame's watermark → the domain's watermark before."""
        before_ms = self.watermark_ms
        zone = city.zones[frame.zone].id
        self.zones[zone] = max(frame.watermark_ms, self.zones.get(zone, NO_TIME_MS))
        given_up_ms = max(self.zones.values()) - KEPT_MS
        going_on = [one for one, passed_ms in self.zones.items() if passed_ms > given_up_ms]
        awaited = {*city.zones_awaited.get(frame.domain, ()), *going_on}
        self.watermark_ms = max(before_ms, min(self.zones.get(one, NO_TIME_MS) for one in awaited))
        return before_ms
