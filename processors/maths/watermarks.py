"""The watermark of a domain at the second level: what all its zones have passed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from streams.city.registry import City
    from streams.contract.records import MetricFrame


@dataclass
class Marks:
    """Zone id → its watermark, and the least of them; a zone not yet heard from holds it, one long left does not."""

    zones: dict[str, int] = field(default_factory=dict)
    watermark_ms: int = NO_TIME_MS

    def advance(self, frame: MetricFrame, city: City) -> int:
        """Take a frame's watermark → the domain's watermark before."""
        before_ms = self.watermark_ms
        zone = city.zones[frame.zone].id
        self.zones[zone] = max(frame.watermark_ms, self.zones.get(zone, NO_TIME_MS))
        zones = city.zones_awaited.get(frame.domain, ())
        behind_ms = min((self.zones.get(one, NO_TIME_MS) for one in zones), default=NO_TIME_MS)
        self.watermark_ms = max(before_ms, behind_ms)
        return before_ms
