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
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from streams.errors import RefusedError, SettingError, UnreachableError
from streams.records import Rows
from streams.sinks.history import influx_text
from streams.sinks.history.influx_text import quoted
from streams.sinks.history.store import DAY_MS, HOUR_S, HOURS_KEPT_MS, MINUTES_KEPT_MS, newest_revisions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LINES_PER_WRITE = 5_000
TIMEOUT_MS = 60_000
DEFAULT_NAME = "citywall"
"""Organisation and first part of the buckets' names, where the address tells none."""
EXPIRED = 422
"""Status of a write with points past the bucket's retention; its other points are stored."""

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
        if not read_only:
            with self._mapped():
                self._make_buckets()
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._reader = self._client.query_api()

    def write(self, rows: Rows) -> None:
        """Store rows, the final ones first."""
        final, open_windows = rows.where(rows.revision >= 0), rows.where(rows.revision < 0)
        hours = final.window_s >= HOUR_S
        self._write(self._minutes, influx_text.final_lines(final.where(~hours)))
        self._write(self._hours, influx_text.final_lines(final.where(hours)))
        self._write(self._state, influx_text.provisional_lines(open_windows))

    def write_books(self, books: Mapping[str, str]) -> None:
        """Store books; the last one of a key stays."""
        self._write(
            self._state, [influx_text.text_line("books", key, {"body": body}, 0) for key, body in books.items()]
        )

    def write_alarms(self, alarms: Sequence[tuple[str, str | None]]) -> None:
        """Store alarms; None marks one as closed."""
        lines = []
        for key, body in alarms:
            fields = {"closed": "1"} if body is None else {"body": body, "closed": "0"}
            lines.append(influx_text.text_line("alarms", key, fields, 0))
        self._write(self._state, lines)

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
        found: set[str] = set()
        for bucket in (self._minutes, self._hours):
            query = (
                'import "influxdata/influxdb/schema"\n'
                f"schema.measurements(bucket: {quoted(bucket)}, start: time(v: 0), stop: {influx_text.END})"
            )
            found.update(self._table(query).column("_value").to_pylist())
        return sorted(found)

    def books(self) -> dict[str, dict[str, Any]]:
        """Return all books."""
        found = self._query(self._state, 'r._measurement == "books"').to_pylist()
        return {row["key"]: json.loads(row["body"]) for row in sorted(found, key=lambda row: str(row["key"]))}

    def alarms(self, from_ms: int, until_ms: int) -> list[dict[str, Any]]:
        """Return the alarms raised in [from, until), oldest first."""
        rows = self._query(self._state, 'r._measurement == "alarms"').to_pylist()
        found = [json.loads(row["body"]) | {"closed": row["closed"] == "1"} for row in rows if row.get("body")]
        found = [alarm for alarm in found if from_ms <= alarm["raised_at_ms"] < until_ms]
        return sorted(found, key=lambda alarm: (alarm["raised_at_ms"], alarm["id"]))

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

    def _write(self, bucket: str, lines: list[str]) -> None:
        for start in range(0, len(lines), LINES_PER_WRITE):
            with self._mapped():
                try:
                    self._writer.write(bucket, self._org, "\n".join(lines[start : start + LINES_PER_WRITE]).encode())
                except ApiException as exc:
                    if exc.status != EXPIRED or "retention" not in str(exc.body):
                        raise
                    self._say_expired(bucket, exc)

    def _say_expired(self, bucket: str, exc: ApiException) -> None:
        if not self._expired_said:
            log.warning("InfluxDB keeps no rows older than the retention of %s: %s", bucket, exc.body)
            self._expired_said = True

    def _query(self, bucket: str, where: str, from_ms: int = 0, until_ms: int = influx_text.LAST_MS) -> Any:  # noqa: ANN401 - an untyped pyarrow.Table
        start, stop = (f"time(v: {edge_ms * influx_text.NS_PER_MS})" for edge_ms in (from_ms, until_ms))
        return self._table(
            f"from(bucket: {quoted(bucket)}) |> range(start: {start}, stop: {stop})"
            f" |> filter(fn: (r) => {where})"
            ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> group()'
        )

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
            if exc.status is None or exc.status >= 500:  # noqa: PLR2004 - the server's own faults
                raise UnreachableError(f"{self._where}: InfluxDB fails: {exc.body or exc.reason}") from exc
            raise RefusedError(f"{self._where}: InfluxDB refuses: {exc.status} {exc.body or exc.reason}") from exc
        except (InfluxDBError, HTTPError, OSError) as exc:
            raise UnreachableError(f"{self._where}: InfluxDB does not answer: {exc}") from exc


def _split(address: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(address)
    url = f"{parts.scheme}://{parts.netloc}"
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if "token" not in given:
        raise SettingError(f"{url}: InfluxDB needs a token: add ?token=… to its address")
    return url, given
