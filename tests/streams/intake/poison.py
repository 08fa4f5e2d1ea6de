"""Records with rows good and bad in every way there is, and what is to become of each row: made, never read back."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

NOW_MS = 1_700_000_000_000
DETECTORS = 8
BAD_RATIO, BAD_VALUE_RATIO = 0.05, 0.3
FUTURE = b"1700000300001"  # one millisecond beyond the five minutes that are believed

BAD_TEXTS = [
    b'{"sensor":"\x01"}',
    b'{"sensor":"%(sensor)s","at":%(at)d,"note":"M\xfcnchen"}',
    b'{"sensor":"%(sensor)s","at":%(at)d,"note":"C:\\data"}',
]
"""No JSON for what their texts hold: in an array, too, they cost nothing else."""
BAD = {
    "not_an_object": [b"7", b"null", b'"d1"', b"true"],
    "no_sensor": [b'{"at":%(at)d}', b'{"sensor":null,"at":%(at)d,"speed_km_h":1}'],
    "no_time": [b'{"sensor":"%(sensor)s"}', b'{"sensor":"%(sensor)s","at":null,"speed_km_h":1}'],
    "bad_time": [
        b'{"sensor":"%(sensor)s","at":true}',
        b'{"sensor":"%(sensor)s","at":"2023-11-14T22:13:20"}',
        b'{"sensor":"%(sensor)s","at":"yesterday","speed_km_h":1}',
        b'{"sensor":"%(sensor)s","at":1e300}',
        b'{"sensor":"%(sensor)s","at":9007199254740993}',
        b'{"sensor":"%(sensor)s","at":1700000000,"speed_km_h":1}',  # seconds
        b'{"sensor":"%(sensor)s","at":1700000000000000,"speed_km_h":1}',  # microseconds
        b'{"sensor":"%(sensor)s","at":"\\ud800"}',
    ],
    "wrong_type": [b'{"sensor":7,"at":%(at)d}'],
    "unknown_sensor": [
        b'{"sensor":"nobody","at":%(at)d}',
        b'{"sensor":"w1","at":%(at)d,"speed_km_h":1}',  # of another domain
        b'{"sensor":"\\ud800","at":%(at)d}',
    ],
    "future": [b'{"sensor":"%(sensor)s","at":' + FUTURE + b',"speed_km_h":1}'],
    "undecodable": [b'{"sensor":"%(sensor)s","at":', b"\xff\xfe", b"rubbish", b"{'at':1}", *BAD_TEXTS],
}
_SPEED, _FLOW = b'{"sensor":"%(sensor)s","at":%(at)d,"speed_km_h":', b'{"sensor":"%(sensor)s","at":%(at)d,"flow_veh_h":'
BAD_VALUES = [
    ("speed_km_h", "wrong_type", _SPEED + b'"fast"}'),
    ("flow_veh_h", "wrong_type", _FLOW + b"true}"),
    ("speed_km_h", "wrong_type", _SPEED + b'{"a":1},"flow_veh_h":7}'),
    ("speed_km_h", "not_finite", _SPEED + b"NaN}"),
    ("speed_km_h", "not_finite", _SPEED + b'-Infinity,"flow_veh_h":7}'),
    ("flow_veh_h", "not_finite", _FLOW + b"1e999}"),
    ("flow_veh_h", "not_finite", _FLOW + b"1" + b"0" * 5000 + b"}"),
    ("speed_km_h", "out_of_range", _SPEED + b"-2}"),
    ("speed_km_h", "out_of_range", _SPEED + b'250.5,"flow_veh_h":7}'),
    ("speed_km_h", "out_of_range", _SPEED + b'"-999","flow_veh_h":"7"}'),
]
"""Column, reason and reading: the value is refused, what else it says is taken."""
EMPTY = [None, b"", b"[]", b" \r\n\t", b"[ ]", b" [\n]\n"]
LAYOUTS = ("object", "object", "indented", "array", "array", "spaced", "lines", "lines", "windows", "gaps")


@dataclass
class Made:
    """The records, and what is to become of each row."""

    values: list[bytes | None] = field(default_factory=list)
    rows: list[tuple[int, int, int, int, float, float]] = field(default_factory=list)
    """(offset, place, detector, at_ms, speed, flow) of those to admit."""
    dead: list[tuple[int, int, str, bytes, str, int]] = field(default_factory=list)
    """(offset, place, reason, payload, column or "" for the whole reading, detector), of every refused value one."""

    @property
    def letters(self) -> list[tuple[int, int, str, bytes, str]]:
        """Those that are written: of the values of one detector and column the first ten, all of one minute."""
        had: Counter[tuple[str, int]] = Counter()
        found = []
        for *letter, column, detector in self.dead:
            had[column, detector] += 1
            if not column or had[column, detector] <= 10:
                found.append((*letter, column))
        return found

    @property
    def reasons(self) -> Counter[str]:
        """Refused readings by reason."""
        return Counter(reason for _, _, reason, _, column, _ in self.dead if not column)

    @property
    def values_refused(self) -> dict[str, dict[str, int]]:
        """Column → reason → refused values."""
        found: dict[str, dict[str, int]] = {}
        for (column, reason), count in Counter((one[4], one[2]) for one in self.dead if one[4]).items():
            found.setdefault(column, {})[reason] = count
        return found


def make(count: int, chance: random.Random) -> Made:
    """Make so many rows in records of every layout."""
    made, number = Made(), 0
    while number < count:
        if chance.random() < 0.002:
            value = chance.choice(EMPTY)
            made.dead.append((len(made.values), 0, "empty", value or b"", "", 0))
            made.values.append(value)
            number += 1
            continue
        layout = chance.choice(LAYOUTS)
        size = 1 if layout in ("object", "indented") else min(chance.randint(2, 24), count - number + 1)
        add(made, layout, [row(number + ahead, chance) for ahead in range(size)], chance)
        number += size
    return made


@dataclass
class Row:
    text: bytes
    reason: str = ""
    detector: int = 0
    at_ms: int = 0
    speed: float = np.nan
    flow: float = np.nan
    column: str = ""
    """Only its value is refused."""
    torn: bool = False
    """No JSON, and would take an array with it."""


def row(number: int, chance: random.Random) -> Row:
    """A row; no two good ones have both detector and time in common."""
    detector, at_ms = number % DETECTORS, NOW_MS - 200_000 + number // DETECTORS
    if number and chance.random() < BAD_RATIO:
        filled = {b"at": at_ms, b"sensor": b"d%d" % detector}
        if chance.random() < BAD_VALUE_RATIO:
            column, reason, text = chance.choice(BAD_VALUES)
            return Row(text % filled, reason, detector, at_ms, flow=7.0 if b"7" in text[-4:] else np.nan, column=column)
        reason = chance.choice(list(BAD))
        text = chance.choice(BAD[reason])
        return Row(text % filled, reason, torn=reason == "undecodable" and text not in BAD_TEXTS)
    speed, flow = number * 7919 % 2500 / 10, number % 20_000
    if number % 3:
        text = b'{"sensor":"d%d","at":%d,"speed_km_h":%.1f,"flow_veh_h":%d}' % (detector, at_ms, speed, flow)
        return Row(text, "", detector, at_ms, speed, flow)
    if number % 7:
        return Row(b'{"sensor":"d%d","at":%d,"speed_km_h":%.1f}' % (detector, at_ms, speed), "", detector, at_ms, speed)
    text = b'{"mood":"fine","at":%d,"flow_veh_h":null,"sensor":"d%d"}' % (at_ms, detector)
    return Row(text, "", detector, at_ms)


def add(made: Made, layout: str, rows: list[Row], chance: random.Random) -> None:
    """Put rows into one record."""
    if layout in ("array", "spaced"):
        rows = [Row(b"7", "not_an_object") if one.torn else one for one in rows]
    elif len(rows) > 1 and rows[0].reason == "undecodable":  # lines of nothing but rubbish are one piece of rubbish
        rows = [Row(b"7", "not_an_object"), *rows[1:]]
    offset, texts = len(made.values), [one.text for one in rows]
    if layout == "windows":
        texts = [text + b"\r" for text in texts]
    elif layout == "indented" and rows[0].reason != "undecodable":
        texts = [b" " + texts[0].replace(b",", b",\n  ").replace(b"}", b"\n}") + b"\n"]
    made.values.append(joined(layout, texts))
    for place, (one, text) in enumerate(zip(rows, texts, strict=True)):
        if one.reason:
            made.dead.append((offset, place, one.reason, text, one.column, one.detector))
        if one.column or not one.reason:
            made.rows.append((offset, place, one.detector, one.at_ms, one.speed, one.flow))


def joined(layout: str, texts: list[bytes]) -> bytes:
    if layout == "array":
        return b"[" + b",".join(texts) + b"]"
    if layout == "spaced":
        return b" \n[ " + b" ,\r\n\t".join(texts) + b"\n] "
    return (b"\n\n \n" if layout == "gaps" else b"\n").join(texts)
