"""Routes: which alarms go to which receiver, by which channel; the section `notifiers` of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec

from alerts.notifiers import channels
from alerts.notifiers.duty import weekly
from streams.contract.addresses import SCHEMES, fault_of_address
from streams.contract.level import Level  # at run time: msgspec reads the types of the fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Language: TypeAlias = Literal["zh", "en", "both"]
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One receiver and what it is told."""

    name: str
    """Its place in the state: a renamed route is a new one."""
    channel: str
    """A file of `alerts/notifiers/channels/`."""
    url: str
    """Secret: the robot's whole webhook address, the endpoint's, or what Apprise takes."""
    secret: str = ""
    """Secret: the key with which a robot or an endpoint wants messages signed."""
    language: Language = "both"
    level: Level = 4
    """Alarms of this level and above (1 = the highest)."""
    domains: tuple[str, ...] = ()
    """Empty = all; so `zones`, `kinds` and `desks`."""
    zones: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    desks: tuple[str, ...] = ()
    """Only what is assigned or escalated to one of these."""
    equipment: bool = False
    """Tell of devices too, such as a silent sensor that blinds nobody."""
    after_s: Seconds = 0.0
    """Only what nobody has acknowledged for so long: the later steps of a chain are routes of their own."""
    hours: tuple[str, ...] = ()
    """When somebody is on duty there, by the city's clocks: `mon 08:00-fri 17:00`, `22:00-06:00`; none = always."""
    standby: bool = False
    """Told only what another route passes on to it."""
    group_wait_s: Seconds = 5.0
    """What belongs together waits so long for company; level I does not."""
    per_minute: Count = 10
    """Messages; what is more goes as one summary. Level I does not wait for it."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    """For one try."""
    tries: Count = 20
    """After so many a message goes to the `fallback`; without one it is tried on."""
    fallback: str = ""
    """Name of the route that takes what this one could not deliver, and what comes while nobody is on duty there."""
    tell_end: bool = True
    """Whether it is told that an alarm is over."""
    end_wait_s: Seconds = 15.0
    """So long an end waits: what comes again meanwhile is told as neither."""

    def __repr__(self) -> str:
        """Leave out what is secret."""
        return f"Route(name={self.name!r}, channel={self.channel!r})"

    def takes(self, row: Mapping[str, Any]) -> bool:
        """Tell whether an alarm's row is for this receiver."""
        desks = {row.get("assigned_to"), row.get("escalated_to")}
        chosen = ((self.domains, row["domain"]), (self.zones, row["zone"]), (self.kinds, row["kind"]))
        return (
            not self.standby
            and row["level"] <= self.level
            and all(not names or one in names for names, one in chosen)
            and (self.equipment or not row.get("equipment", False))
            and (not self.desks or not desks.isdisjoint(self.desks))
        )


class Notifiers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Section `notifiers`."""

    link: str = ""
    """Address under which the receivers open the wall; stands at the end of each message."""
    routes: tuple[Route, ...] = ()
    """None = nothing leaves the building, and the part is not started."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, all of it at once."""
        if found := "; ".join(self._faults()):
            raise ValueError(found)

    def _faults(self) -> Iterator[str]:
        known, names = channels.names(), [route.name for route in self.routes]
        for name in sorted({one for one in names if names.count(one) > 1}):
            yield f"route {name}: there are several of this name; each needs its own"
        for route in self.routes:
            if not route.name.strip() or "/" in route.name:
                yield f"route {route.name!r}: a name without / is needed"
            if route.channel not in known:
                yield f"route {route.name}: channel: one of {', '.join(known)} is needed, not {route.channel!r}"
            elif not route.url.startswith(schemes := channels.channel(route.channel).schemes):
                yield f"route {route.name}: url: an address that begins with {' or '.join(schemes)} is needed"
            elif route.url.startswith(SCHEMES) and (fault := fault_of_address(route.url)):
                yield f"route {route.name}: url: {fault}"
            yield from self._faults_of_duty(route, names)

    def _faults_of_duty(self, route: Route, names: Sequence[str]) -> Iterator[str]:
        if route.fallback and (route.fallback not in names or route.fallback == route.name):
            yield f"route {route.name}: fallback: the name of another route is needed, not {route.fallback!r}"
        elif route.name in self._after(route):
            yield f"route {route.name}: fallback: it leads back to {route.name}; somebody must be the last"
        for one in route.hours:
            if weekly(one) is None:
                yield f"route {route.name}: hours: 'mon 08:00-fri 17:00' or '22:00-06:00' is needed, not {one!r}"
        if route.hours and not route.fallback:
            yield f"route {route.name}: hours: a fallback is needed, which is told while nobody is on duty"

    def _after(self, route: Route) -> list[str]:
        """Return who is told after a route, in turn, each once."""
        following = {one.name: one.fallback for one in self.routes}
        found: list[str] = []
        while (last := found[-1] if found else route.name) and (name := following.get(last, "")) and name not in found:
            found.append(name)
        return found
