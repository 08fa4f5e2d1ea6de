"""Whether the places of a city lie together: what lies far away was swapped, left at 0, 0 or mistyped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.city.geometry import HIGHEST_LAT, distances_km

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.city.fields import Entry
    from streams.city.geometry import Point

LEAST_FAR_KM = 200.0
FAR_FACTOR = 5.0
"""Far = more than 200 km, and more than 5 times as far as nine of ten roads, from the middle of the roads."""


class Surroundings:
    """Where a city's roads lie. Invariant: one road, or a tenth of them, in a wrong place moves nothing."""

    def __init__(self, roads: Sequence[Point]) -> None:
        lng, lat = _columns(roads)
        self.centre = (float(np.sort(lng)[len(lng) // 2]), float(np.sort(lat)[len(lat) // 2]))
        away_km = distances_km(lng, lat, self.centre)
        self.far_km = max(LEAST_FAR_KM, FAR_FACTOR * float(np.sort(away_km)[int(0.9 * (len(away_km) - 1))]))

    def judge(self, places: Sequence[tuple[Entry, Point]], field: str) -> None:
        """Note what lies far away: a problem where the right place can be told or there is none, else a notice."""
        if not places:
            return
        lng, lat = _columns([place for _, place in places])
        away_km = distances_km(lng, lat, self.centre)
        other_way_km = distances_km(lat, np.clip(lng, -HIGHEST_LAT, HIGHEST_LAT), self.centre)
        for index in np.nonzero(away_km > self.far_km)[0].tolist():
            entry, place = places[index]
            where = f"{place[0]:g}, {place[1]:g} is {away_km[index]:,.0f} km from the middle of the roads"
            if place == (0.0, 0.0):
                entry.problem(field, f"{where}: nobody wrote a place; write it")
            elif other_way_km[index] <= self.far_km and abs(place[0]) <= HIGHEST_LAT:
                entry.problem(
                    field, f"{where}, {place[1]:g}, {place[0]:g} among them: longitude and latitude are swapped"
                )
            else:
                entry.notice(field, f"{where}; is that so?")


def _columns(places: Sequence[Point]) -> tuple[np.ndarray, np.ndarray]:
    found = np.array(places, np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]
