"""A public warning of an alarm: what it says, and how it leaves: journaled, written, posted, in this order."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from alerts import cap, kinds, refusals
from alerts.cap import PublicWarning, Reference, Status
from alerts.commands import Warn
from alerts.outcomes import Outcome
from alerts.roles import lowest
from alerts.signing import signed
from dashboard.alarm_list import Places, reading_of
from deploy.config.command_key import command_key
from streams.alarms.asking import ask, row_of
from streams.alarms.posting import post
from streams.broker.arrivals import now_ms
from streams.city.registry import load_city
from streams.contract.name import Name
from streams.errors import RefusedError, SettingError, UnreachableError
from streams.feeds.signals.document import CAP_TYPE, read

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.config.run import Run

ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV"}
FOLDER = "warnings"
"""In the data folder: the messages that left, where nobody named another place."""
ANSWER_S = 30.0
TAKEN = range(200, 300)


class Said(NamedTuple):
    """What a person says of it."""

    alarm: str
    status: Status
    who: str
    desk: str
    headline: Name
    """An empty text: what is wrong, and where."""
    instruction: Name
    for_ms: int
    area: Path | None = None
    """GeoJSON with one Polygon; None = the place has its name only."""
    replaces: Path | None = None
    cancels: bool = False
    out: Path | None = None


def warn(said: Said, run: Run) -> str:
    """Write a warning, have it journaled, then let it leave → what became of it.

    Raises SettingError for what cannot be said, RefusedError where the engine refuses it or nobody takes the message,
    UnreachableError where the city does not answer.
    """
    if said.status == "Actual" and cap.status_of(run.mode) != "Actual":
        kind = "a replay" if run.mode == "replay" else "a simulated city"
        raise SettingError(f"--status actual: this is {kind}, which warns nobody in earnest; give exercise or test")
    if not run.warnings.sender:
        raise SettingError(
            "[warnings] sender: it says in whose name the public is warned; set it, start the city again"
        )
    warning = _warning_of(said, run)
    try:
        message = cap.message(warning)
    except ValueError as exc:
        raise SettingError(str(exc)) from exc
    out = said.out or run.data_path / FOLDER / f"{warning.identifier}.xml"
    draft = out.with_name(f"{out.name}.tmp")
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(message)
    try:
        _have_journaled(said, warning, run)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    if run.warnings.url:
        _post(warning.identifier, message, out, run)
    return f"{warning.status} {warning.identifier}: {out}"


def _warning_of(said: Said, run: Run) -> PublicWarning:
    row = row_of(run.kafka, said.alarm)
    if row is None:
        raise SettingError(f"no alarm is called {said.alarm!r}; the wall and GET /api/v1/alarms list them")
    alarm, city = msgspec.json.decode(row, type=dict[str, Any]), load_city(run.city_path)
    place = Places(city).find(alarm["entity"], alarm["zone"]).name
    title = _both(alarm["kind"], place)
    level, since = (
        ROMAN[alarm["level"]],
        datetime.fromtimestamp(alarm["raised_at_ms"] // 1000, ZoneInfo(city.time_zone)),
    )
    read = reading_of(alarm)
    zh, en = read.zh and f"，{read.zh}", read.en and f", {read.en}"
    sent_ms = now_ms()
    return PublicWarning(
        identifier=f"{run.city_id}-{said.alarm}-{sent_ms}",
        sender=run.warnings.sender,
        sent_ms=sent_ms,
        expires_ms=sent_ms + said.for_ms,
        status=said.status,
        time_zone=city.time_zone,
        domain=alarm["domain"],
        level=alarm["level"],
        event=_both(alarm["kind"], Name("", "")),
        headline=Name(said.headline.zh or title.zh, said.headline.en or title.en),
        description=Name(
            f"{title.zh}{zh}，{level} 级，始于 {since:%Y-%m-%d %H:%M}。",
            f"{title.en}{en}, level {level}, since {since:%Y-%m-%d %H:%M}.",
        ),
        instruction=said.instruction,
        sender_name=run.warnings.sender_name,
        area=place,
        ring=() if said.area is None else _ring(said.area),
        replaces=() if said.replaces is None else (_replaced(said.replaces, said.status),),
        cancels=said.cancels,
    )


def _both(kind: str, place: Name) -> Name:
    return Name(kinds.title(kind, "zh", place.zh), kinds.title(kind, "en", place.en))


def _ring(path: Path) -> tuple[tuple[float, float], ...]:
    """Return the outer ring of the Polygon of a file. Whether it is closed, and on the map, `cap` judges."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_GeoJSON)
    except OSError as exc:
        raise SettingError(f"--area {path}: cannot be read: {exc.strerror}") from exc
    except msgspec.DecodeError as exc:
        raise SettingError(
            f"--area {path}: GeoJSON with one Polygon of [longitude, latitude] is needed: {exc}"
        ) from exc
    shapes = [one.geometry for one in found.features] or [found.geometry or found]
    if len(shapes) != 1 or shapes[0].type != "Polygon" or not shapes[0].coordinates:
        raise SettingError(f"--area {path}: GeoJSON with one Polygon is needed, not {[one.type for one in shapes]}")
    return tuple((lng, lat) for lng, lat in shapes[0].coordinates[0])


def _replaced(path: Path, status: Status) -> Reference:
    """Return the message of a file, which has to be of this status: a drill takes nothing real away."""
    try:
        found = read(path.read_bytes())
    except OSError as exc:
        raise SettingError(f"--replaces {path}: cannot be read: {exc.strerror}") from exc
    if len(found.alerts) != 1:
        raise SettingError(f"--replaces {path}: one CAP message is needed; {'; '.join(found.faults)}")
    [one] = found.alerts
    if one.status != status:
        raise SettingError(
            f"--replaces {path}: it is {one.status}, and only {one.status} takes its place, not {status}"
        )
    return Reference(sender=one.sender, identifier=one.id.removeprefix(f"{one.sender},"), sent_ms=one.sent_ms)


def _have_journaled(said: Said, warning: PublicWarning, run: Run) -> None:
    kind = "Cancel" if warning.cancels else "Update" if warning.replaces else "Alert"
    command = Warn(
        id=uuid.uuid4().hex,
        city=run.city_id,
        alarm=said.alarm,
        who=said.who,
        desk=said.desk,
        role=lowest("warn") or "",
        why=f"CAP {kind} {warning.status} {warning.identifier}: {warning.headline.zh} / {warning.headline.en}",
        message=warning.identifier,
        status=warning.status,
    )
    answer = ask(run.kafka, command.id, signed(msgspec.json.encode(command), command_key(run)), ANSWER_S)
    outcome = msgspec.json.decode(answer, type=Outcome)
    if outcome.state != "done":
        words = refusals.why(outcome.reason, outcome.by, outcome.by_desk)
        raise RefusedError(f"no message left: {words.en} {words.zh}")


def _post(identifier: str, message: bytes, out: Path, run: Run) -> None:
    headers = {"Content-Type": CAP_TYPE, "Idempotency-Key": identifier}
    try:
        status = post(run.warnings.url, message, headers, run.warnings.timeout_s).status
    except (TimeoutError, UnreachableError) as exc:
        status, why = 0, str(exc)
    else:
        why = f"it answers with status {status}"
    if status not in TAKEN:
        raise RefusedError(
            f"the message is journaled and stands in {out}, but [warnings] url did not take it: {why}; post that file"
        )


class _Geometry(msgspec.Struct, frozen=True):
    type: str
    coordinates: list[list[tuple[float, float]]] = []


class _Feature(msgspec.Struct, frozen=True):
    geometry: _Geometry


class _GeoJSON(_Geometry, frozen=True):
    """A Polygon, a feature or a collection of features."""

    geometry: _Geometry | None = None
    features: list[_Feature] = []
