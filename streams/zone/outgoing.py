"""What a zone has yielded from a frame, as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.broker import dead_letters, topics
from streams.contract.metric_frames import encode_parts
from streams.contract.records import MetricFrame, Rows
from streams.contract.stage import Message

if TYPE_CHECKING:
    from streams.zone.absorb import Output
    from streams.zone.placing import Place
    from streams.zone.state import ZoneState


def messages(place: Place, zone_id: str, state: ZoneState, output: Output, passed: bool) -> list[Message]:
    """Return dead letters, metrics and detections; `passed`: the watermark is news without any rows, too."""
    found = [dead_letters.to_message(letter) for letter in output.dead]
    if output.rows or passed:
        task, city = place
        made = Rows.concat(output.rows)
        frame = MetricFrame(task.domain, task.index, made, state.watermark_ms, sums=task.sums)
        parts = encode_parts(city.id, frame, zone_id, city.version)
        found += [Message(topics.METRICS, zone_id.encode(), part, 0) for part in parts]
    found += [Message(topics.DETECTIONS, one.entity.encode(), msgspec.json.encode(one), 0) for one in output.detections]
    return found
