"""What a worker of the zone stage holds of one readings partition. Data, and who gets none of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.accounts import zone_hours
from streams.zone.absorb import leave_out
from streams.zone.placing import Touched

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from streams.contract.spec import Hosted
    from streams.saving.aside import Aside
    from streams.saving.chains import Chain
    from streams.zone.absorb import Place
    from streams.zone.placing import Placing
    from streams.zone.rebuilding import Rebuild
    from streams.zone.state import ZoneState


@dataclass
class Partition:
    """What this worker holds of one readings partition."""

    domain: str
    partition: int
    inbox_partitions: int
    readings_partitions: int
    placing: Placing
    chain: Chain
    zones: dict[str, ZoneState] = field(default_factory=dict)
    offset: int = 0
    """Next offset to absorb."""
    saved_offset: int = 0
    """As `offset` when the state was saved; -1 = it must be."""
    state_offset: int = 0
    """Up to which frame the saved state goes: from there on a process that starts takes them again."""
    save_due_at: float = 0.0
    touched: dict[str, list[Touched]] = field(default_factory=dict)
    """Zone id → by each city of the newest version that its rows were read by: who was moved is where it was, too."""
    books: dict[str, Any] = field(default_factory=dict)
    version: int = -1
    """The highest version of the city whose zones it has."""
    aside: Aside = field(kw_only=True)
    left_out: frozenset[str] = frozenset()
    """Processors that do not get the frames at hand."""
    unsent_since: dict[str, int] = field(default_factory=dict)
    """Processor → offset of the frame from which on nobody sent its detections; one that is not there: from 0."""
    rebuild: Rebuild | None = None
    """Processors that are rebuilt beside."""

    def beside(self, hosted: Sequence[Hosted]) -> Partition:
        """Return the same partition as it was when nothing had come, with other processors."""
        return Partition(
            self.domain,
            self.partition,
            self.inbox_partitions,
            self.readings_partitions,
            self.placing.beside(hosted),
            self.chain,
            aside=self.aside,
        )

    def resumed(self, hosted: Sequence[Hosted]) -> None:
        """Take in again who is not set aside any more."""
        for name, note in self.aside.notes.items():
            self.unsent_since[name] = note.offset
        self.leave_out(self.aside.left_out(self.offset), hosted)

    def missing(self, hosted: Sequence[Hosted]) -> list[Hosted]:
        """List the processors that have no state although something was admitted, and are not set aside."""
        out = self.aside.left_out(self.offset)
        begun = [state for state in self.zones.values() if any(one.in_frames for one in state.counts.values())]
        return [
            one for one in hosted if one.name not in out and any(one.name not in state.processors for state in begun)
        ]

    def touch(self, zone_id: str, place: Place, sensors: NDArray[np.int32]) -> None:
        """Note sensors of a zone whose provisional values have changed."""
        of_zone = self.touched.setdefault(zone_id, [])
        if of_zone and of_zone[0].place.city.number != place.city.number:  # those of an older one are not waited for
            of_zone.clear()
        found = next((one for one in of_zone if one.place.city is place.city), None)
        if found is None:
            of_zone.append(found := Touched(place, []))
        found.sensors.append(sensors)

    def leave_out(self, names: frozenset[str], hosted: Sequence[Hosted]) -> None:
        """Have these processors get nothing from now on; who comes back gets nothing of windows that have begun."""
        if names == self.left_out:
            return
        for one in hosted:
            for state in self.zones.values():
                if one.name in names:
                    leave_out(state, one)
                elif one.name in self.left_out:
                    zone_hours.begin_later(state, one.name, one.window_ms)
        self.left_out = names
        self.placing.leave_out(names)
