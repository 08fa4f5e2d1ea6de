"""What a worker of the zone stage holds of one readings partition. Data, and who gets none of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.accounts import zone_hours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.contract.spec import Hosted
    from streams.saving.aside import Aside
    from streams.saving.chains import Chain
    from streams.zone.placing import Placing, Touched
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
    save_due_at: float = 0.0
    touched: dict[str, Touched] = field(default_factory=dict)
    books: dict[str, Any] = field(default_factory=dict)
    version: int = -1
    """The highest version of the city whose zones it has."""
    aside: Aside = field(kw_only=True)
    left_out: frozenset[str] = frozenset()
    """Processors that do not get the frames at hand."""

    def leave_out(self, names: frozenset[str], hosted: Sequence[Hosted]) -> None:
        """Have these processors get nothing from now on; who comes back gets nothing of windows that have begun."""
        if names == self.left_out:
            return
        for one in hosted:
            for state in self.zones.values() if one.name in self.left_out - names else ():
                zone_hours.begin_later(state, one.name, one.window_ms)
        self.left_out = names
        self.placing.leave_out(names)
