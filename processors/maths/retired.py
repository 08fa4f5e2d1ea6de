"""The end of what was under way for a sensor, segment or zone that has left the city."""

from __future__ import annotations

from typing import NamedTuple

from streams.contract.records import Detection

REASON, RETIRED = "reason", "retired"
"""Key and value in the evidence of a detection of level 0: nothing got better, what it speaks of is gone."""


class Where(NamedTuple):
    """Ids of a city, one of its domains and the zone that lost it ("" = the whole city)."""

    city: str
    domain: str
    zone: str


def end(where: Where, kind: str, entity: str, at_ms: int, known_ms: int | None = None) -> Detection:
    """Return the detection that ends an alarm of what left; `known_ms`: up to where was judged, None = `at_ms`."""
    return Detection(
        city=where.city,
        domain=where.domain,
        kind=kind,
        entity=entity,
        zone=where.zone,
        at_ms=at_ms,
        known_at_ms=known_ms,
        level=0,
        evidence={REASON: RETIRED},
    )
