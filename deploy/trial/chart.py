"""A line chart over time as SVG: axes with round numbers, a line broken where nothing is known, names beside it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.contract.durations import DAY_S, HOUR_S, MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

WIDTH, HEIGHT = 1200, 560
LEFT, RIGHT, TOP, BOTTOM = 80, 1170, 60, 400
"""The frame of the plot within the picture."""
LEGEND_TOP, LEGEND_STEP = 452, 20
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00")
"""After Okabe and Ito: told apart by everyone; the yellow darkened for white paper."""
FONT = "font-family=\"system-ui, 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif\""
STEPS_S = (
    *(MINUTE_S * count for count in (1, 2, 5, 10, 15, 30)),
    *(HOUR_S * count for count in (1, 2, 3, 6, 12)),
    *(DAY_S * count for count in (1, 2, 7, 14, 30)),
)
TIME_TICKS, VALUE_TICKS = 10, 6
GAP = 3.5
"""A line is broken where its next point is this many usual distances away."""


class Line(NamedTuple):
    """One entity: (n,) times, rising, and (n,) values, NaN = unknown."""

    name: str
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]


class Chart(NamedTuple):
    """What a picture shows."""

    title: str
    attribution: str
    zone: ZoneInfo
    period: tuple[int, int]
    """Event time of the left and of the right edge, epoch ms."""
    lines: Sequence[Line]
    heights: Sequence[str] = ()
    """Names of the heights 0, 1, 2…: a value then holds until the next."""


class _Scale(NamedTuple):
    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


def draw(chart: Chart) -> str:
    """Return the picture; the same chart gives the same bytes."""
    first_ms, last_ms = chart.period[0], max(chart.period[1], chart.period[0] + MINUTE_S * 1000)
    across = _Scale(first_ms, last_ms, LEFT, RIGHT)
    ticks = _heights(chart)
    upward = _Scale(ticks[0][0], ticks[-1][0], BOTTOM, TOP)
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {size}>']
    parts.append(f'<rect {size} fill="#ffffff"/>')
    parts.append(_text(LEFT, 34, chart.title, 20, "#1a1a1a"))
    for value, name in ticks:
        parts.append(_rule(LEFT, upward(value), RIGHT, upward(value)))
        parts.append(_text(LEFT - 10, upward(value) + 5, name, 14, "#555555", anchor="end"))
    for at_ms, name in time_ticks(first_ms, last_ms, chart.zone):
        parts.append(_rule(across(at_ms), BOTTOM, across(at_ms), BOTTOM + 6))
        parts.append(_text(across(at_ms), BOTTOM + 24, name, 14, "#555555", anchor="middle"))
    parts.append(_text(RIGHT, LEGEND_TOP, str(chart.zone), 12, "#767676", anchor="end"))
    for number, line in enumerate(chart.lines):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_path(line, across, upward, colour, hold=bool(chart.heights)))
        top = LEGEND_TOP + LEGEND_STEP * number
        parts.append(f'<rect x="{LEFT}" y="{top - 8}" width="18" height="4" fill="{colour}"/>')
        parts.append(_text(LEFT + 26, top, line.name, 14, "#1a1a1a"))
    parts.append(_text(RIGHT, HEIGHT - 12, chart.attribution, 12, "#767676", anchor="end"))
    return "\n".join([*parts, "</svg>", ""])


def time_ticks(first_ms: int, last_ms: int, zone: ZoneInfo) -> list[tuple[int, str]]:
    """Return round local times between the two, with what to call them: the date where a day begins."""
    step_s = next((step for step in STEPS_S if (last_ms - first_ms) / 1000 / step <= TIME_TICKS), STEPS_S[-1])
    begin = datetime.fromtimestamp(first_ms / 1000, zone).replace(tzinfo=None)
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for number in range((last_ms - first_ms) // 1000 // step_s + DAY_S // min(step_s, DAY_S) + 2):
        local = midnight + timedelta(seconds=step_s * number)
        at = local.replace(tzinfo=zone)
        at_ms = round(at.timestamp() * 1000)
        there_is = at.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local  # not where clocks are set forward
        if there_is and first_ms <= at_ms <= last_ms:
            found.append((at_ms, f"{local:%m-%d}" if local.hour == local.minute == 0 else f"{local:%H:%M}"))
    return found


def value_ticks(low: float, high: float) -> list[float]:
    """Return round numbers around a range, at most VALUE_TICKS + 1 of them.

    >>> value_ticks(0.9, 4.2)
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    >>> value_ticks(7.0, 7.0)  # a tenth on each side: 6.3 to 7.7
    [6.0, 6.5, 7.0, 7.5, 8.0]
    """
    if low == high:
        low, high = low - max(abs(low), 1) * 0.1, high + max(abs(high), 1) * 0.1
    rough = (high - low) / (VALUE_TICKS - 1)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    return [round(step * number, 12) for number in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _heights(chart: Chart) -> list[tuple[float, str]]:
    if chart.heights:
        return [(float(height), name) for height, name in enumerate(chart.heights)]
    known = np.concatenate([line.value[np.isfinite(line.value)] for line in chart.lines])
    return [(value, f"{value:,.10g}") for value in value_ticks(float(known.min()), float(known.max()))]


def _path(line: Line, across: _Scale, upward: _Scale, colour: str, *, hold: bool) -> str:
    """Return the line; a point that stands alone is a dot."""
    usual_ms = float(np.median(np.diff(line.at_ms))) if len(line.at_ms) > 1 else 0.0
    words: list[str] = []
    before: tuple[float, float] | None = None
    last_ms = 0
    for at_ms, value in zip(line.at_ms.tolist(), line.value.tolist(), strict=True):
        if math.isnan(value):
            before = None
            continue
        here = (across(at_ms), upward(value))
        if before is None or (not hold and at_ms - last_ms > GAP * usual_ms):
            words.append(f"M{here[0]:.1f} {here[1]:.1f}h0")
        else:
            words.append((f"H{here[0]:.1f}" if hold else "") + f"L{here[0]:.1f} {here[1]:.1f}")
        before, last_ms = here, at_ms
    if hold and before is not None:
        words.append(f"H{across.end}")
    style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"'
    return f'<path d="{"".join(words)}" {style}/>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#d9d9d9"/>'


def _text(x: float, y: float, text: str, size: int, colour: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}" {FONT}>{escape(text)}</text>'
