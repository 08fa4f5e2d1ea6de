"""What the files of each domain look like, and where their columns go in the inbox."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Field(NamedTuple):
    """Where a column of a file goes in the inbox, and by what it is multiplied or divided on the way."""

    column: str
    name: str
    scale: float = 1.0
    per: str | None = None
    """Column that divides it; no field where that is no number above 0."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the files of one domain look like. `key` "" = the whole file is one sensor."""

    domain: str
    key: str
    """Column of the sensor's name. A file without it is of one sensor, whose name its own ends in."""
    ending: str
    """How such a name looks, a regular expression; "" = none is needed."""
    stamp: str
    suffix: str
    """A sensor's id is the city's, this and its name."""
    fields: tuple[Field, ...]

    @property
    def columns(self) -> set[str]:
        """The columns by which such a file is known."""
        return {self.stamp, *(one.column for one in self.fields)}

    def named(self, path: Path) -> str | None:
        """Return the sensor's name at the end of a file's, "" where none is needed, None where it has none."""
        found = re.search(f"{self.ending}$", path.name.partition(".")[0])
        return None if found is None else found[0]


KINDS = (
    Kind(
        "traffic",
        "REPORT_ID",
        "[0-9]+",
        "TIMESTAMP",
        "-link-",
        (
            Field("avgSpeed", "speed_km_h"),
            Field("vehicleCount", "flow_veh_h", 12.0),  # vehicles in the five minutes of a report
            Field("avgMeasuredTime", "travel_time_s"),
        ),
    ),
    Kind(
        "weather",
        "",
        "",
        "TIMESTAMP",
        "-weather",
        (
            Field("tempm", "temperature_c"),
            Field("hum", "humidity_ratio", 0.01),
            Field("wspdm", "wind_m_s", 1 / 3.6),  # km/h: its values are whole knots times 1.852
        ),
    ),
    Kind(
        "parking",
        "garagecode",
        "[A-Z]+",
        "updatetime",
        "-garage-",
        (
            Field("vehiclecount", "occupied_count"),
            Field("totalspaces", "capacity_count"),
            Field("vehiclecount", "occupancy_ratio", per="totalspaces"),
        ),
    ),
)
"""In the order in which rows of one stamp go out."""
LINK_COLUMNS = {
    "REPORT_ID",
    "POINT_1_LAT",
    "POINT_1_LNG",
    "POINT_2_LAT",
    "POINT_2_LNG",
    "DISTANCE_IN_METERS",
    "NDT_IN_KMH",
}
GARAGE_COLUMNS = {"garagecode", "latitude", "longitude"}
