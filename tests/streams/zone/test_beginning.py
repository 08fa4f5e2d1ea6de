"""From when on nothing is missing of frames whose beginning is gone."""

from __future__ import annotations

from streams.contract.frames import FrameHeader
from streams.contract.records import NO_TIME_MS
from streams.zone.beginning import Beginning

MINUTE_MS = 60_000


def header(source: int, mark_ms: int) -> FrameHeader:
    return FrameHeader(city="c", zone="", version="0", source=source, first=(0, 0), last=(0, 0), mark_ms=mark_ms)


def test_from_offset_0_on_all_is_there():
    beginning = Beginning(0, sources=2, late_limit_ms=MINUTE_MS)
    assert beginning.known
    assert not beginning.cut


def test_all_sources_first_marks_say_it_and_the_late_limit_is_added():
    beginning = Beginning(7, sources=2, late_limit_ms=60 * MINUTE_MS)
    beginning.hear(header(0, 5 * MINUTE_MS))
    beginning.hear(header(0, 90 * MINUTE_MS))  # of the same source: not its first
    assert not beginning.known
    beginning.hear(header(1, 6 * MINUTE_MS + 1))
    assert beginning.known
    assert beginning.cut
    assert beginning.whole_ms(MINUTE_MS) == 67 * MINUTE_MS  # 6 min and a bit, an hour, and the minute that this cuts
    assert beginning.whole_ms(60 * MINUTE_MS) == 120 * MINUTE_MS


def test_where_no_source_had_a_mark_nothing_was_before():
    beginning = Beginning(7, sources=1, late_limit_ms=60 * MINUTE_MS)
    beginning.hear(header(0, NO_TIME_MS))
    assert beginning.whole_ms(MINUTE_MS) == MINUTE_MS
