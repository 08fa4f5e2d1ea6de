"""What a worker of the zone stage holds of one readings partition. Data, and who gets none of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.accounts import zone_hours

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from streams.contract.spec import Hosted
    from streams.saving.aside import Aside
    from streams.saving.chains import Chain
    from streams.zone.absorb import ZoneTask
    from streams.zone.state import ZoneState


@dataclass
class Partition:
    """What this worker holds of one readings partition."""

    domain: str
    partition: int
    inbox_partitions: int
    readings_partitions: int
    chain: Chain
    zones: dict[str, ZoneState] = field(default_factory=dict)
    offset: int = 0
    """Next offset to absorb."""
    saved_offset: int = 0
    save_due_at: float = 0.0
    touched: dict[str, list[NDArray[np.int32]]] = field(default_factory=lambda: defaultdict(list))
    books: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, ZoneTask] = field(default_factory=dict)
    """Zone id → what is fixed about it in the city at hand."""
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
        self.fixed.clear()
