"""The history in InfluxDB 2, for a city: line protocol from columns, Flux queries.

A revision is a point of its own: its time is the window's start plus the revision in nanoseconds. So a late or repeated
write of a lower revision lands beside the higher one instead of on it, nothing is read before it is written, and
reading takes the last point of each millisecond. An unknown value is a missing field. Provisional rows overwrite each
other in a ring of slots a series, so they need no deletion. Minutes, hours and the rest have a bucket each, for their
own retention.
"""
# mypy: disable-error-code="no-untyped-call"
# influxdb-client leaves some of its functions untyped.

from __future__ import annotations

import json
import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from streams.accounts import ledger
from streams.contract.alarm_events import ALARMS
from streams.contract.durations import DAY_MS, HOUR_S, MINUTE_MS
from streams.contract.records import Rows
from streams.errors import RefusedError, RowsRefusedError, ServerError, SettingError, UnreachableError
from streams.sinks.history import influx_alarms, influx_text
from streams.sinks.history.influx_answers import answer, dropped, retry_after_s
from streams.sinks.history.influx_text import quoted
from streams.sinks.history.store import HOURS_KEPT_MS, MINUTES_KEPT_MS, newest_revisions

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streams.contract.alarm_events import AlarmEvent, AlarmsWanted, EventsWanted, Kept, Moment, Raised, Where

LINES_PER_WRITE = 5_000
TIMEOUT_MS = MINUTE_MS
DEFAULT_NAME = "citywall"
"""Organisation and first part of the buckets' names, where the address tells none."""
WRITE_TIMEOUT_MS = 15_000
"""A server that hangs is away; what it stores of such a write after all does no harm."""
LATER = {408, 429}
"""Statuses by which a server, or a proxy before it, says that it is not now."""
TOO_LARGE = 413
BAD_ROWS = {400: "invalid", 422: "unprocessable entity"}
"""Status of a refused write → InfluxDB's own code in its answer. With 422 the other points are stored. The same status
without that code is from somebody else, who knows nothing of rows."""
LONGEST_SAID = 300
"""An answer is told up to so many characters; a parser's complaint repeats every line."""
EXPIRED = re.compile(r"partial write: dropped (\d+) points outside retention policy")
"""How it says in a 422 that nothing was wrong with the points but their age: a fault of any would be said instead."""

_SHARD_MS = {MINUTES_KEPT_MS: DAY_MS, HOURS_KEPT_MS: 28 * DAY_MS, 0: 28 * DAY_MS}
"""Retention → length of a shard group: retention drops whole groups."""

log = logging.getLogger("citywall")


class InfluxHistory:
    """Three buckets of one organisation; thread-safe as its client is."""

    kind = "influxdb"

    def __init__(self, address: str, *, read_only: bool = False) -> None:
        url, given = _split(address)
        org, bucket, keep_all = given.get("org", DEFAULT_NAME), given.get("bucket", DEFAULT_NAME), "replay" in given
        self._where = f"{url} (bucket {bucket})"
        self._client = InfluxDBClient(url, token=given["token"], org=org, timeout=TIMEOUT_MS)
        self._org = org
        self._kept_ms = {
            f"{bucket}_minutes": 0 if keep_all else MINUTES_KEPT_MS,
            f"{bucket}_hours": 0 if keep_all else HOURS_KEPT_MS,
            f"{bucket}_state": 0,
        }
        self._minutes, self._hours, self._state = self._kept_ms
        self._expired_said = False
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._reader = self._client.query_api()
        if not read_only:
            try:
                with self._mapped():
                    self._make_buckets()
                    self._move_alarms()
            except ServerError:
                self.close()
                raise

    def write(self, rows: Rows) -> int:
        """Store rows, the final ones first → how many are past their bucket's retention."""
        final, open_windows = rows.where(rows.revision >= 0), rows.where(rows.revision < 0)
        hours = final.window_s >= HOUR_S
        expired = self._write(self._minutes, influx_text.final_lines(final.where(~hours)))
        expired += self._write(self._hours, influx_text.final_lines(final.where(hours)))
        return expired + self._write(self._state, influx_text.provisional_lines(open_windows))

    def write_books(self, books: Mapping[str, str]) -> None:
        """Store books; the last one of a key stays."""
        now, hours = [], []
        for key, body in books.items():
            if key.startswith(ledger.PREFIX):
                start_ms = ledger.parse_key(key)[-1]
                hours.append(influx_text.text_line("hours", key, {"body": body}, start_ms * influx_text.NS_PER_MS))
            else:
                now.append(influx_text.text_line("books", key, {"body": body}, 0))
        self._write(self._state, now)
        self._write(self._minutes, hours)

    def write_alarms(self, alarms: Sequence[tuple[str, str | None]], of: Kept = ALARMS) -> None:
        """Store alarms or incidents; None marks one as closed."""
        rows = influx_alarms.last_seen(self._table, self._state, of, alarms)
        self._write(self._state, influx_alarms.kept_lines(of, rows))

    def write_alarm_events(self, events: Sequence[AlarmEvent]) -> None:
        """Store events of alarms."""
        self._write(self._state, influx_alarms.event_lines(events) + influx_alarms.command_lines(events))

    def read(
        self,
        metric: str,
        entity: str | None = None,
        from_ms: int | None = None,
        until_ms: int | None = None,
        window_s: int = 60,
        provisional: bool = False,
    ) -> Rows:
        """Return the latest revision of each row in [from, until), sorted by entity, then time."""
        series = f'r.window == "{window_s}"' + ("" if entity is None else f" and r.entity == {quoted(entity)}")
        first_ms = 0 if from_ms is None else max(from_ms, 0)
        end_ms = influx_text.LAST_MS if until_ms is None else min(until_ms, influx_text.LAST_MS)
        if end_ms <= first_ms:
            return Rows.empty()
        bucket = self._hours if window_s >= HOUR_S else self._minutes
        where = f"r._measurement == {quoted(metric)} and {series}"
        parts = [influx_text.final_rows(self._query(bucket, where, first_ms, end_ms), metric, window_s)]
        if provisional:
            where = f'r._measurement == "provisional" and r.metric == {quoted(metric)} and {series}'
            found = influx_text.provisional_rows(self._query(self._state, where))
            parts.append(found.where((found.at_ms >= first_ms) & (found.at_ms < end_ms)))
        return newest_revisions(Rows.concat(parts))

    def metrics(self) -> list[str]:
        """List the metrics that have rows, sorted."""
        return sorted(self._values(influx_text.measurements) - {"hours"})

    def entities(self, metric: str) -> list[str]:
        """List the entities that a metric has rows of, sorted."""
        return sorted(self._values(lambda bucket: influx_text.tag_values(bucket, metric, "entity")))

    def windows(self, metric: str) -> list[int]:
        """List the lengths of the windows that a metric has rows of, rising."""
        return sorted(map(int, self._values(lambda bucket: influx_text.tag_values(bucket, metric, "window"))))

    def counts(self, from_ms: int, until_ms: int) -> Counter[tuple[str, str]]:
        """Sum up the counts of the last points of each millisecond → (metric, entity) → sum."""
        start, stop = (f"time(v: {edge_ms * influx_text.NS_PER_MS})" for edge_ms in (from_ms, until_ms))
        found = self._table(
            f"from(bucket: {quoted(self._minutes)}) |> range(start: {start}, stop: {stop})"
            ' |> filter(fn: (r) => r._field == "count") |> group()'
        )
        return influx_text.counts(found)

    def books(self) -> dict[str, dict[str, Any]]:
        """Return all books but those of settled hours."""
        return self._books(self._state, "books")

    def hours(self) -> dict[str, dict[str, Any]]:
        """Return the books of settled hours."""
        return self._books(self._minutes, "hours")

    def _books(self, bucket: str, measurement: str) -> dict[str, dict[str, Any]]:
        found = self._query(bucket, f"r._measurement == {quoted(measurement)}").to_pylist()
        return {row["key"]: json.loads(row["body"]) for row in sorted(found, key=lambda row: str(row["key"]))}

    def alarms(self, wanted: AlarmsWanted, limit: int, after: Raised | None = None) -> list[dict[str, Any]]:
        """Return the alarms that are wanted, the newest raise first."""
        return influx_alarms.alarms(self._table, self._state, wanted, limit, after)

    def alarm_events(self, wanted: EventsWanted, limit: int, after: Moment | None = None) -> list[AlarmEvent]:
        """Return the events that are wanted, the newest first."""
        return influx_alarms.events(self._table, self._state, wanted, limit, after)

    def alarms_where(self, alarms: Sequence[str]) -> dict[str, Where]:
        """Return of what these alarms are."""
        return influx_alarms.where(self._table, self._state, alarms)

    def prune(self) -> int:
        """Nothing to do: the buckets' retention drops whole shard groups."""
        return 0

    def sizes(self) -> dict[str, Any]:
        """Return where it is; InfluxDB tells its size to its own administrator only."""
        return {"kind": self.kind, "where": self._where, "bytes": None}

    def clear(self) -> None:
        """Forget everything: the buckets are made anew."""
        with self._mapped():
            api = self._client.buckets_api()
            for bucket in api.find_buckets_iter():
                if bucket.name in self._kept_ms:
                    api.delete_bucket(bucket)
            self._make_buckets()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _make_buckets(self) -> None:
        api = self._client.buckets_api()
        present = {bucket.name for bucket in api.find_buckets_iter()}
        for name, kept_ms in self._kept_ms.items():
            if name not in present:
                shard_s = _SHARD_MS[kept_ms] // 1000
                rule = BucketRetentionRules(
                    "expire", every_seconds=kept_ms // 1000, shard_group_duration_seconds=shard_s
                )
                api.create_bucket(bucket_name=name, retention_rules=rule, org=self._org)

    def _move_alarms(self) -> None:
        """Bring alarms of earlier versions where they are looked for."""
        alarms = influx_alarms.of_before(self._table, self._state)
        if alarms:
            self.write_alarms(alarms)
            self._client.delete_api().delete(*influx_alarms.ALL_BEFORE, bucket=self._state, org=self._org)

    def _write(self, bucket: str, lines: list[str]) -> int:
        """Store lines → how many the bucket's retention has left out."""
        expired = 0
        for start in range(0, len(lines), LINES_PER_WRITE):
            body = "\n".join(lines[start : start + LINES_PER_WRITE]).encode()
            with self._mapped():
                try:
                    self._writer.write(bucket, self._org, body, _request_timeout=WRITE_TIMEOUT_MS)
                except ApiException as exc:
                    code, message = answer(exc)
                    if exc.status != TOO_LARGE and BAD_ROWS.get(exc.status or 0) != code:
                        raise
                    late = EXPIRED.search(message)
                    if late is None:
                        said = f"{self._where}: InfluxDB refuses rows: {message[:LONGEST_SAID]}"
                        raise RowsRefusedError(said, dropped(message)) from exc
                    expired += int(late[1])
                    self._say_expired(bucket, message[:LONGEST_SAID])
        return expired

    def _say_expired(self, bucket: str, message: str) -> None:
        if not self._expired_said:
            log.warning("InfluxDB keeps no rows older than the retention of %s: %s", bucket, message)
            self._expired_said = True

    def _query(self, bucket: str, where: str, from_ms: int = 0, until_ms: int = influx_text.LAST_MS) -> Any:  # noqa: ANN401 - an untyped pyarrow.Table
        start, stop = (f"time(v: {edge_ms * influx_text.NS_PER_MS})" for edge_ms in (from_ms, until_ms))
        return self._table(
            f"from(bucket: {quoted(bucket)}) |> range(start: {start}, stop: {stop})"
            f" |> filter(fn: (r) => {where})"
            ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> group()'
        )

    def _values(self, query_of: Callable[[str], str]) -> set[str]:
        buckets = (self._minutes, self._hours)
        return {value for bucket in buckets for value in self._table(query_of(bucket)).column("_value").to_pylist()}

    def _table(self, query: str) -> Any:  # noqa: ANN401 - pyarrow is untyped
        with self._mapped():
            response = self._reader.query_raw(query, dialect=influx_text.dialect())
            return influx_text.table(response.read())

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """Say the client's errors as ours."""
        try:
            yield
        except ApiException as exc:
            said = f"{exc.status} {exc.reason}: {answer(exc)[1][:LONGEST_SAID]}"
            if exc.status is None or exc.status >= 500 or exc.status in LATER:  # noqa: PLR2004 - the server's own faults
                raise UnreachableError(f"{self._where}: InfluxDB fails: {said}", retry_after_s(exc)) from exc
            raise RefusedError(f"{self._where}: InfluxDB refuses: {said}") from exc
        except (InfluxDBError, HTTPError, OSError) as exc:
            raise UnreachableError(f"{self._where}: InfluxDB does not answer: {exc}") from exc


def _split(address: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(address)
    url = f"{parts.scheme}://{parts.netloc}"
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if "token" not in given:
        raise SettingError(f"{url}: InfluxDB needs a token: add ?token=… to its address")
    return url, given
