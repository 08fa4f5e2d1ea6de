"""A rule of `combination`: how many other rules stand at one place, and what makes one that could never hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np

from processors.maths.hold import Limits
from processors.maths.rule_faults import odd_words
from processors.maths.rule_levels import LEVELS
from processors.maths.rules import Reference  # at run time: as below
from streams.city.windows import Weekly, odd_schedule  # at run time: msgspec reads the types of the fields
from streams.domains.schema import load_schemas
from streams.hints import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.city.registry import City

KIND = "combination"
STANDS = "stands:"
"""Key in the evidence, before the name of a rule that stands → the entity at which it has stood longest."""

Count = Annotated[int, msgspec.Meta(ge=1)]


class Combination(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When several rules together are an alarm of their own. A limit that is left out: it does not have that level."""

    name: str
    """The bad thing, e.g. `street_floods`: the detection's kind."""
    kind: Literal["combination"]
    enabled: bool = True
    """`false`: it is not judged."""
    domain: str
    """To which its alarms belong."""
    of: tuple[str, ...]
    """Names of the rules."""
    within: Literal["zone", "city", "segment"] = "zone"
    """Where they must stand together; its alarms are of that place. A sensor without a segment counts in none."""
    iv: Count | None = None
    """How many of the rules must stand, at whatever level, at however many sensors; so `iii`, `ii`, `i`."""
    iii: Count | None = None
    ii: Count | None = None
    i: Count | None = None
    on_delay_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """How long so many must stand before the level counts."""
    off_delay_s: Annotated[float, msgspec.Meta(ge=0)] = 120.0
    """How long fewer must before a milder level, or none, counts."""
    latching: bool = False
    """As of `Rule`; so `schedule`, `basis`, `reference`."""
    schedule: Weekly | None = None
    basis: Literal["standard", "local", "proposal"]
    reference: str | Reference

    @property
    def limits(self) -> Limits:
        """The limits from IV to I, as arithmetic takes them."""
        ordered = [np.nan if limit is None else float(limit) for limit in (self.iv, self.iii, self.ii, self.i)]
        first, second, third, fourth = ordered
        return Limits((first, second, third, fourth), False, 0.0, self.on_delay_s, self.off_delay_s)

    def place(self, city: City, zone: str, entity: str) -> str | None:
        """Return where an entity counts, None = nowhere, or no more."""
        if self.within == "city":
            return f"city:{city.id}"
        if self.within == "zone":
            return f"zone:{zone}" if zone in city.zone_code else None
        if entity in city.segment_code:
            return entity
        code = city.sensor_code.get(entity)
        segment = -1 if code is None else city.sensors[code].segment
        return city.segments[segment].id if segment >= 0 else None


def standing(evidence: Mapping[str, float | str]) -> dict[str, str]:
    """Return the rules that stand by what the evidence of a combination says, each with where it has stood longest.

    >>> standing({"basis": "proposal", "stands:rain_heavy": "gauge-3"})
    {'rain_heavy': 'gauge-3'}
    """
    return {key.removeprefix(STANDS): str(where) for key, where in evidence.items() if key.startswith(STANDS)}


def problems(rule: Combination) -> Iterable[str]:
    """Say what is wrong with a rule, but for what it takes to know others: the rule, the key and the cure."""
    schemas = load_schemas()
    yield from odd_words(rule)
    if rule.domain not in schemas:
        yield f"rule {rule.name}: domain: there is none called {rule.domain!r}{nearest(rule.domain, schemas)}"
    twice = sorted({one for one in rule.of if rule.of.count(one) > 1})
    if twice or len(rule.of) < 2:  # noqa: PLR2004 - one rule is no combination
        why = f"{twice[0]!r} stands there twice" if twice else f"{len(rule.of)} stands there"
        yield f"rule {rule.name}: of: at least two rules, each once, are needed, and {why}"
    limits = {key: limit for key in LEVELS if (limit := getattr(rule, key)) is not None}
    if not limits:
        yield f"rule {rule.name}: at least one of {', '.join(LEVELS)} is needed: how many of its rules must stand"
    written = ", ".join(f"{key} = {limit}" for key, limit in limits.items())
    if list(limits.values()) != sorted(set(limits.values())):
        yield f"rule {rule.name}: from iv to i more of its rules must stand, not {written}"
    if limits and max(limits.values()) > max(len(rule.of), 1):
        yield f"rule {rule.name}: it is of {len(rule.of)} rules, no more can stand: {written}"
    if text := odd_schedule(rule.schedule):
        yield f"rule {rule.name}: schedule: {text}"
