"""What keeps alarms from being presented: shelves, suppressions and out-of-service marks, each one a cover. Pure.

A cover is over all alarms of a place, domain, kind or entity. What is covered is counted and found; it calls nobody.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from alerts.commands import Where
from streams.city.windows import Window, holds, next_change_ms
from streams.contract.level import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.city.clock import ClockSetting

What: TypeAlias = Literal["out_of_service", "suppressed", "shelved"]

RANK: tuple[What, ...] = ("out_of_service", "suppressed", "shelved")
"""Which of several gives an alarm its name."""


OF_RULE = "rule:"
"""What the id of a rule's schedule begins with, the kind behind it; no person lifts it."""


class Cover(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One of them; its id is that of the command that made it."""

    id: str
    what: What
    city: str
    where: Where
    who: str = ""
    """Empty where a rule's schedule says so."""
    desk: str = ""
    why: str = ""
    at_ms: int = 0
    """Engine time at which it was made; so `until_ms`, at which a shelf is over."""
    until_ms: int | None = None
    level: Level = 1
    """It covers alarms of this level and below: a shelf does not hold what gets worse."""
    window: Window | None = None
    """When a suppression is in force, None = from the first to the last."""
    in_force: bool = True
    due_ms: int | None = None
    """Engine time at which it is next in force or no longer, None = never by itself."""


def wheres(zone: str, domain: str, kind: str, entity: str) -> Iterator[Where]:
    """Yield every `Where` that has an alarm with these in it, the entire city too.

    >>> len(list(wheres("z1", "traffic", "slow_traffic", "s1"))), len(list(wheres("", "traffic", "", "")))
    (16, 2)
    """
    for one in product(*({"", name} for name in (zone, domain, kind, entity))):
        yield Where(zone=one[0], domain=one[1], kind=one[2], entity=one[3])


def as_of(cover: Cover, now_ms: int, clock: ClockSetting | None) -> Cover:
    """Return the cover as it stands at an engine time, with what is next due of it."""
    if cover.window is None:
        return msgspec.structs.replace(cover, due_ms=cover.until_ms)
    city_ms = now_ms if clock is None else clock.at(now_ms)
    change_ms = next_change_ms(cover.window, city_ms)
    due_ms = None if change_ms is None else reached_at_ms(clock, change_ms)
    return msgspec.structs.replace(cover, in_force=holds(cover.window, city_ms), due_ms=due_ms)


def is_over(cover: Cover, now_ms: int, clock: ClockSetting | None) -> bool:
    """Tell whether it will never be in force again."""
    if cover.window is None:
        return cover.until_ms is not None and now_ms >= cover.until_ms
    city_ms = now_ms if clock is None else clock.at(now_ms)
    return not holds(cover.window, city_ms) and next_change_ms(cover.window, city_ms) is None


def reached_at_ms(clock: ClockSetting | None, city_ms: int) -> int | None:
    """Return the first engine time at which the city clock shows that time or a later one, None = never."""
    if clock is None:
        return city_ms
    if clock.speed <= 0 or (clock.until_ms is not None and city_ms > clock.until_ms):
        return None
    at_ms = clock.wall_ms + int((city_ms - clock.at_ms) / clock.speed) - 1
    while clock.at(at_ms) < city_ms:
        at_ms += 1
    return at_ms
