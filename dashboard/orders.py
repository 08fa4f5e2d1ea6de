"""What a person asks for over HTTP, and the command that it becomes. Pure.

A command's id follows from the client's `key` and from what it says: the same key and body give the same id, whichever
wall is asked and however often; of one key, another body has another id that begins alike.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Any, get_args

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from alerts.commands import Command
from alerts.roles import lowest
from dashboard.problems import ProblemError, invalid
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

SHAPES: dict[str, type[msgspec.Struct]] = {str(one.__struct_config__.tag): one for one in get_args(Command)}
"""Action → the shape of its command."""

Called = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
"""A name or a desk; blanks alone are none."""
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)]
SPAN = r"^(\d{1,6}[dhms]){1,4}$"
UNIT_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
KEY_CHARACTERS = 32
SAID_CHARACTERS = 16


class Scope(BaseModel):
    """Alarms by what they are of; what is left out may be anything."""

    model_config = ConfigDict(extra="forbid")

    domain: Word | None = None
    zone: Word | None = None
    kind: Word | None = None
    entity: Word | None = None


class Schedule(BaseModel):
    """Each week, from one local time of the city until another; each day where no day is named."""

    model_config = ConfigDict(extra="forbid")

    from_: Annotated[Word, Field(alias="from", examples=["fri 18:00"])]
    until: Annotated[Word, Field(examples=["sun 18:00"])]


class Order(BaseModel):
    """A command; which fields an action takes stands in `docs/wall.md`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"action": "acknowledge", "alarm": "10b9c1d2e3f4", "revision": 1, "who": "李敏", "desk": "2"},
                {"action": "undo", "command": "9c1e-77ab", "who": "李敏", "desk": "2", "key": "5f1c"},
            ]
        },
    )  # fmt: skip

    action: Annotated[str, Field(json_schema_extra={"enum": sorted(SHAPES)})]
    alarm: Word | None = None
    incident: Word | None = None
    scope: Scope | None = None
    command: Annotated[Word | None, Field(description="id of the command that `undo`, `lift`, `restore` is about")] = (
        None
    )
    revision: Annotated[int | None, Field(ge=1, lt=2**53, description="of the alarm as the person saw it")] = None
    seen_level: Annotated[int | None, Field(ge=1, le=4, description="the level that the person saw")] = None
    key: Annotated[Word | None, Field(description="names this request: repeat it with the same key")] = None
    why: Why | None = None
    for_: Annotated[str | None, Field(alias="for", pattern=SPAN, examples=["30m", "1h30m"])] = None
    from_: Annotated[AwareDatetime | None, Field(alias="from", description="city time, with zone")] = None
    until: Annotated[AwareDatetime | None, Field(description="city time, with zone")] = None
    schedule: Schedule | None = None
    to: Annotated[Called | None, Field(description="desk")] = None
    into: Annotated[Word | None, Field(description="incident to fold into")] = None
    who: Called
    desk: Called


ELSEWHERE = {"scope": "where", "for_": "for_ms"}
"""Field of a request → of the command, where they differ; `from`, `until` and `schedule` make the window."""
TIMES = ("for_", "from_", "until", "schedule")
NOT_SAID = ("action", "key", *TIMES)


def command_id(key: str, order: Order) -> str:
    """Name the command that a request is."""
    said = order.model_dump_json(exclude={"key"}, exclude_none=True)
    parts = ((key, KEY_CHARACTERS), (said, SAID_CHARACTERS))
    return "-".join(hashlib.sha256(text.encode()).hexdigest()[:length] for text, length in parts)


def key_of(command: str) -> str:
    """Return what all commands of one key begin with."""
    return command[: KEY_CHARACTERS + 1]


def to_command(order: Order, command: str, city: str, clock: Callable[[int], int], wall_ms: int) -> Command:
    """Return the command that a request is; `clock` gives the city's time at a wall time.

    Its role is the lowest of the local desk's that may. Raises ProblemError with every fault, or that none may.
    """
    shape = SHAPES.get(order.action)
    if shape is None:
        known = ", ".join(sorted(SHAPES))
        raise invalid([("/body/action", Name(f"没有此操作；已知：{known}", f"No such action; known are {known}"))])
    takes = {field.name for field in msgspec.structs.fields(shape)}
    given = {name: value for name, value in order.model_dump().items() if value is not None and name not in NOT_SAID}
    said = {ELSEWHERE.get(name, name): value for name, value in given.items()}
    if "where" in said:
        said["where"] = {name: value for name, value in said["where"].items() if value is not None}
    said |= _times(order, takes, clock, wall_ms)
    if faults := [*_unused(said, order, takes)]:
        raise invalid(faults)
    role = lowest(order.action, said.get("for_ms", 0))
    if role is None:
        text = Name(f"本席位没有角色可以这样 {order.action}。", f"No role at this desk may {order.action} like this.")
        raise ProblemError(403, "role", text)
    record = {**said, "action": order.action, "id": command, "city": city, "role": role, "key": order.key or ""}
    try:
        found: Command = msgspec.convert(record, Command)
    except msgspec.ValidationError as exc:
        raise invalid([_fault(str(exc))]) from exc
    return found


def span_s(text: str) -> int:
    """Return how long a span of time is.

    >>> span_s("30m"), span_s("1h30m"), span_s("90s")
    (1800, 5400, 90)
    """
    return sum(int(number) * UNIT_S[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))


def _times(order: Order, takes: set[str], clock: Callable[[int], int], wall_ms: int) -> dict[str, Any]:
    """Return how long, or when, as the action takes it."""
    for_ms = None if order.for_ is None else span_s(order.for_) * 1000
    if "window" in takes:
        until_ms = _ms(order.until) if for_ms is None else clock(wall_ms + for_ms)
        weekly = None if order.schedule is None else {"from": order.schedule.from_, "until": order.schedule.until}
        window = {"from_ms": _ms(order.from_), "until_ms": until_ms, "weekly": weekly}
        return {"window": {name: value for name, value in window.items() if value is not None}}
    if "for_ms" in takes and order.until is not None and for_ms is None:
        for_ms = _wall_ms_until(order.until, clock, wall_ms)
    return {} if for_ms is None else {"for_ms": for_ms}


def _wall_ms_until(until: datetime, clock: Callable[[int], int], wall_ms: int) -> int:
    """Return how long it is, by the wall's clock, until a time of the city."""
    now_ms = clock(wall_ms)
    a_second_ms = clock(wall_ms + 1000) - now_ms
    left_ms = (_ms(until) or 0) - now_ms
    if left_ms <= 0 or a_second_ms <= 0:
        said = Name("时间必须在城市当前时间之后", "It has to be after the city's present time")
        raise invalid([("/body/until", said)])
    return -(-left_ms * 1000 // a_second_ms)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _unused(said: dict[str, Any], order: Order, takes: set[str]) -> Iterator[tuple[str, Name]]:
    """Yield what an action has no use for: a person who gave it meant something by it."""
    of_request = {there: here for here, there in ELSEWHERE.items()}
    unused = [of_request.get(name, name) for name in said if name not in takes]
    if "window" not in takes:
        unused += [name for name in ("from_", "schedule") if getattr(order, name) is not None]
        if "for_ms" not in takes and order.until is not None:
            unused.append("until")
    for name in unused:
        text = Name(f"{order.action} 没有此项", f"{order.action} takes no such field")
        yield f"/body/{name.removesuffix('_')}", text


def _fault(text: str) -> tuple[str, Name]:
    """Say where a command is wrong by the names of the request."""
    missing = re.search(r"required field `(\w+)`", text)
    place = re.search(r"`\$\.(\w+)", text)
    name = missing[1] if missing else place[1] if place else ""
    name = {"where": "scope", "for_ms": "for", "window": "until"}.get(name, name)
    if missing:
        return f"/body/{name}", Name("缺少此项", "Field required")
    return f"/body/{name}", Name(f"不合要求：{text}", text)
