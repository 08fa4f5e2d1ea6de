"""What one screen shows, in blocks, from the merged live state: the shape of the stream's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard import alarm_list, pipeline, sources
from dashboard.alarm_book import ALL, AlarmBook
from dashboard.alarm_list import load_of
from dashboard.cards import card_of
from dashboard.days import LONGEST, SLOT_MS, faces
from dashboard.labels import as_json
from dashboard.mirror import Mirror, city_now_ms
from dashboard.roads import tally
from dashboard.tracks import Track
from dashboard.view import View
from dashboard.vitals import (
    SHOWN,
    TRENDS_SHOWN,
    Figure,
    Row,
    Vital,
    choose,
    figure,
    is_left_behind,
    judge,
    rows_of,
    trends,
    vitals,
)
from processors.maths.measures import FEED_PREFIX, SILENT
from streams.city.local_days import midnight_ms
from streams.contract.durations import HOUR_S, MINUTE_MS

if TYPE_CHECKING:
    from dashboard.alarm_list import Sending
    from dashboard.config import WallConfig
    from dashboard.sources import Source

SPARK_LENGTH, SPARK_HOURS = 60, 24
"""A sparkline is of an hour, by the minute; that of a figure which comes by the hour is of a day."""
SLOW_BLOCK_MS = 1000
TREND_BLOCK_MS = 5000
SETTLED_MS = 3 * MINUTE_MS
"""So long after the first figure, a tile that has never had one is not waited for."""
CORRIDORS_SHOWN = 5


def spark(vital: Vital) -> Track:
    """Return an empty sparkline for a tile."""
    return Track(vital.window_s * 1000, SPARK_LENGTH if vital.window_s < HOUR_S else SPARK_HOURS)


class Screen:
    """Turns the mirror into blocks.

    Invariant: `blocks` holds what the last `update` made; the names are those of the stream.
    """

    def __init__(self, config: WallConfig, mirror: Mirror) -> None:
        self.config, self.mirror = config, mirror
        self.view = View(config.city, config.build)
        """The version of the city that is shown."""
        self._rate = pipeline.Rate()
        self.sparks = {vital.id: spark(vital) for vital in vitals()}
        self.days = {vital.id: Track(SLOT_MS, LONGEST) for vital in trends()}
        self.bands: dict[str, tuple[int, list[list[float] | None]]] = {}
        """Trend → (start of the local day it is for, band per slot)."""
        self.seen: set[str] = set()
        self.sending: dict[str, Sending] = {}
        self._book = AlarmBook()
        self._touched = 0
        """Changes of alarms and incidents so far."""
        self.blocks: dict[str, Any] = {}
        self._slow_at_ms = self._trends_at_ms = self._clock_ms = 0
        self._settled_at_ms: int | None = None

    def move_to(self, view: View) -> None:
        """Show another version of the city; a tile that nobody in it has a row for is not waited for."""
        self.view = view
        self.blocks = {}
        self.seen = {vital.id for vital in vitals() if vital.id in self.seen and self._rows(vital)}
        self._slow_at_ms = self._trends_at_ms = 0

    def now_ms(self, wall_ms: int) -> int:
        """Return the city's time."""
        return city_now_ms(self.mirror.clock, wall_ms)

    def speed(self) -> float:
        """Return how fast the city's clock runs."""
        return float(self.mirror.clock.get("speed", 1.0))

    def update(self, kinds: set[str], wall_ms: int) -> dict[str, Any]:
        """Make the blocks anew that `kinds` or the time concern; return those that differ from before."""
        self._clock_ms = wall_ms
        slow = wall_ms - self._slow_at_ms >= SLOW_BLOCK_MS
        made: dict[str, Any] = {}
        if "city" in kinds or not self.blocks:
            made["city"] = self._city()
        if kinds & {"alarms", "incidents", "sending"} or not self.blocks:
            made |= self._alarms()
        if "metrics" in kinds or slow:
            made["vitals"] = self._vitals(wall_ms)
        if slow:
            self._slow_at_ms = wall_ms
            made |= self._slow(wall_ms)
        if wall_ms - self._trends_at_ms >= TREND_BLOCK_MS or "trends" in kinds:
            self._trends_at_ms = wall_ms
            made["trends"] = self._trends(wall_ms)
        changed = {name: block for name, block in made.items() if self.blocks.get(name) != block}
        self.blocks |= changed
        return changed

    def alarm_row(self, alarm: dict[str, Any]) -> dict[str, Any]:
        """Return one alarm as the list and the API show it."""
        place = self.view.places.find(alarm["entity"], alarm["zone"])
        card = card_of(alarm, self.mirror.incidents, self.mirror.alarms)
        row = alarm_list.row(alarm, place, self.sending.get(alarm["id"]), card)
        until_ms = alarm.get(f"{row['standing']}_until_ms")
        return row | {"until_ms": None if until_ms is None else self.now_ms(until_ms)}

    def shown_vitals(self) -> tuple[Vital, ...]:
        """Return the tiles of this city; once it has run for a while, only those that ever had data."""
        if self._settled_at_ms is not None and self._clock_ms >= self._settled_at_ms:
            return choose([vital for vital in vitals() if vital.id in self.seen], self.view.names, self.seen, SHOWN)
        return choose(vitals(), self.view.names, self.seen, SHOWN)

    def figure(self, vital: Vital) -> Figure:
        """Return a tile's figure."""
        return figure(vital, self._rows(vital), self.view.sensor_s)

    def _rows(self, vital: Vital) -> list[tuple[str, Row]]:
        return rows_of(vital, self.mirror.metrics, self.view.city)

    def day_start_ms(self, now_ms: int, days_ago: int = 0) -> int:
        """Return the local midnight before a time."""
        return midnight_ms(self.view.city.time_zone, now_ms, days_ago)

    def faces(self, start_ms: int) -> tuple[int, ...]:
        """Return where the clock stands at each slot of the local day that begins then."""
        return faces(self.view.city.time_zone, start_ms)

    def _city(self) -> dict[str, Any]:
        found = self.mirror.city
        return {
            "mode": found.get("mode", self.config.mode),
            "speed": self.mirror.clock.get("speed", found.get("speed", 1.0)),
            "time_zone": self.view.city.time_zone,
            "clock": {name: one for name, one in self.mirror.clock.items() if name != "earlier"} or None,
        }

    def _alarms(self) -> dict[str, Any]:
        for alarm_id in [key for key in self.sending if self._settled(key)]:
            del self.sending[alarm_id]
        book = self.book()
        return {
            "alarms": self._list(book, ALL),
            **{f"alarms:{desk}": self._list(book, desk) for desk in book.desks},
            "matrix": alarm_list.matrix(book.cells(), self.view.city.zone_code, self.view.domain_code),
            "touched": self._touched,
        }

    def _list(self, book: AlarmBook, desk: str) -> dict[str, Any]:
        """Return the first alarms of all, or of a desk, as rows, and their counts."""
        rows = [self.alarm_row(self.mirror.alarms[name]) for name in book.top(alarm_list.SHOWN, desk)]
        return {"rows": rows, **book.counts(desk)}

    def book(self) -> AlarmBook:
        """Return the open alarms in order, as the mirror has them now."""
        mirror = self.mirror
        alarms, mirror.changed_alarms = mirror.changed_alarms, set()
        incidents, mirror.changed_incidents = mirror.changed_incidents, set()
        self._touched += len(alarms) + len(incidents)
        self._book.take(alarms, mirror.alarms, mirror.incidents, incidents)
        return self._book

    def _settled(self, alarm_id: str) -> bool:
        alarm = self.mirror.alarms.get(alarm_id)
        return alarm is None or bool(alarm["acknowledged"])

    def sources(self, wall_ms: int) -> dict[str, Source]:
        """Return how each domain stands."""
        feeds, since_ms, speed = self.mirror.feeds, self.config.started_ms, self.speed()
        return {
            domain: sources.source(feeds.get(domain), self.view.intervals_s[domain], since_ms, wall_ms, speed)
            for domain in self.view.names
        }

    def living(self, wall_ms: int) -> dict[str, Any]:
        """Return from what a page tells whether it is live; see `docs/wall.md`, block `link`."""
        return sources.living(self.sources(wall_ms).values(), self.silent_parts(wall_ms))

    def silent_parts(self, wall_ms: int) -> dict[str, float | None]:
        """Return what of the way from Kafka to the page is silent → for how long, None = never heard."""
        return sources.silent_parts(self._parts(), wall_ms)

    def late_domains(self, wall_ms: int) -> set[str]:
        """Return the domains whose values are not to be taken for the present."""
        now_ms, speed, feeds = self.now_ms(wall_ms), self.speed(), self.mirror.feeds
        return {
            domain
            for domain, source in self.sources(wall_ms).items()
            if source.state != "live"
            or sources.is_behind(feeds.get(domain), self.view.intervals_s[domain], now_ms, speed)
        }

    def _parts(self) -> dict[str, dict[str, Any]]:
        """Return the pulses of this start of the stack."""
        started_ms = self.config.started_ms
        return {name: part for name, part in self.mirror.parts.items() if part["at_ms"] >= started_ms}

    def _vitals(self, wall_ms: int) -> list[dict[str, Any]]:
        late = self.late_domains(wall_ms)
        for vital in vitals():
            found = self.figure(vital)
            if found.value is not None and found.at_ms is not None:
                self.seen.add(vital.id)
                self._settled_at_ms = self._settled_at_ms or wall_ms + SETTLED_MS
                self.sparks[vital.id].put(found.at_ms, round(found.value, 4))
                if vital.id in self.days:
                    self.days[vital.id].put(found.at_ms, round(found.value, 4))
        return [self._tile(vital, vital.domain in late) for vital in self.shown_vitals()]

    def _tile(self, vital: Vital, late: bool) -> dict[str, Any]:
        found = self.figure(vital)
        coverage = found.coverage_ratio
        return {
            "id": vital.id,
            "state": judge(vital, found, late or self._is_left_behind(vital, found)),
            "value": None if found.value is None else round(found.value, 4),
            "at_ms": found.at_ms,
            "label": found.state,
            "coverage": None if coverage is None else round(coverage, 2),
            "domain": vital.domain,
            "entity": found.entity,
        }

    def _is_left_behind(self, vital: Vital, found: Figure) -> bool:
        """Say whether the domain goes on without a figure, by how far its feed's own has come."""
        feed = self.mirror.metrics.get(SILENT.name, {}).get(f"{FEED_PREFIX}{vital.domain}", {})
        lag_ms = self.view.city.longest_lag_ms.get(vital.domain, 0)
        every_s = max(self.view.slowest_s[vital.domain], vital.window_s)
        return is_left_behind(found, feed.get("at_ms"), every_s, lag_ms)

    def _slow(self, wall_ms: int) -> dict[str, Any]:
        mirror = self.mirror
        late = self.late_domains(wall_ms)
        parts, city = self._parts(), self.view.city
        return {
            "sources": [self._source(domain, domain in late) for domain in self.view.names],
            "pipeline": {
                "in_per_s": self._rate.take(mirror.books, wall_ms),
                **pipeline.lag(parts),
                "dead_letters": pipeline.dead_letters(mirror.books),
                "parts": pipeline.parts_view(parts, wall_ms),
                "troubles": [as_json(trouble) for trouble in self.config.troubles()],
            },
            "roads": {
                "worst": self.view.corridors.worst(mirror.segments, CORRIDORS_SHOWN),
                **tally(mirror.segments, city.segment_code, len(city.segments)),
            },
            "sparks": {vital.id: self.sparks[vital.id].values() for vital in self.shown_vitals()},
            "load": load_of(mirror.books),
        }

    def _source(self, domain: str, late: bool) -> dict[str, Any]:
        feed = self.mirror.feeds.get(domain)
        silent = None if feed is None else feed.get("silent_ratio")
        return {"domain": domain, "late": late, "at_ms": None if feed is None else feed["at_ms"], "silent": silent}

    def _trends(self, wall_ms: int) -> list[dict[str, Any]]:
        start_ms = self.day_start_ms(self.now_ms(wall_ms))
        chosen = choose(trends(), self.view.names, self.seen, TRENDS_SHOWN)
        out = []
        for vital in chosen:
            day, band = self.bands.get(vital.id, (0, []))
            values = self.days[vital.id].since(start_ms, len(self.faces(start_ms)))
            usual = band if day == start_ms else []
            out.append({"id": vital.id, "start_ms": start_ms, "step_ms": SLOT_MS, "values": values, "band": usual})
        return out
