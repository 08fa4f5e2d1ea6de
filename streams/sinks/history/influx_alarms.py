"""Alarms and their events in InfluxDB: their points, and how they are asked for, the newest first.

An alarm's point lies at its raise. An event's lies at the full hour before it plus its place in the journal, which
counts on in nanoseconds: so no two of them are at the same time, and the order of time is that of the journal.
"""

from __future__ import annotations

import json
import time
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from streams.contract.alarm_events import AlarmEvent, Moment, Where
from streams.contract.durations import DAY_MS, HOUR_MS
from streams.sinks.history import influx_text
from streams.sinks.history.influx_text import NS_PER_MS, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.contract.alarm_events import AlarmsWanted, EventsWanted, Raised

    Query = Callable[[str], Any]
    """Flux → the answer's table."""

EVENTS, ALARMS = "alarm_events", "alarms"
LANES = 16
STRINGS = 'import "strings"\n'
PLACES = 2**14
"""A journal record holds fewer events: it is smaller than a mebibyte."""
PIVOT = 'pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
HOUR_NS = HOUR_MS * NS_PER_MS
END_NS = influx_text.LAST_MS * NS_PER_MS
SPANS_MS = (HOUR_MS, DAY_MS, 30 * DAY_MS)
"""The newest are looked for so far back first: the server sorts all that lies in a span."""
BEFORE = ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000001Z", f'_measurement="{ALARMS}"')
"""From, until and of what the points are that 0.2.0 wrote."""
ASKED_AT_ONCE = 50
LEAST_ASKED = 200

_row = msgspec.json.Decoder(AlarmEvent)


def stamp_ns(moment: Moment) -> int:
    """Return the time of an event's point."""
    return _hour_ns(moment.at_ms) + (moment.seq * PLACES + moment.place) % HOUR_NS


def event_lines(events: Sequence[AlarmEvent]) -> list[str]:
    """Return a line an event: the event as JSON in one field."""
    lines = []
    for one in events:
        fields = {"row": msgspec.json.encode(one).decode()}
        lines.append(influx_text.tagged_line(EVENTS, {"lane": lane_of(one.alarm)}, fields, stamp_ns(one.moment)))
    return lines


def lane_of(alarm: str) -> str:
    """Return the series that an alarm's events are in: a series an alarm would make each search ask all of them."""
    return str(zlib.crc32(alarm.encode()) % LANES)


def alarm_lines(alarms: Sequence[tuple[str, str | None]], raised_ms: dict[str, int]) -> list[str]:
    """Return a line an alarm; one that nobody has stored cannot be closed. `raised_ms`: of those that were stored."""
    raised_ms = dict(raised_ms)
    lines = []
    for key, body in alarms:
        if body is not None:
            raised_ms[key] = int(json.loads(body)["raised_at_ms"])
        fields = {"closed": "1"} if body is None else {"body": body, "closed": "0"}
        if key in raised_ms:
            lines.append(influx_text.text_line(ALARMS, key, fields, _alarm_ns(raised_ms[key])))
    return lines


def of_before(query: Query, bucket: str) -> list[tuple[str, str | None]]:
    """Return the alarms that 0.2.0 stored, each as it is given to be written."""
    ask = f"{_from(bucket, 0, 1)} |> filter(fn: (r) => r._measurement == {quoted(ALARMS)}) |> {PIVOT} |> group()"
    rows = [row for row in query(ask).drop_columns(["_time"]).to_pylist() if row.get("body")]
    closed: list[tuple[str, str | None]] = [(row["key"], None) for row in rows if row["closed"] == "1"]
    return [(row["key"], row["body"]) for row in rows] + closed


def raised_ms(query: Query, bucket: str, alarms: Sequence[str]) -> dict[str, int]:
    """Return when these alarms were raised, of those that are stored."""
    test = f'r._measurement == {quoted(ALARMS)} and r._field == "body"'
    found = _of_each(query, f"{_from(bucket, 0, END_NS)} |> filter(fn: (r) => {test})", "key", alarms)
    return {key: int(json.loads(body)["raised_at_ms"]) for key, body in found}


def where(query: Query, bucket: str, alarms: Sequence[str]) -> dict[str, Where]:
    """Return of what alarms are, as their raise says."""
    found: dict[str, AlarmEvent] = {}
    for first in range(0, len(alarms), ASKED_AT_ONCE):
        some = alarms[first : first + ASKED_AT_ONCE]
        named = f"({' or '.join(_says('alarm', one) for one in some)}) and {_says('what', 'raised')}"
        points = _events(_from(bucket, 0, END_NS), [lane_of(one) for one in some], named)
        for row in query(f"{points} |> group()").column("_value").to_pylist():
            event = _row.decode(row)
            if event.alarm not in found or event.moment < found[event.alarm].moment:
                found[event.alarm] = event
    asked = set(alarms)
    places = {alarm: [getattr(one, name) for name in Where._fields] for alarm, one in found.items()}
    return {alarm: Where(*of) for alarm, of in places.items() if alarm in asked}


def events(query: Query, bucket: str, wanted: EventsWanted, limit: int, after: Moment | None) -> list[AlarmEvent]:
    """Return events, the newest first."""
    texts = {name: getattr(wanted, name) for name in ("alarm", *Where._fields, "who")}
    test = " and ".join(_says(name, text) for name, text in texts.items() if text is not None)
    lanes = [] if wanted.alarm is None else [lane_of(wanted.alarm)]
    start_ns = 0 if wanted.from_ms is None else _hour_ns(wanted.from_ms)
    stop_ns = END_NS if wanted.until_ms is None else _hour_ns(wanted.until_ms - 1) + HOUR_NS
    if after is not None:
        stop_ns = min(stop_ns, stamp_ns(after))

    def ask(source: str, _: str) -> str:
        return f'{_events(source, lanes, test)} |> group() |> sort(columns: ["_time"], desc: true)'

    rows = _newest_first(query, bucket, ask, (start_ns, (stop_ns, "")), limit)
    return list(islice(filter(wanted.takes, (_row.decode(row["_value"]) for row in rows)), limit))


def alarms(query: Query, bucket: str, wanted: AlarmsWanted, limit: int, after: Raised | None) -> list[dict[str, Any]]:
    """Return alarms, the newest raise first."""
    closed = "" if wanted.closed is None else f' |> filter(fn: (r) => r.closed == "{int(wanted.closed)}")'
    start_ns = 0 if wanted.from_ms is None else _alarm_ns(wanted.from_ms)
    place = (END_NS if wanted.until_ms is None else _alarm_ns(wanted.until_ms), "")
    if after is not None:
        place = min(place, (_alarm_ns(after.at_ms), after.id))

    def ask(source: str, before: str) -> str:
        return (
            f"{source} |> filter(fn: (r) => r._measurement == {quoted(ALARMS)})"
            f' |> {PIVOT} |> group(){closed}{before} |> sort(columns: ["_time", "key"], desc: true)'
        )

    rows = _newest_first(query, bucket, ask, (start_ns, place), limit)
    found = (json.loads(row["body"]) | {"closed": row["closed"] == "1"} for row in rows if row.get("body"))
    return list(islice(filter(wanted.takes, found), limit))


def _newest_first(
    query: Query, bucket: str, ask: Callable[[str, str], str], span: tuple[int, tuple[int, str]], count: int
) -> Iterator[dict[str, Any]]:
    """Yield rows from before a place (time, key) down to a time, as long as somebody takes them.

    `ask` makes a query of where to look, and of what else tells that a point is before the place.
    """
    start_ns, place = span
    newest_ns, count = min(place[0], time.time_ns()), max(count, LEAST_ASKED)
    for begin_ns in [*(newest_ns - back_ms * NS_PER_MS for back_ms in SPANS_MS), start_ns]:
        begin = (max(begin_ns, start_ns), "")
        while place > begin:
            at_ns, key = place
            before = f" |> filter(fn: (r) => r._time < {_time(at_ns)} or r.key < {quoted(key)})" if key else ""
            found = query(f"{ask(_from(bucket, begin[0], at_ns + bool(key)), before)} |> limit(n: {count})")
            times_ns = found.column("_time").cast(pa.int64()).to_pylist()
            rows = found.drop_columns(["_time"]).to_pylist()
            yield from rows
            if len(rows) < count:
                break
            place = (times_ns[-1], rows[-1].get("key", ""))
        place = min(place, begin)


def _of_each(query: Query, points: str, tag: str, alarms: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (alarm, value) of the first point of each series of alarms."""
    for first in range(0, len(alarms), ASKED_AT_ONCE):
        names = " or ".join(f"r.{tag} == {quoted(one)}" for one in alarms[first : first + ASKED_AT_ONCE])
        found = query(f"{points} |> filter(fn: (r) => {names}) |> first() |> group()")
        yield from zip(found.column(tag).to_pylist(), found.column("_value").to_pylist(), strict=True)


def _events(source: str, lanes: Sequence[str], test: str) -> str:
    """Return the query for events in some lanes, none named = all, whose text passes a test."""
    of = " or ".join(f"r.lane == {quoted(lane)}" for lane in dict.fromkeys(lanes))
    which = f"r._measurement == {quoted(EVENTS)}{of and f' and ({of})'}"
    points = f"{STRINGS}{source} |> filter(fn: (r) => {which})"
    return f"{points} |> filter(fn: (r) => {test})" if test else points


def _says(name: str, text: str) -> str:
    """Return the test that an event's JSON has a field of that text; a field within it may pass, too."""
    said = f'"{name}":{msgspec.json.encode(text).decode()}'
    return f"strings.containsStr(v: r._value, substr: {quoted(said)})"


def _from(bucket: str, start_ns: int, stop_ns: int) -> str:
    return f"from(bucket: {quoted(bucket)}) |> range(start: {_time(start_ns)}, stop: {_time(stop_ns)})"


def _time(at_ns: int) -> str:
    return f"time(v: {at_ns})"


def _hour_ns(at_ms: int) -> int:
    """Return the full hour before, within what InfluxDB takes."""
    return min(max(at_ms, 0), influx_text.LAST_MS - 2 * HOUR_MS) // HOUR_MS * HOUR_NS


def _alarm_ns(raised_at_ms: int) -> int:
    """Return the time of an alarm's point; never 0, where 0.2.0 had them."""
    return min(max(raised_at_ms, 1), influx_text.LAST_MS - 1) * NS_PER_MS
