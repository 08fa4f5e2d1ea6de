"""A recording through the zone stage and, for a processor of the second level, through what reads its metrics.

The stages' own pure functions do the work, with nothing around them: what comes out is what the city would show. The
processor's steps are timed by themselves. After the last reading, one usual interval of the domain's sensors passes,
and their longest lag, and with them every window that ends by then.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from deploy.trial.recording import Piece, zones_of
from streams.broker import topics
from streams.contract.durations import DAY_MS, MINUTE_MS
from streams.contract.frames import ALL_ZONES, LAST_PLACE, FrameHeader
from streams.contract.records import NO_TIME_MS, Detection, MetricFrame, Result, Rows
from streams.contract.spec import Hosted
from streams.domains.schema import late_limit_ms
from streams.saving import state as state_codec
from streams.zone import outgoing
from streams.zone.absorb import Place, Read, ZoneTask, absorb
from streams.zone.state import ZoneState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from deploy.trial.recording import Recording
    from streams.zone.absorb import Output

AFTER_ALL = (2**62, LAST_PLACE)
"""Where the mark stands that ends a recording."""


@dataclass
class Outcome:
    """What a processor made of a recording."""

    rows: list[Rows] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    """Declared reason → what the processor did not use: readings, or at the second level rows of metrics."""
    admission: Counter[str] = field(default_factory=Counter)
    """Of the zone stage: in_frames, duplicates, conflicts, too_late."""
    handed: int = 0
    """Readings, or rows of metrics, that the processor was given."""
    first_ms: int | None = None
    last_ms: int | None = None
    heard: set[tuple[int, str]] = field(default_factory=set)
    """(day of event time, sensor id): who had readings on which day, UTC."""
    step_ns: int = 0
    """Processor time of the processor's own steps."""
    whole_ns: int = 0
    """Processor time of everything, from the recorded bytes on."""
    state_bytes: int = 0
    states: int = 0


class Trial:
    """One run of a processor. `behind` are the first-level ones whose metrics a second-level one reads."""

    def __init__(self, recording: Recording, tried: Hosted, behind: Sequence[Hosted] = ()) -> None:
        self._recording = recording
        self._tried = tried
        self._behind = behind
        self._zones: dict[tuple[str, int], ZoneState] = {}
        self._second: Any = None
        self._outcome = Outcome()
        self._measured = Hosted(tried.name, replace(tried.spec, step=self._step), tried.config)

    def run(self, from_ms: int | None = None, until_ms: int | None = None) -> Outcome:
        """Take the recording in, or its event times from_ms <= t < until_ms."""
        outcome = self._outcome
        began_ns = time.thread_time_ns()
        for piece in self._recording.pieces:
            self._take(_within(piece, from_ms, until_ms))
        states = self._states()
        outcome.states = len(states)
        outcome.state_bytes = sum(len(state_codec.encode(state)) for state in states)
        for piece in self._ends(until_ms):
            self._take(piece)
        outcome.whole_ns = time.thread_time_ns() - began_ns
        for state in self._zones.values():
            for one in state.counts.values():
                for name in ("in_frames", "duplicates", "conflicts", "too_late"):
                    outcome.admission[name] += getattr(one, name)
        return outcome

    def _step(self, state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:  # noqa: ANN401 - as `Spec.step`
        began_ns = time.thread_time_ns()
        result = self._tried.spec.step(state, frame, city, config)
        self._outcome.step_ns += time.thread_time_ns() - began_ns
        self._outcome.handed += len(frame.rows) if self._tried.spec.second_level else len(frame)
        self._outcome.dropped.update({reason: int(count) for reason, count in result.dropped.items() if count})
        if len(result.rows):
            self._outcome.rows.append(result.rows)
        self._outcome.detections.extend(result.detections)
        return result

    def _take(self, piece: Piece) -> None:
        hosted = self._behind if self._tried.spec.second_level else (self._measured,)
        inbox = topics.inbox(piece.domain)
        if piece.rows is not None and len(piece.rows.at_ms):
            self._seen(int(piece.rows.at_ms.min()), int(piece.rows.at_ms.max()))
            pairs = np.unique(np.stack([piece.rows.at_ms // DAY_MS, piece.rows.sensor]), axis=1)
            self._outcome.heard.update((day, piece.header.sensors[code]) for day, code in pairs.T.tolist())
        for index in piece.zones:
            mine = [one for one in hosted if one.spec.takes(piece.domain)]
            sources, limit_ms = self._recording.sources[piece.domain], late_limit_ms(piece.domain)
            zone = ZoneTask(piece.domain, index, inbox, sources, mine, late_limit_ms=limit_ms)
            state = self._zones.setdefault((piece.domain, index), ZoneState())
            before_ms = state.watermark_ms
            place = Place(zone, self._recording.city)
            reads = [] if piece.rows is None else [Read(place, piece.header, piece.rows)]
            *_, output = absorb(place, state, piece.header, reads)
            if self._tried.spec.second_level:
                self._fold(zone, state, before_ms, output)

    def _fold(self, zone: ZoneTask, state: ZoneState, before_ms: int, output: Output) -> None:
        """Hand the zone's metrics on when the zone stage would send them."""
        lag_ms = self._recording.city.longest_lag_ms.get(zone.domain, 0)
        if not (output.made or output.detections or outgoing.is_news(before_ms, state.watermark_ms, lag_ms)):
            return
        frame = MetricFrame(
            zone.domain,
            zone.index,
            Rows.concat([rows for _, rows in output.made]),
            state.watermark_ms,
            sums=zone.sums,
            levels=outgoing.levels_of(output),
        )
        if self._second is None:
            self._second = self._tried.spec.state()
        self._second = self._step(self._second, frame, self._recording.city, self._tried.config).state

    def _seen(self, first_ms: int, last_ms: int) -> None:
        outcome = self._outcome
        outcome.first_ms = first_ms if outcome.first_ms is None else min(outcome.first_ms, first_ms)
        outcome.last_ms = last_ms if outcome.last_ms is None else max(outcome.last_ms, last_ms)

    def _states(self) -> list[Any]:
        if self._tried.spec.second_level:
            return [] if self._second is None else [self._second]
        held = [state.processors.get(self._tried.name) for state in self._zones.values()]
        return [one for one in held if one is not None]

    def _ends(self, until_ms: int | None) -> Iterator[Piece]:
        """Yield marks that close what the last readings left open."""
        city = self._recording.city
        for domain, sources in self._recording.sources.items():
            last_ms = max((state.seen.newest_ms for state in _of(self._zones, domain)), default=NO_TIME_MS)
            if last_ms == NO_TIME_MS:
                continue
            usual_ms = _usual_interval_ms([one.interval_s for one in city.sensors if one.domain == domain])
            end_ms = -(-(last_ms + usual_ms) // MINUTE_MS) * MINUTE_MS + city.longest_lag_ms.get(domain, 0)
            end_ms = end_ms if until_ms is None else min(end_ms, until_ms)
            for source in range(sources):
                header = FrameHeader(
                    city=city.id,
                    zone=ALL_ZONES,
                    version=city.version,
                    source=source,
                    first=AFTER_ALL,
                    last=AFTER_ALL,
                    mark_ms=end_ms,
                )
                yield Piece(domain, zones_of(city, domain), header, None)


def _of(zones: dict[tuple[str, int], ZoneState], domain: str) -> Iterable[ZoneState]:
    return (state for (name, _), state in zones.items() if name == domain)


def _usual_interval_ms(intervals_s: Sequence[float]) -> int:
    return int(np.median(intervals_s) * 1000)


def _within(piece: Piece, from_ms: int | None, until_ms: int | None) -> Piece:
    """Leave out the rows outside; a mark outside does not move the watermark there."""
    if from_ms is None and until_ms is None:
        return piece
    low_ms, high_ms = NO_TIME_MS if from_ms is None else from_ms, -NO_TIME_MS if until_ms is None else until_ms
    mark_ms = piece.header.mark_ms
    mark_ms = NO_TIME_MS if mark_ms < low_ms else min(mark_ms, high_ms)
    header, rows = msgspec.structs.replace(piece.header, mark_ms=mark_ms), piece.rows
    if rows is not None:
        rows = rows.take((rows.at_ms >= low_ms) & (rows.at_ms < high_ms))
    return piece._replace(header=header, rows=rows)
