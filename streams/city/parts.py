"""What a city is made of, as plain data: zones, road segments, sensors, corridors and relations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


@dataclass(frozen=True, slots=True)
class Zone:
    """A neighbourhood whose readings are processed together; the partition key."""

    id: str
    name_zh: str
    name_en: str

    @property
    def called(self) -> Name:
        """What people call it."""
        return Name(self.name_zh, self.name_en)


@dataclass(frozen=True, slots=True)
class Segment:
    """One direction of a road between two junctions."""

    id: str
    zone: int
    name_zh: str
    name_en: str
    road_class: str
    lanes: int
    length_m: float
    free_flow_km_h: float
    upstream: tuple[str, ...]
    line: tuple[tuple[float, float], ...]
    """(lng, lat) pairs in driving direction."""

    @property
    def called(self) -> Name:
        """What people call it."""
        return Name(self.name_zh, self.name_en)


@dataclass(frozen=True, slots=True)
class Sensor:
    """What sends readings; `segment` is -1 where it does not watch a road."""

    id: str
    domain: str
    zone: int
    segment: int
    lng: float
    lat: float
    interval_s: float
    name_zh: str
    name_en: str
    stamps: str = ""
    """What `at` of its readings is: `moment`, or `begin` or `end` of the interval; "" = as its domain says."""
    delay_s: float = 0.0
    """So long after its time a reading is usually sent."""
    late_limit_s: float | None = None
    """Older readings are refused, not longer than its domain's limit; None = that."""
    not_measured: tuple[tuple[str, float], ...] = ()
    """(column, value): that value of that column stands for "nothing was measured"."""
    lane: int | None = None
    """Lane it watches, 1 = the fastest; None = all, or not known."""
    position_m: float | None = None
    """Distance from the begin of its segment."""

    @property
    def called(self) -> Name:
        """What people call it."""
        return Name(self.name_zh, self.name_en)


@dataclass(frozen=True, slots=True)
class Corridor:
    """A road of several segments that is judged as one; its entity is `corridor:<id>`."""

    id: str
    segments: tuple[str, ...]
    """Ids, in driving direction."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What happens at `source` is felt at `target`: it feeds, drains, powers or carries it. Both are entity ids."""

    source: str
    relation: str
    target: str


@dataclass(frozen=True, slots=True)
class Desk:
    """A console in the control room, and the part of the city that it watches; no domains, or zones: all of them."""

    id: str
    name_zh: str
    name_en: str
    domains: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    """Ids."""

    @property
    def called(self) -> Name:
        """What people call it."""
        return Name(self.name_zh, self.name_en)

    def watches(self, domain: str, zone: str) -> bool:
        """Tell whether what happens in a domain and zone is its to see to.

        >>> Desk("d", "", "", domains=("water",)).watches("water", "z1")
        True
        """
        return (not self.domains or domain in self.domains) and (not self.zones or zone in self.zones)


@dataclass(frozen=True)
class Content:
    """All that stands in a city folder."""

    id: str
    name_zh: str
    name_en: str
    time_zone: str
    attribution: str
    zones: tuple[Zone, ...]
    segments: tuple[Segment, ...]
    sensors: tuple[Sensor, ...]
    places: Mapping[str, Any] = field(default_factory=dict)
    """GeoJSON of water, districts and labels, for the map."""
    simulated: bool = False
    """Whether our simulator feeds it; a city of one's own is fed by its departments."""
    corridors: tuple[Corridor, ...] = ()
    calendar: Mapping[date, str] = field(default_factory=dict)
    """Day → `workday` or `holiday`, where it differs from the days of the week."""
    relations: tuple[Relation, ...] = ()
    desks: tuple[Desk, ...] = ()
    """In the order of the file; none = one desk, which watches all."""
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name of an alarm rule → what of it is otherwise here than in the settings, or all of a rule of its own."""

    @property
    def called(self) -> Name:
        """What people call it."""
        return Name(self.name_zh, self.name_en)
