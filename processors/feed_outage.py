"""A feed that has fallen silent: one alarm for the domain, or for a zone's part of it, instead of one a sensor.

in      city.metrics.v1 of every domain: `silent_ratio` of `feed:<domain>:<zone>`, a minute each (see feed_health)
out     detections feed_silent: III of `feed:<domain>` when half of the domain's sensors are silent, else IV of
        `feed:<domain>:<zone>` when half of a zone's are; level 0 when less than `back_ratio` still are, or one alone;
        a zone that has said nothing since its sensors stand in the city is told, too, by its sensors' intervals
state   per domain: the zones' watermarks, the minutes not yet passed by all zones, each zone's latest share or since
        when it is awaited, the alarms
drops   other_metric: any other row; repeat: of a minute that is judged already
source  own choice, see docs/processors.md; suppression of children by a failed parent after ISA-18.2
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np

from processors.maths import retired
from processors.maths.measures import FEED_PREFIX, SILENT
from processors.maths.rules import with_numbers
from processors.maths.watermarks import Marks
from streams.city.moves import in_minute
from streams.contract.durations import MINUTE_MS
from streams.contract.level import Level
from streams.contract.records import NO_TIME_MS, Detection, MetricFrame, Result
from streams.contract.spec import EVERY_DOMAIN, Spec
from streams.contract.spec import Config as BaseConfig

if TYPE_CHECKING:
    from streams.city.registry import City

OTHER_METRIC, REPEAT = "other_metric", "repeat"
KIND = "feed_silent"
ALL_ZONES = ""
ONE_ALONE = 1
"""So few silent sensors are told one by one (`sensor_silent`), however small the feed is."""
LEVEL_OF_DOMAIN: Level = 3
LEVEL_OF_ZONE: Level = 4


class Config(BaseConfig, frozen=True, kw_only=True):
    """Tunables; each name ends in its unit."""

    outage_ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    """Share of silent sensors from which on the feed is silent …"""
    back_ratio: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.3
    """… and below which it is back; it is, too, with one silent sensor, unless so few make it silent."""
    outage_least_count: Annotated[int, msgspec.Meta(ge=1)] = 2
    """Silent sensors that make a zone's feed silent, at least."""
    zone_delay_s: Annotated[float, msgspec.Meta(ge=0)] = 120.0
    """How long a zone waits before it alarms: the whole domain may be following."""
    unheard_intervals_count: Annotated[float, msgspec.Meta(ge=1)] = 3.0
    """A zone that never spoke is silent after so many of the longest interval of its sensors …"""
    unheard_least_s: Annotated[float, msgspec.Meta(ge=60)] = 3600.0
    """… and never before this."""


@dataclass
class Domain:
    """One domain. A zone's share, by its id, is (silent sensors, sensors); ALL_ZONES stands for the domain."""

    marks: Marks = field(default_factory=Marks)
    judged_ms: int = NO_TIME_MS
    """The minutes before are judged."""
    minutes: dict[int, dict[str, tuple[int, int]]] = field(default_factory=dict)
    """Minute → zone → share."""
    latest: dict[str, tuple[int, int]] = field(default_factory=dict)
    awaited_ms: dict[str, int] = field(default_factory=dict)
    """Zone that never told a share → the minute since which it should."""
    since_ms: dict[str, int] = field(default_factory=dict)
    """Zone → the minute since which it is silent."""
    alarms: list[str] = field(default_factory=list)
    """Zones that alarm, in the order of their alarms."""


@dataclass
class State:
    """Every domain."""

    domains: dict[str, Domain] = field(default_factory=dict)


def step(state: State, frame: MetricFrame, city: City, config: Config) -> Result[State]:
    """Take the zone's shares; judge the minutes that all zones of the domain have passed, in their order."""
    config = with_numbers(config, city, (KIND,))
    domain = state.domains.setdefault(frame.domain, Domain())
    dropped = _take(domain, frame, city.zones[frame.zone].id)
    domain.marks.advance(frame, city)
    found = _retired(domain, frame.domain, in_minute(city, frame.domain, domain.judged_ms))
    for start_ms in sorted(start for start in domain.minutes if start + MINUTE_MS <= domain.marks.watermark_ms):
        now = in_minute(city, frame.domain, start_ms)
        found += _retired(domain, frame.domain, now)
        shares, here = domain.minutes.pop(start_ms), now.zones_of_domain.get(frame.domain, ())
        domain.latest.update({zone: share for zone, share in shares.items() if zone in here})
        domain.awaited_ms = {zone: since for zone, since in domain.awaited_ms.items() if zone not in shares}
        _await(domain, start_ms, [zone for zone in here if zone not in shares], (now, frame.domain), config)
        domain.judged_ms = start_ms + MINUTE_MS
        for change in _judged(domain, start_ms, config):
            found.append(_detection(domain, frame.domain, change, city, config))
    return Result(state=state, detections=tuple(found), dropped=dropped)


def _retired(domain: Domain, name: str, city: City) -> list[Detection]:
    """Forget the zones that have no sensors of the domain any more → the end of their alarms."""
    here = {*city.zones_of_domain.get(name, ()), ALL_ZONES}
    gone = [zone for zone in {**domain.latest, **domain.since_ms, **domain.awaited_ms} if zone not in here]
    found = []
    for zone in sorted(gone):
        domain.latest.pop(zone, None)
        domain.awaited_ms.pop(zone, None)
        domain.since_ms.pop(zone, None)
        if zone in domain.alarms:
            domain.alarms.remove(zone)
            where = retired.Where(city.id, name, zone)
            found.append(retired.end(where, KIND, f"{FEED_PREFIX}{name}:{zone}", max(domain.judged_ms, 0)))
    return found


def _take(domain: Domain, frame: MetricFrame, zone: str) -> dict[str, int]:
    """Keep the zone's shares → how many rows were not used, and why."""
    rows = frame.rows
    of_feed = np.flatnonzero(rows.metric == SILENT.name)
    repeats = 0
    for row in of_feed.tolist():
        start_ms = int(rows.at_ms[row])
        if start_ms < domain.judged_ms:
            repeats += 1
            continue
        domain.minutes.setdefault(start_ms, {})[zone] = (int(rows.numerator[row]), int(rows.denominator[row]))
    counts = {OTHER_METRIC: len(rows) - len(of_feed), REPEAT: repeats}
    return {reason: count for reason, count in counts.items() if count}


def _await(domain: Domain, start_ms: int, zones: list[str], of: tuple[City, str], config: Config) -> None:
    """Have zones without a share in a minute count as silent, with all sensors that they have then.

    They are those that never spoke, after some time, and those whose last share was of nobody who spoke; where it was
    another, its processor is away, and that says nothing.
    """
    city, name = of
    for zone in zones:
        sensors = city.sensors_of_zone[name, city.zone_code[zone]].tolist()
        silent, total = domain.latest.get(zone, (0, 0))
        if total:
            counts = silent == total
        else:
            longest_s = max(city.sensors[code].interval_s for code in sensors)
            patience_s = max(config.unheard_least_s, config.unheard_intervals_count * longest_s)
            waited_ms = start_ms + MINUTE_MS - domain.awaited_ms.setdefault(zone, start_ms)
            counts = waited_ms >= patience_s * 1000
        if counts:
            domain.latest[zone] = (len(sensors), len(sensors))


class _Change(NamedTuple):
    """An alarm of a zone, or of ALL_ZONES, that began (`on`) or ended."""

    zone: str
    at_ms: int
    on: bool


def _judged(domain: Domain, start_ms: int, config: Config) -> list[_Change]:
    """Judge the domain and its zones at the end of a minute → what changes."""
    shares = dict(sorted(domain.latest.items()))
    shares[ALL_ZONES] = (sum(one for one, _ in shares.values()), sum(total for _, total in shares.values()))
    changes = []
    for zone in (ALL_ZONES, *(zone for zone in shares if zone != ALL_ZONES)):
        silent, total = shares[zone]
        is_out = silent >= max(config.outage_least_count, config.outage_ratio * total)
        if is_out:
            domain.since_ms.setdefault(zone, start_ms)
        else:
            domain.since_ms.pop(zone, None)
        if zone in domain.alarms:
            if not is_out and silent < max(ONE_ALONE + 1, config.back_ratio * total):
                domain.alarms.remove(zone)
                changes.append(_Change(zone, start_ms, on=False))
        elif is_out and (zone == ALL_ZONES or _waited(domain, zone, start_ms, config)):
            domain.alarms.append(zone)
            changes.append(_Change(zone, domain.since_ms[zone], on=True))
    return changes


def _waited(domain: Domain, zone: str, start_ms: int, config: Config) -> bool:
    """Tell whether a zone speaks for itself: the domain does not alarm, and it has waited for it."""
    return ALL_ZONES not in domain.alarms and start_ms - domain.since_ms[zone] >= config.zone_delay_s * 1000


def _detection(domain: Domain, name: str, change: _Change, city: City, config: Config) -> Detection:
    of_domain = change.zone == ALL_ZONES
    shares = domain.latest.values() if of_domain else [domain.latest[change.zone]]
    silent, total = sum(one for one, _ in shares), sum(all_of_it for _, all_of_it in shares)
    zone = change.zone
    level: Level = LEVEL_OF_DOMAIN if of_domain else LEVEL_OF_ZONE
    return Detection(
        city=city.id,
        domain=name,
        kind=KIND,
        entity=f"{FEED_PREFIX}{name}" if of_domain else f"{FEED_PREFIX}{name}:{zone}",
        zone=zone,
        at_ms=change.at_ms,
        known_at_ms=domain.judged_ms,
        level=level if change.on else 0,
        value=silent / max(total, 1),
        limit=config.outage_ratio if change.on else max(config.back_ratio, ONE_ALONE / max(total, 1)),
        basis="own choice",
        evidence={"silent_count": float(silent), "sensor_count": float(total)},
    )


SPEC = Spec(
    domains=EVERY_DOMAIN,
    step=step,
    config=Config,
    state=State,
    drops=(OTHER_METRIC, REPEAT),
    second_level=True,
)
