"""A rule's record: why it exists and what a person does about it, in both languages; without it no rule is enabled.

source: ISA-18.2 / IEC 62682 and EEMUA 191 (rationalisation: cause, consequence, corrective action, time to respond)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from streams.city.windows import Weekly  # at run time: msgspec reads the types of the fields
from streams.toml_keys import Fault, faults_within

if TYPE_CHECKING:
    from collections.abc import Mapping

RECORD = "record"
"""The table of a rule that holds it."""
NOTHING = (None, "")

Text = Annotated[str, msgspec.Meta(pattern=r"\S")]


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text in both languages."""

    zh: Text
    en: Text


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator needs to know of a rule."""

    title: Words
    """What is wrong, in so few words that they stand beside a place in a row that is read from 5 m away."""
    owner: Words
    """The department that acts, and that answers for the rule."""
    time_to_respond_s: Annotated[int, msgspec.Meta(gt=0)]
    """How soon after the raise the action must have begun to help, at the rule's highest level."""
    cause: Words
    """What brings it about, the likeliest first."""
    consequence: Words
    """What happens if nobody acts."""
    action: Words
    """What the operator does, in order; how to tell a false alarm comes first."""


class Found(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule whose judging is a processor's own, or an authority's: its numbers are keys of their settings."""

    processor: Text
    numbers: tuple[Text, ...]
    """Which keys: each may stand in the rule, and goes before the processor's own section."""
    domain: str = ""
    """Of its alarms, "" = whatever domain it looks at."""
    levels: tuple[Literal["iv", "iii", "ii", "i"], ...] = ()
    """Those that the processor can raise, where I or II is among them."""
    enabled: bool = True
    """`false`: its findings raise nothing, and its alarms end."""
    latching: bool = False
    """As of a rule of `threshold`; so `schedule`."""
    schedule: Weekly | None = None
    basis: Literal["standard", "local", "proposal", "official"]
    """Official: an authority has decided it, nothing here is judged."""
    reference: Text | Words
    """Standard with clause, local order, or `own choice`."""


def faults(rule: Mapping[str, object], *, enabled: bool) -> list[Fault]:
    """Say what is wrong with a rule's record; what it lacks counts only where the rule is enabled."""
    if enabled and not rule.get(RECORD):
        wanted = ", ".join(Record.__struct_fields__)
        cure = f"write [{RECORD}] with {wanted}, or enabled = false"
        return [Fault(RECORD, None, f"a rule is enabled with its record only; {cure}")]
    found = faults_within(rule.get(RECORD, {}), Record, RECORD)
    return [one for one in found if enabled or one.value not in NOTHING]
