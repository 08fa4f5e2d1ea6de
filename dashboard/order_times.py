"""How long, or when, as a request says it and its command takes it; what cannot be meant is refused. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from alerts.roles import ACKNOWLEDGE_MS, HOUR_MS, SHELVE_MS
from dashboard.iso_times import iso
from dashboard.problems import ProblemError, invalid
from streams.city.windows import Weekly, Window, ever_holds
from streams.contract.durations import DAY_MS
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from datetime import datetime

    from dashboard.orders import Order

UNIT_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
PLANNED_MS = 366 * DAY_MS
"""So far ahead works are planned; what is silent for longer is out of service."""
MOST_MS = {"acknowledge": ACKNOWLEDGE_MS, "shelve": max(SHELVE_MS.values()), "suppress": PLANNED_MS}
"""Action → how long it may last from now on."""
_TAKE_OUT = Name("；长期不用请停用（take_out）", "; take what is not in use out of service (take_out)")
INSTEAD = {
    "acknowledge": Name("；不写时长即直到升级为止", "; without it, it holds until the alarm rises"),
    "shelve": _TAKE_OUT,
    "suppress": _TAKE_OUT,
}
"""Action → what else would do, where that is too short."""


def span_s(text: str) -> int:
    """Return how long a span of time is.

    >>> span_s("30m"), span_s("1h30m"), span_s("90s")
    (1800, 5400, 90)
    """
    return sum(int(number) * UNIT_S[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))


def said_span(ms: int) -> str:
    """Write a span as a request does.

    >>> said_span(12 * HOUR_MS), said_span(PLANNED_MS)
    ('12h', '366d')
    """
    return f"{ms // DAY_MS}d" if ms % DAY_MS == 0 else f"{ms // HOUR_MS}h"


def times(order: Order, fields: Container[str], clock: Callable[[int], int], wall_ms: int, zone: str) -> dict[str, Any]:
    """Return how long, or when, as the action takes it; `clock` gives the city's time at a wall time.

    Raises ProblemError where it cannot be meant.
    """
    for_ms = None if order.for_ is None else span_s(order.for_) * 1000
    if for_ms == 0:
        said = Name(f"{order.for_} 没有长度：请写时长，如 30m", f"{order.for_} is no time: write how long, as 30m")
        raise invalid([("/body/for", said)])
    if for_ms is not None and for_ms > MOST_MS[order.action]:
        raise _too_long(order, str(order.for_))
    if order.until is not None:
        _see_that_it_is_to_come(order.until, clock(wall_ms))
    if "window" in fields:
        return {"window": _window(order, for_ms, clock, wall_ms, zone)}
    if order.until is not None and for_ms is None:
        for_ms = _wall_ms_until(order, order.until, clock, wall_ms)
    return {} if for_ms is None else {"for_ms": for_ms}


def _too_long(order: Order, given: str) -> ProblemError:
    """Refuse what lasts longer than it may; that no role may shelve for so long is a matter of roles."""
    most, instead = said_span(MOST_MS[order.action]), INSTEAD[order.action]
    zh = f"{given} 过长：{order.action} 自此刻起至多 {most}{instead.zh}"
    en = f"{given} is too long: {order.action} takes at most {most} from now on{instead.en}"
    if order.action in {"acknowledge", "suppress"}:
        return invalid([("/body/for" if order.for_ is not None else "/body/until", Name(zh, en))])
    return ProblemError(403, "role", Name(f"{zh}。没有角色可以更久。", f"{en}. No role may do it for longer."))


def _see_that_it_is_to_come(until: datetime, now_ms: int) -> None:
    given, now = until.isoformat(), iso(now_ms)
    if _ms(until) <= now_ms:
        zh = f"{given} 已过：城市当前时间为 {now}，请写之后的时间"
        en = f"{given} is over: it is {now} in the city; name a later time"
        raise invalid([("/body/until", Name(zh, en))])


def _see_that_it_is_near(name: str, moment: datetime, now_ms: int) -> None:
    """Refuse what lies further ahead, or behind, than anybody plans."""
    if abs(_ms(moment) - now_ms) > PLANNED_MS:
        given, now, far = moment.isoformat(), iso(now_ms), said_span(PLANNED_MS)
        zh = f"{given} 过远：城市当前时间为 {now}，请写相距 {far} 以内的时间"
        en = f"{given} is too far off: it is {now} in the city; name a time within {far} of it"
        raise invalid([(f"/body/{name}", Name(zh, en))])


def _window(order: Order, for_ms: int | None, clock: Callable[[int], int], wall_ms: int, zone: str) -> dict[str, Any]:
    """Return the window of a suppression; one that never holds is refused."""
    for name, moment in (("from", order.from_), ("until", order.until)):
        if moment is not None:
            _see_that_it_is_near(name, moment, clock(wall_ms))
    from_ms = None if order.from_ is None else _ms(order.from_)
    until_ms = None if order.until is None else _ms(order.until)
    until_ms = until_ms if for_ms is None else clock(wall_ms + for_ms)
    if order.from_ is not None and from_ms is not None and until_ms is not None and from_ms >= until_ms:
        given, end = order.from_.isoformat(), iso(until_ms)
        zh = f"{given} 不早于结束时间 {end}：请提前开始或推迟结束"
        en = f"{given} is not before the end, {end}: begin earlier or end later"
        raise invalid([("/body/from", Name(zh, en))])
    found: dict[str, Any] = {"from_ms": from_ms, "until_ms": until_ms}
    if order.schedule is not None:
        since, until = order.schedule.from_, order.schedule.until
        window = Window(**found, weekly=Weekly(since=since, until=until), time_zone=zone)
        if not ever_holds(window, clock(wall_ms)):
            zh = f"{since} 至 {until} 在给定的起止之间从不出现：请放宽 `from`、`until` 或 `for`"
            en = f"{since} until {until} never comes between the two ends: widen `from`, `until` or `for`"
            raise invalid([("/body/schedule", Name(zh, en))])
        found["weekly"] = {"from": since, "until": until}
    return {name: value for name, value in found.items() if value is not None}


def _wall_ms_until(order: Order, until: datetime, clock: Callable[[int], int], wall_ms: int) -> int:
    """Return how long it is, by the wall's clock, until a time of the city that is to come."""
    now_ms = clock(wall_ms)
    a_second_ms = clock(wall_ms + 1000) - now_ms
    if a_second_ms <= 0:
        said = Name("城市的时钟已停，时间不会到来：请用 `for`", "The city's clock stands still: give `for` instead")
        raise invalid([("/body/until", said)])
    for_ms = -(-(_ms(until) - now_ms) * 1000 // a_second_ms)
    if for_ms > MOST_MS[order.action]:
        raise _too_long(order, until.isoformat())
    return for_ms


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
