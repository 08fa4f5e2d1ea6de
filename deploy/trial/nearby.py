"""Where an alarm counts for what happened on a road: on that segment, on one downstream, or up to 1 km upstream."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.city.registry import City

UPSTREAM_M = 1000.0
"""From the middle of one segment to the middle of the other."""


class Nearby:
    """The roads of a city."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._found: dict[str, frozenset[str]] = {}

    def __call__(self, entity: str) -> frozenset[str]:
        """Return the places at which an alarm counts for what happened at a segment, a sensor or anything else."""
        if entity not in self._found:
            self._found[entity] = self._near(entity)
        return self._found[entity]

    def _near(self, entity: str) -> frozenset[str]:
        city = self._city
        segment = city.segment_code.get(entity)
        if segment is None and entity in city.sensor_code:
            segment = city.sensors[city.sensor_code[entity]].segment
        if segment is None or segment < 0:
            return frozenset({entity})
        codes = {segment, *self._downstream.get(segment, ()), *self._upstream(segment)}
        return frozenset({entity, *(city.segments[code].id for code in codes)})

    @cached_property
    def _downstream(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for code, one in enumerate(self._city.segments):
            for name in one.upstream:
                found.setdefault(self._city.segment_code[name], []).append(code)
        return found

    def _upstream(self, segment: int) -> set[int]:
        """Return the segments whose middle is near enough, by any way."""
        segments, code_of = self._city.segments, self._city.segment_code
        reached_m = {segment: 0.0}
        ahead = [segment]
        while ahead:
            last = ahead.pop()
            for code in (code_of[name] for name in segments[last].upstream):
                far_m = reached_m[last] + (segments[last].length_m + segments[code].length_m) / 2
                if far_m <= UPSTREAM_M and far_m < reached_m.get(code, UPSTREAM_M + 1):
                    reached_m[code] = far_m
                    ahead.append(code)
        return set(reached_m)
