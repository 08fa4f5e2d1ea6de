"""The picture of a trial: round ticks in local time, a line broken where nothing is known, steps that hold."""

from __future__ import annotations

import doctest
import re
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from deploy.terminal import columns
from deploy.trial import chart, page
from deploy.trial.chart import Chart, Line, draw, time_ticks

HOUR_MS = 3_600_000
MIDNIGHT_MS = 1_772_294_400_000
"""2026-02-28T16:00Z, midnight in Shanghai."""
SHANGHAI, COPENHAGEN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Copenhagen")
NAN = float("nan")


@pytest.mark.parametrize("module", [columns, page, chart], ids=lambda module: module.__name__)
def test_examples_in_the_docstrings(module: object):
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]  # a module
    assert (failed, tried > 0) == (0, True)


def test_ticks_stand_at_round_local_times():
    found = time_ticks(MIDNIGHT_MS - 30 * 60_000, MIDNIGHT_MS + 2 * HOUR_MS, SHANGHAI)
    assert [name for _, name in found] == [
        "23:30",
        "23:45",
        "03-01",
        "00:15",
        "00:30",
        "00:45",
        "01:00",
        "01:15",
        "01:30",
        "01:45",
        "02:00",
    ]
    assert found[2][0] == MIDNIGHT_MS


def test_ticks_stay_round_when_the_clock_is_set_forward():
    """29 March 2026, 01:00Z: from 02:00 to 03:00 there is no local time."""
    begin_ms = 1_774_735_200_000  # 2026-03-28T22:00Z, 23:00 there
    found = time_ticks(begin_ms, begin_ms + 10 * HOUR_MS, COPENHAGEN)
    assert [name for at_ms, name in found if at_ms >= begin_ms + 5 * HOUR_MS][:3] == ["05:00", "06:00", "07:00"]
    assert len({at_ms for at_ms, _ in found}) == len(found)


def paths(lines: list[Line], heights: tuple[str, ...] = ()) -> list[str]:
    """The drawn lines of a picture over ten minutes, 109 points of width a minute."""
    picture = draw(Chart("t", "a", SHANGHAI, (MIDNIGHT_MS, MIDNIGHT_MS + 600_000), lines, heights))
    drawn = ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}path")  # noqa: S314 - our own picture
    return [re.sub(r"\.0(?=\D|$)", "", path.get("d", "")) for path in drawn if path.get("fill")]


def line(minutes: list[int], values: list[float]) -> Line:
    return Line("x", np.array([MIDNIGHT_MS + 60_000 * minute for minute in minutes]), np.array(values))


def test_a_line_is_broken_where_nothing_is_known():
    [path] = paths([line([0, 1, 2, 3], [0.0, 5.0, NAN, 5.0])])
    assert path == "M80 400h0L189 60M407 60h0"  # 1090 / 10 a minute; 0 is at the bottom, 5 at the top


def test_a_line_is_broken_at_a_gap():
    [path] = paths([line([0, 1, 2, 8], [0.0, 5.0, 5.0, 5.0])])
    assert path.count("M") == 2


def test_a_level_holds_until_the_next_and_to_the_end():
    [path] = paths([line([1, 3], [1.0, 0.0])], ("normal", "IV"))
    assert path == "M189 60h0H407L407 400H1170"


def test_names_are_text_whatever_they_hold():
    picture = draw(Chart("<b>", "&", SHANGHAI, (0, 60_000), [Line("a<b", np.array([0]), np.array([1.0]))]))
    texts = [node.text for node in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - our own
    assert {"<b>", "&", "a<b"} <= set(texts)
