"""Alarms, incidents and events in InfluxDB: their points, and how they are asked for, the newest first.

All are JSON in one field, in a few series: one an alarm would make each search ask all of them. An event's point lies
at the full hour before it plus its place in the journal, which counts on in nanoseconds: so no two of them are at the
same time, and the order of time is that of the journal. An alarm's, or an incident's, lies within the hour in which it
began, at a nanosecond that follows from its id: with 20,000 in one hour, two meet once in some 300,000 such hours. Its
order stands before its JSON, so the server sorts by it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pyarrow as pa

from streams.contract.alarm_events import SAME, AlarmEvent, Moment, Where
from streams.contract.durations import DAY_MS, HOUR_MS
from streams.sinks.history import influx_text
from streams.sinks.history.influx_text import NS_PER_MS, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streams.contract.alarm_events import AlarmsWanted, EventsWanted, Kept, Raised

    Query = Callable[[str], Any]
    """Flux → the answer's table."""

EVENTS, COMMANDS, BEFORE = "alarm_events", "alarm_commands", "alarms"
"""Measurements; `BEFORE`: alarms of earlier versions, a series each."""
ALL_BEFORE = ("1970-01-01T00:00:00Z", "2262-01-01T00:00:00Z", f'_measurement="{BEFORE}"')
"""From, until and of what their points are."""
LANES = 16
STRINGS = 'import "strings"\n'
PLACES = 2**14
"""A journal record holds fewer events: it is smaller than a mebibyte."""
PIVOT = 'pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
HOUR_NS = HOUR_MS * NS_PER_MS
END_NS = influx_text.LAST_MS * NS_PER_MS
SPANS_NS = tuple(6**step * HOUR_NS for step in range(6))
"""So far back the newest are looked for first: the server sorts all that lies in a span."""
COMMANDS_NS = 28 * DAY_MS * NS_PER_MS
"""Points of commands lie within so long from 1970 on, one shard group, each at a time that follows from its id."""
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


def command_lines(events: Sequence[AlarmEvent]) -> list[str]:
    """Return a line for each event of a command, where whoever has its id finds it at once."""
    lines = []
    for one in events:
        fields = {"row": msgspec.json.encode(one).decode()}
        for command in sorted(one.commands):
            lines.append(influx_text.tagged_line(COMMANDS, {"what": one.what}, fields, _command_ns(command)))
    return lines


def kept_lines(of: Kept, rows: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return a line an alarm or incident, id → how it was last seen."""
    lines = []
    for key, row in rows.items():
        begun_ms = int(row[of.at])
        fields = {"row": f"{_order(begun_ms, key)} {msgspec.json.encode(row).decode()}"}
        stamp_ns = _hour_ns(begun_ms) + _digest(key) % HOUR_NS
        lines.append(influx_text.tagged_line(_rows_of(of), {"lane": lane_of(key)}, fields, stamp_ns))
    return lines


def last_seen(query: Query, bucket: str, of: Kept, told: Sequence[tuple[str, str | None]]) -> dict[str, dict[str, Any]]:
    """Return what is to be stored: None closes what was told before, or is stored; nobody can close what is not."""
    rows = {key: json.loads(body) | {"closed": False} for key, body in told if body is not None}
    unknown = sorted({key for key, body in told if body is None} - rows.keys())
    rows |= _stored(query, bucket, of, unknown)
    for key, body in told:
        if key in rows:
            rows[key]["closed"] = body is None
    return rows


def of_before(query: Query, bucket: str) -> list[tuple[str, str | None]]:
    """Return the alarms of earlier versions, each as it is given to be written."""
    ask = f"{_from(bucket, 0, END_NS)} |> filter(fn: (r) => r._measurement == {quoted(BEFORE)}) |> {PIVOT} |> group()"
    rows = [row for row in query(ask).drop_columns(["_time"]).to_pylist() if row.get("body")]
    closed: list[tuple[str, str | None]] = [(row["key"], None) for row in rows if row["closed"] == "1"]
    return [(row["key"], row["body"]) for row in rows] + closed


def where(query: Query, bucket: str, alarms: Sequence[str]) -> dict[str, Where]:
    """Return of what alarms are, as their raise says."""
    found: dict[str, AlarmEvent] = {}
    for first in range(0, len(alarms), ASKED_AT_ONCE):
        some = alarms[first : first + ASKED_AT_ONCE]
        named = f"({' or '.join(_says('alarm', one) for one in some)}) and {_says('what', 'raised')}"
        points = _points(EVENTS, _from(bucket, 0, END_NS), [lane_of(one) for one in some], named)
        for row in query(f"{points} |> group()").column("_value").to_pylist():
            event = _row.decode(row)
            if event.alarm not in found or event.moment < found[event.alarm].moment:
                found[event.alarm] = event
    asked = set(alarms)
    places = {alarm: [getattr(one, name) for name in Where._fields] for alarm, one in found.items()}
    return {alarm: Where(*of) for alarm, of in places.items() if alarm in asked}


def events(query: Query, bucket: str, wanted: EventsWanted, limit: int, after: Moment | None) -> list[AlarmEvent]:
    """Return events, the newest first."""
    if wanted.command is not None:
        return _of_command(query, bucket, wanted, limit, after)
    texts = {name: getattr(wanted, name) for name in ("alarm", *SAME)}
    test = " and ".join(_says(name, text) for name, text in texts.items() if text is not None)
    lanes = [] if wanted.alarm is None else [lane_of(wanted.alarm)]
    start_ns = 0 if wanted.from_ms is None else _hour_ns(wanted.from_ms)
    stop_ns = END_NS if wanted.until_ms is None else _hour_ns(wanted.until_ms - 1) + HOUR_NS
    if after is not None:
        stop_ns = min(stop_ns, stamp_ns(after))

    look = _Look(EVENTS, lanes, test, "_time", lambda row: (stamp_ns(_row.decode(row).moment), ""))
    rows = _newest_first(query, bucket, look, (start_ns, stop_ns), limit)
    return list(islice(filter(wanted.takes, map(_row.decode, rows)), limit))


def _of_command(query: Query, bucket: str, wanted: EventsWanted, limit: int, after: Moment | None) -> list[AlarmEvent]:
    at_ns = _command_ns(wanted.command or "")
    found = query(f"{_from(bucket, at_ns, at_ns + 1)} |> filter(fn: (r) => r._measurement == {quoted(COMMANDS)})")
    told = filter(wanted.takes, map(_row.decode, found.column("_value").to_pylist()))
    behind = (one for one in told if after is None or one.moment < after)
    return sorted(behind, key=lambda one: one.moment, reverse=True)[:limit]


def alarms(query: Query, bucket: str, wanted: AlarmsWanted, limit: int, after: Raised | None) -> list[dict[str, Any]]:
    """Return alarms, or incidents, the newest first."""
    texts = {name: getattr(wanted, name) for name in (*Where._fields, "incident")}
    tests = [_says(name, text) for name, text in texts.items() if text is not None]
    tests += [_says(name, value) for name in ("level", "closed") if (value := getattr(wanted, name)) is not None]
    if wanted.who is not None:
        tests.append(_has(msgspec.json.encode(wanted.who).decode()))
    start_ns, stop_ns = 0, END_NS
    if wanted.from_ms is not None:
        start_ns = _hour_ns(wanted.from_ms)
        tests.append(f"not {_before(wanted.from_ms, '')}")
    for edge in ([] if wanted.until_ms is None else [(wanted.until_ms, "")]) + ([] if after is None else [after]):
        stop_ns = min(stop_ns, _hour_ns(edge[0]) + HOUR_NS)
        tests.append(_before(*edge))

    def behind(row: str) -> tuple[int, str]:
        last = _alarm(row)
        return _hour_ns(last[wanted.of.at]) + HOUR_NS, _before(last[wanted.of.at], last["id"])

    look = _Look(_rows_of(wanted.of), [], " and ".join(tests), "_value", behind)
    rows = _newest_first(query, bucket, look, (start_ns, stop_ns), limit)
    return list(islice(filter(wanted.takes, map(_alarm, rows)), limit))


class _Look(NamedTuple):
    """What is looked for: which points, and in which order."""

    measurement: str
    lanes: Sequence[str]
    test: str
    by: str
    behind: Callable[[str], tuple[int, str]]
    """A row → until when those behind it lie, and by what else they are told."""


def _newest_first(query: Query, bucket: str, look: _Look, span: tuple[int, int], count: int) -> Iterator[str]:
    """Yield rows from the end of a span of time down to its begin, as long as somebody takes them."""
    start_ns, stop_ns = span
    newest = f'{_points(look.measurement, _from(bucket, *span), look.lanes, "")} |> last() |> keep(columns: ["_time"])'
    times = query(f"{newest} |> group()").column("_time").cast(pa.int64()).to_pylist() if stop_ns > start_ns else []
    if not times:
        return
    newest_ns, count, further = max(times), max(count, LEAST_ASKED), ""
    for back_ns in [*SPANS_NS, END_NS]:
        begin_ns = max((newest_ns - back_ns) // HOUR_NS * HOUR_NS, start_ns)
        while stop_ns > begin_ns:
            test = " and ".join(one for one in (look.test, further) if one)
            points = _points(look.measurement, _from(bucket, begin_ns, stop_ns), look.lanes, test)
            order = f'sort(columns: ["{look.by}"], desc: true) |> limit(n: {count})'
            rows = query(f'{points} |> group() |> {order} |> keep(columns: ["_value"])').column("_value").to_pylist()
            yield from rows
            if len(rows) < count:
                break
            stop_ns, further = look.behind(rows[-1])
        stop_ns = min(stop_ns, begin_ns)


def _stored(query: Query, bucket: str, of: Kept, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return how alarms or incidents were last seen, of those that are stored."""
    found: dict[str, dict[str, Any]] = {}
    for first in range(0, len(ids), ASKED_AT_ONCE):
        some = ids[first : first + ASKED_AT_ONCE]
        named = " or ".join(_says("id", one) for one in some)
        points = _points(_rows_of(of), _from(bucket, 0, END_NS), [lane_of(one) for one in some], named)
        rows = map(_alarm, query(f"{points} |> group()").column("_value").to_pylist())
        found |= {row["id"]: row for row in rows if row["id"] in some}
    return found


def _alarm(row: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row[row.index("{") :])
    return found


def _rows_of(of: Kept) -> str:
    """Return the measurement; what `BEFORE` names is of earlier versions."""
    return f"{of.name}_last_seen"


def _order(begun_ms: int, key: str) -> str:
    """Return what stands before the JSON of an alarm or incident: by it, the newest come first."""
    return f"{max(begun_ms, 0):016} {key.replace('{', '[')}{key and ' '}"


def _before(begun_ms: int, key: str) -> str:
    """Return the test that an alarm or incident comes behind a place; a plain < of texts is false to the server."""
    return f"strings.compare(v: r._value, t: {quoted(_order(begun_ms, key))}) < 0"


def _points(measurement: str, source: str, lanes: Sequence[str], test: str) -> str:
    """Return the query for points in some lanes, none named = all, whose text passes a test."""
    of = " or ".join(f"r.lane == {quoted(lane)}" for lane in dict.fromkeys(lanes))
    which = f"r._measurement == {quoted(measurement)}{of and f' and ({of})'}"
    points = f"{STRINGS}{source} |> filter(fn: (r) => {which})"
    return f"{points} |> filter(fn: (r) => {test})" if test else points


def _says(name: str, value: str | int) -> str:
    """Return the test that the JSON has a field of that value; a field within it may pass, too."""
    return _has(f'"{name}":{msgspec.json.encode(value).decode()}')


def _has(text: str) -> str:
    return f"strings.containsStr(v: r._value, substr: {quoted(text)})"


def _from(bucket: str, start_ns: int, stop_ns: int) -> str:
    return f"from(bucket: {quoted(bucket)}) |> range(start: {_time(start_ns)}, stop: {_time(stop_ns)})"


def _time(at_ns: int) -> str:
    return f"time(v: {at_ns})"


def _hour_ns(at_ms: int) -> int:
    """Return the full hour before, within what InfluxDB takes."""
    return min(max(at_ms, 0), influx_text.LAST_MS - 2 * HOUR_MS) // HOUR_MS * HOUR_NS


def _command_ns(command: str) -> int:
    """Return where all is of what became of a command."""
    return _digest(command) % COMMANDS_NS


def _digest(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())
