"""What a zone has yielded from a frame, as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.broker import dead_letters, topics
from streams.contract.durations import MINUTE_MS
from streams.contract.records import MetricFrame, Rows, level_change
from streams.contract.stage import Message
from streams.errors import ProcessorError
from streams.health.yielded import encode_made

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.contract.records import LevelChange
    from streams.health.stepping import Stepping
    from streams.zone.absorb import Output, Place
    from streams.zone.state import ZoneState

WATERMARK_NEWS_MS = MINUTE_MS
"""A watermark that moved alone is published when it passes a multiple of this, the second level's shortest window."""


def is_news(before_ms: int, watermark_ms: int, lag_ms: int) -> bool:
    """Tell whether a watermark has passed the end of a window, or that and the longest lag of its domain."""
    passed = ((before_ms - lag, watermark_ms - lag) for lag in (0, lag_ms))
    return any(after // WATERMARK_NEWS_MS > before // WATERMARK_NEWS_MS for before, after in passed)


def levels_of(output: Output) -> tuple[LevelChange, ...]:
    """Return what the second level reads of the detections."""
    return tuple(level_change(one) for one, _ in output.detections)


def messages(place: Place, zone_id: str, state: ZoneState, output: Output, passed: bool) -> list[Message]:
    """Return dead letters, metrics and detections; `passed`: the watermark is news without any rows, too.

    Raises ProcessorError.
    """
    found = [dead_letters.to_message(letter) for letter in output.dead]
    if output.made or output.detections or passed:
        task, city = place
        levels = levels_of(output)
        frame = MetricFrame(task.domain, task.index, Rows.empty(), state.watermark_ms, sums=task.sums, levels=levels)
        parts = encode_made(city.id, frame, output.made, zone_id, city.version)
        found += [Message(topics.METRICS, zone_id.encode(), part, 0) for part in parts]
    return found + [message for _, message in output.detections]


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
