"""What Kafka has deleted and a stage has not read, though nobody has booked it: the stage is away, or just coming.

The supervisor's tail reader says where each partition begins, the pulses how far each stage is; both stay in the data
folder when the city stops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.supervision import pulses, tail
from streams.accounts.losses import Loss
from streams.broker import topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from deploy.supervision.pulses import PartPulse
    from deploy.supervision.tail import Tail

STILL_MS = 10_000
"""A pulse so much older than the tail is of a process that does not go on."""
VIEW = "live"
"""The group that shows the newest of what there is."""


def unbooked(data: Path, known: Iterable[Loss]) -> list[Loss]:
    """Compare what was left in a data folder with the losses that are booked → those that are not."""
    found = tail.read(data)
    return [] if found is None else compare(found, pulses.read(data), known)


def compare(found: Tail, beats: Mapping[str, PartPulse], known: Iterable[Loss]) -> list[Loss]:
    """Return a loss for each partition that begins behind what its stage has read or booked as lost."""
    at: dict[tuple[str, str, int], int] = {}
    for pulse in beats.values():
        if not found.at_ms - STILL_MS < pulse.at_ms < found.at_ms:  # else it may have gone on before the tail looked
            for one in pulse.partitions:
                place = (one.group, one.topic, one.partition)
                at[place] = max(at.get(place, 0), one.absorbed)
    for loss in known:  # in the order of their offsets
        place = (loss.lost_by, loss.topic, loss.partition)
        if loss.from_offset <= at.get(place, -1):
            at[place] = max(at[place], loss.to_offset)
    begin = {(one.topic, one.partition): one.begin for one in found.partitions}
    return [
        Loss(
            lost_by=group,
            topic=topic,
            partition=partition,
            from_offset=absorbed,
            to_offset=begin[topic, partition],
            after_ms=None,
            before_ms=found.at_ms,
            noticed_ms=found.at_ms,
        )
        for (group, topic, partition), absorbed in sorted(at.items())
        if group != VIEW and topic != topics.LIVE and begin.get((topic, partition), 0) > absorbed
    ]
