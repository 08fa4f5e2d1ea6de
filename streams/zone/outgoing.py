"""What a zone has yielded from a frame, as messages.

The second level hears of each level as it changes. Every ten minutes of event time it is told what stands, too: who has
not heard of its beginning, for it begins anew or Kafka has deleted that, knows it from then on.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from streams.broker import dead_letters, topics
from streams.contract.durations import MINUTE_MS
from streams.contract.records import Detection, MetricFrame, Rows, level_change
from streams.contract.stage import Message
from streams.errors import ProcessorError
from streams.health.yielded import encode_made, standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.contract.records import LevelChange
    from streams.health.stepping import Stepping
    from streams.zone.absorb import Output, Place, ZoneTask
    from streams.zone.state import ZoneState

WATERMARK_NEWS_MS = MINUTE_MS
"""A watermark that moved alone is published when it passes a multiple of this, the second level's shortest window."""


STANDS_EVERY_MS = 10 * MINUTE_MS
"""What stands is told whenever the watermark passes a multiple of this."""


def is_news(before_ms: int, watermark_ms: int, lag_ms: int) -> bool:
    """Tell whether a watermark has passed the end of a window, or that and the longest lag of its domain."""
    passed = ((before_ms - lag, watermark_ms - lag) for lag in (0, lag_ms))
    return any(after // WATERMARK_NEWS_MS > before // WATERMARK_NEWS_MS for before, after in passed)


def levels_of(output: Output) -> tuple[LevelChange, ...]:
    """Return what the second level reads of the detections."""
    return tuple(level_change(one) for one, _ in output.detections)


def messages(place: Place, zone_id: str, state: ZoneState, output: Output, before_ms: int) -> list[Message]:
    """Return dead letters, metrics and detections; `before_ms`: the watermark before, which may be news by itself.

    Raises ProcessorError.
    """
    found = [dead_letters.to_message(letter) for letter in output.dead]
    task, city = place
    passed = is_news(before_ms, state.watermark_ms, city.longest_lag_ms.get(task.domain, 0))
    if output.made or output.detections or passed:
        frame = MetricFrame(
            task.domain,
            task.index,
            Rows.empty(),
            state.watermark_ms,
            sums=task.sums,
            levels=levels_of(output),
            stands=_stands(task, state, before_ms),
        )
        parts = encode_made(city.id, frame, output.made, zone_id, city.version)
        found += [Message(topics.METRICS, zone_id.encode(), part, 0) for part in parts]
    return found + [message for _, message in output.detections]


def _stands(task: ZoneTask, state: ZoneState, before_ms: int) -> tuple[LevelChange, ...]:
    """Return what stands, where it is to be told now."""
    if before_ms // STANDS_EVERY_MS == state.watermark_ms // STANDS_EVERY_MS:
        return ()
    its = state.processors
    ours = [one for one in task.hosted if one.spec.stands is not None and one.name in its]
    return tuple(level for one in ours for level in task.stepping.call(one.name, partial(standing, one, its[one.name])))


def found_in_silence(domain: str, zones: Mapping[str, ZoneState], sent: Sequence[Message]) -> list[Message]:
    """Return for the second level what detections say that a rebuilt processor has found, and nobody had sent.

    A level counts for it from now on although its time has passed; an end is one whenever it comes.
    """
    found = [msgspec.json.decode(one.value or b"", type=Detection) for one in sent]
    messages = []
    for zone_id, state in zones.items():
        mine = [one for one in found if one.zone == zone_id]
        levels, stands = ([level_change(one) for one in mine if (one.level > 0) == up] for up in (False, True))
        if mine:
            rows, city = Rows.empty(), mine[0].city
            frame = MetricFrame(domain, 0, rows, state.watermark_ms, levels=tuple(levels), stands=tuple(stands))
            parts = encode_made(city, frame, [], zone_id, str(state.version))
            messages += [Message(topics.METRICS, zone_id.encode(), part, 0) for part in parts]
    return messages


def live(city_id: str, made: Mapping[str, Sequence[tuple[str, Rows]]], stepping: Stepping) -> list[Message]:
    """Return provisional rows, domain → processor and rows of each; whose cannot be sent gives none any more."""
    found = []
    for domain, of_domain in made.items():
        try:
            parts = encode_made(city_id, MetricFrame(domain, -1, Rows.empty(), 0), of_domain)
            found += [Message(topics.LIVE, domain.encode(), part, 0) for part in parts]
        except ProcessorError as exc:
            stepping.mute(exc)
    return found
