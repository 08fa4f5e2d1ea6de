"""The incidents of a state, counted by their alarms as these stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from alerts.desks import ONLY
from alerts.incident import recounted
from alerts.load import places
from alerts.tables import Index, Queue, Table

if TYPE_CHECKING:
    from alerts.alarm import Alarm
    from alerts.incident import Incident
    from alerts.load import Rank
    from alerts.tables import Trail

K = TypeVar("K")


class Groups:
    """Invariant: what `incidents` counts, and `members`, follow from the open alarms."""

    def __init__(self, trail: Trail) -> None:
        self.incidents: Table[str, Incident] = Table(trail)
        """Id → incident that has open alarms."""
        self.ended: Table[str, Incident] = Table(trail)
        """Id → incident as it ended."""
        self.members: Index[str, str] = Index(trail)
        """Incident → ids of its open alarms."""
        self.shown: Table[str, tuple[int, ...]] = Table(trail)
        """Desk → engine times at which it was shown the newest items, besides those of level I."""
        self.raised: Table[tuple[int, str], int] = Table(trail)
        """(ten minutes of engine time by number, desk or `ONLY`: all) → alarms raised in them, but of equipment."""
        self.by_kind: Table[tuple[int, str, int, str], int] = Table(trail)
        """(day, kind, level, desk or `ONLY`) → the same."""
        self.bursts: Table[tuple[str, str, str], tuple[tuple[int, str], ...]] = Table(trail)
        """(city, kind, zone) → engine time and id of the alarms that were raised last, oldest first."""
        self.places: Table[str, int] = Table(trail)
        """Where open alarms stand, as `alerts.load.places` says → how many."""
        self.desk_places: Table[tuple[str, str], int] = Table(trail)
        """(desk, where) → the same, where there are several."""
        self.waiting: dict[str, Queue[Rank]] = {}
        """Desk → what it should be shown."""
        self.releases: Queue[tuple[int, str]] = Queue()
        """(when, incident)."""
        self.changed: set[str] = set()
        """Ids of incidents that were put or ended since `begin`."""
        self.touched_alarms: dict[str, Alarm | None] = {}
        """Id of what the present event has changed → as it was before, None = it was not there."""
        self.touched_incidents: dict[str, Incident | None] = {}

    def put(self, incident: Incident) -> None:
        """Keep an incident as it stands now."""
        before = self.incidents.get(incident.id)
        self.touched_incidents.setdefault(incident.id, before)
        self.changed.add(incident.id)
        self.incidents[incident.id] = incident
        if incident.release_at_ms is not None and (before is None or before.release_at_ms != incident.release_at_ms):
            self.releases.push((incident.release_at_ms, incident.id))

    def count(self, before: Alarm | None, alarm: Alarm | None) -> None:
        """Take note of an alarm that is raised (no `before`), changed, or let go (no `alarm`)."""
        self._count_places(before, alarm)
        left = None if before is None else before.incident
        joined = None if alarm is None else alarm.incident
        if alarm is not None:
            self.touched_alarms.setdefault(alarm.id, before)
            if joined is not None:
                if joined != left:
                    self.members.add(joined, alarm.id)
                self._recount(joined, before if joined == left else None, alarm)
        if before is not None:
            self.touched_alarms.setdefault(before.id, before)
            if left is not None and joined != left:
                self.members.remove(left, before.id)
                self._recount(left, before, None)

    def _count_places(self, before: Alarm | None, alarm: Alarm | None) -> None:
        left = () if before is None else places(before)
        found = () if alarm is None else places(alarm)
        if left != found:
            for those, by in ((left, -1), (found, 1)):
                for place in those:
                    _add(self.places, place, by)
        self._count_at_desks(before, left, alarm, found)

    def _count_at_desks(
        self, before: Alarm | None, left: tuple[str, ...], alarm: Alarm | None, found: tuple[str, ...]
    ) -> None:
        for one, those, by in ((before, left, -1), (alarm, found, 1)):
            if one is not None and one.desk != ONLY:
                for place in those:
                    _add(self.desk_places, (one.desk, place), by)

    def _recount(self, incident_id: str, before: Alarm | None, alarm: Alarm | None) -> None:
        incident = self.incidents[incident_id]
        found = recounted(incident, before, alarm)
        if found is incident:
            return
        self.put(found)
        if found.count == 0:
            del self.incidents[incident_id]
            self.ended[incident_id] = found

    def make_anew(self, alarms: list[Alarm]) -> None:
        """Make what follows from the tables, of a state that was read back."""
        for alarm in alarms:
            self._count_places(None, alarm)
            if alarm.incident is not None:
                self.members.add(alarm.incident, alarm.id)
        self.settled()
        for incident in self.incidents.values():
            if incident.release_at_ms is not None:
                self.releases.push((incident.release_at_ms, incident.id))

    def begin(self) -> None:
        """Note what is changed from now on."""
        self.changed = set()

    def wait(self, rank: Rank) -> None:
        """Have something wait until its desk may be shown it."""
        if rank.desk not in self.waiting:
            self.waiting[rank.desk] = Queue()
        self.waiting[rank.desk].push(rank)

    def settled(self) -> None:
        """Forget what the present event has changed: it is seen to."""
        self.touched_alarms.clear()
        self.touched_incidents.clear()

    def keep(self, most: int) -> None:
        """Let what was changed stand, and forget the incidents that ended long ago."""
        self.ended.shorten(most)
        for queue in self.waiting.values():
            queue.keep()
        self.releases.keep()

    def take_back(self) -> None:
        """Be as at the last `begin`, behind the tables."""
        self.changed = set()
        self.settled()
        for queue in self.waiting.values():
            queue.take_back()
        self.releases.take_back()


def _add(counts: Table[K, int], key: K, by: int) -> None:
    """Count; what comes to nothing is not kept."""
    count = counts.get(key, 0) + by
    if count:
        counts[key] = count
    else:
        counts.discard(key)
