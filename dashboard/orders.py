"""What a person asks for over HTTP, and the command that it becomes. Pure.

A command's id follows from the client's `key` and from what it says: the same key and body give the same id, whichever
wall is asked and however often; of one key, another body has another id that begins alike.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Any, get_args

import msgspec
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from alerts.commands import Command, Warn
from alerts.roles import lowest
from dashboard.faults import OURS
from dashboard.order_fields import SPAN, Called, Schedule, Scope, Why, Word
from dashboard.order_times import times
from dashboard.problems import ProblemError, invalid
from streams.contract.name import Name
from streams.toml_keys import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_core import ErrorDetails

    from streams.city.registry import City

SHAPES: dict[str, type[msgspec.Struct]] = {
    str(one.__struct_config__.tag): one for one in get_args(Command) if one is not Warn
}
"""Action → the shape of its command; a public warning is given with its message, by `citywall warn`."""

KEY_CHARACTERS = 32
SAID_CHARACTERS = 16

_BY = {"who": "李敏", "desk": "2"}
_OF_ALARM = {"alarm": "10b9c1d2e3f4", "revision": 1, **_BY}
EXAMPLES: tuple[dict[str, Any], ...] = (
    {"action": "acknowledge", **_OF_ALARM, "for": "30m", "key": "5f1c"},
    {"action": "acknowledge", "incident": "5be2f0c4a1d7", **_BY},
    {"action": "unacknowledge", **_OF_ALARM},
    {"action": "unacknowledge", "incident": "5be2f0c4a1d7", **_BY},
    {"action": "note", **_OF_ALARM, "why": "patrol is on its way"},
    {"action": "assign", **_OF_ALARM, "to": "3"},
    {"action": "escalate", **_OF_ALARM, "to": "指挥中心", "why": "two lanes are closed"},
    {"action": "shelve", **_OF_ALARM, "why": "known, works until noon", "for": "1h30m"},
    {"action": "unshelve", **_OF_ALARM},
    {"action": "reset", **_OF_ALARM},
    {"action": "end", **_OF_ALARM, "why": "seen on the spot: nothing there"},
    {"action": "fold", **_OF_ALARM, "into": "5be2f0c4a1d7"},
    {"action": "split", **_OF_ALARM},
    {"action": "suppress", "scope": {"zone": "Z03"}, "schedule": {"from": "fri 18:00", "until": "sun 18:00"},
     "why": "works each weekend", **_BY},
    {"action": "lift", "command": "9c1e-77ab", **_BY},
    {"action": "take_out", "scope": {"entity": "det-017"}, "why": "loop is cut", **_BY},
    {"action": "restore", "command": "9c1e-77ab", **_BY},
    {"action": "undo", "command": "9c1e-77ab", **_BY},
)  # fmt: skip


class Order(BaseModel):
    """A command; which fields its action takes stands with the route."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [*EXAMPLES]})

    action: Annotated[str, Field(json_schema_extra={"enum": sorted(SHAPES)})]
    alarm: Word | None = None
    incident: Word | None = None
    scope: Scope | None = None
    command: Annotated[Word | None, Field(description="id of the command that `undo`, `lift`, `restore` is about")] = (
        None
    )
    revision: Annotated[
        int | None, Field(strict=True, ge=1, lt=2**53, description="of the alarm as the person saw it")
    ] = None
    seen_level: Annotated[int | None, Field(strict=True, ge=1, le=4, description="the level that the person saw")] = (
        None
    )
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

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, data: Any, made_of: ModelWrapValidatorHandler[Order]) -> Order:  # noqa: ANN401 - JSON
        """Tell all faults at once: of each field by itself, and of what the action needs and does not take."""
        found = [*_faults_of_action(data)]
        try:
            order = made_of(data)
        except ValidationError as exc:
            found = [*map(_again, exc.errors(include_url=False)), *found]
        if found:
            raise ValidationError.from_exception_data(cls.__name__, found)
        return order


OF_WALL = ("id", "city", "who", "desk")
"""What every command has to say, and the wall sees to."""
SAID_BY = {"where": ("scope",), "for_ms": ("for", "until"), "window": ("until", "for", "schedule")}
"""Field of a command → what of a request makes it: one of these."""
ALARM_OR_INCIDENT = ("alarm", "incident")
EITHER = (ALARM_OR_INCIDENT, ("for", "until"))
"""Fields of which a request has one."""
SUBJECTS = ("alarm", "incident", "scope", "command")
"""What a command may be about."""
REQUESTED = {field.alias or name for name, field in Order.model_fields.items()}


def needs(action: str) -> list[tuple[str, ...]]:
    """Return what an action needs; of several one.

    >>> needs("shelve"), needs("acknowledge")
    ([('alarm',), ('why',), ('for', 'until')], [('alarm', 'incident')])
    """
    fields = [name for name, one in fields_of(SHAPES[action]).items() if one.required and name not in OF_WALL]
    found = [SAID_BY.get(name, (name,)) for name in sorted(fields, key=lambda name: (name in SAID_BY, name))]
    return [ALARM_OR_INCIDENT, *found] if "incident" in fields_of(SHAPES[action]) else found


def takes(action: str) -> set[str]:
    """Return all that an action has a use for."""
    fields = {"action", "key", *fields_of(SHAPES[action])}
    said = {name for field in fields for name in SAID_BY.get(field, (field,))}
    return (said | ({"from"} if "window" in fields else set())) & REQUESTED


def described() -> str:
    """Say which fields each action takes."""
    always = {"action", "key", "who", "desk"}
    lines = ["Each takes `action`, `who`, `desk` and, if you like, `key`.", ""]
    for action in sorted(SHAPES):
        need = needs(action)
        rest = sorted(takes(action) - always - {name for names in need for name in names})
        needed = ", ".join(" or ".join(f"`{name}`" for name in names) for names in need)
        lines.append(
            f"- `{action}`: {needed}" + (f"; may have {', '.join(f'`{one}`' for one in rest)}" if rest else "")
        )
    return "\n".join(lines)


def _faults_of_action(data: Any) -> Iterator[InitErrorDetails]:  # noqa: ANN401 - JSON
    """Yield what a request lacks, and what of it its action has no use for: who gave that meant something by it."""
    action = data.get("action") if isinstance(data, dict) else None
    if not isinstance(action, str):
        return
    if action not in SHAPES:
        known = ", ".join(sorted(SHAPES))
        yield _said("action", action, Name(f"没有此操作；可用：{known}", f"No such action; there are {known}"))
        return
    given = {name for name, value in data.items() if value is not None} & REQUESTED
    blank = {name for name in given if isinstance(data[name], str) and not data[name].strip()}
    for names in needs(action):
        if not given.intersection(names) or (names == ("why",) and names[0] in blank):
            zh, en = (word.join(names) for word in (" 或 ", " or "))
            yield _said(names[0], None, Name(f"{action} 需要 {zh}", f"{action} needs {en}"))
    taken, about = takes(action), next(filter(set(SUBJECTS).intersection, needs(action)))
    for name in sorted(given - blank - taken):
        said = Name(f"{action} 没有此项", f"{action} takes no such field")
        if name in SUBJECTS:
            zh, en = (word.join(f"`{one}`" for one in about) for word in (" 或 ", " or "))
            said = Name(f"{action} 针对 {zh}，请去掉 `{name}`", f"{action} is about {en}: leave `{name}` out")
        yield _said(name, data[name], said)
    for one, other in EITHER:
        if {one, other} <= (given - blank) & taken:
            said = Name(f"`{one}` 与 `{other}` 只能给出一项", f"Give `{one}` or `{other}`, not both")
            yield from (_said(name, data[name], said) for name in (one, other))


def _said(field: str, value: Any, said: Name) -> InitErrorDetails:  # noqa: ANN401 - JSON
    return InitErrorDetails(type=PydanticCustomError(OURS, "{en}", said._asdict()), loc=(field,), input=value)


def _again(fault: ErrorDetails) -> InitErrorDetails:
    """Return a fault as it can be raised once more."""
    if fault["type"] == OURS:
        return InitErrorDetails(
            type=PydanticCustomError(OURS, "{en}", fault["ctx"]), loc=fault["loc"], input=fault["input"]
        )
    return InitErrorDetails(type=fault["type"], loc=fault["loc"], input=fault["input"], ctx=fault.get("ctx", {}))


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


def to_command(order: Order, command: str, city: City, clock: Callable[[int], int], wall_ms: int) -> Command:
    """Return the command that a request is; `clock` gives the city's time at a wall time.

    Its role is the lowest of the local desk's that may. Raises ProblemError with every fault, or that none may.
    """
    given = {name: value for name, value in order.model_dump().items() if value is not None and name not in NOT_SAID}
    said = {ELSEWHERE.get(name, name): value for name, value in given.items()}
    if "where" in said:
        said["where"] = {name: value for name, value in said["where"].items() if value is not None}
    said |= times(order, fields_of(SHAPES[order.action]), clock, wall_ms, city.time_zone)
    role = lowest(order.action, said.get("for_ms", 0))
    if role is None:
        text = Name(f"本席位没有角色可以这样 {order.action}。", f"No role at this desk may {order.action} like this.")
        raise ProblemError(403, "role", text)
    record = {**said, "action": order.action, "id": command, "city": city.id, "role": role, "key": order.key or ""}
    try:
        found: Command = msgspec.convert(record, Command)
    except msgspec.ValidationError as exc:
        raise invalid([_fault(str(exc))]) from exc
    return found


def _fault(text: str) -> tuple[str, Name]:
    """Say where a command is wrong by the names of the request."""
    place = re.search(r"`\$\.(\w+)", text)
    name = place[1] if place else ""
    name = {"where": "scope", "for_ms": "for", "window": "until"}.get(name, name)
    return f"/body/{name}", Name("超出允许的范围", "It is outside of what is allowed")
