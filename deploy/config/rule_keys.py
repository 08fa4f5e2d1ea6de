"""Keys of an alarm rule that a city wrote (`rules.toml`): one of the settings' with other values, or one of its own."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from streams.toml_keys import Fault, faults_of_keys, fields_of, missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import msgspec

NAME = "name"


def faults(name: str, values: Mapping[str, Any], kind: type[msgspec.Struct], known: Collection[str]) -> Iterator[Fault]:
    """Say what is wrong with a rule's keys.

    Args:
        name: its section.
        values: what stands there.
        kind: what a whole rule is.
        known: names of the rules that the settings have.
    """
    fields = {key: one for key, one in fields_of(kind).items() if key != NAME}
    lacking = missing(values, fields)
    if name not in known and lacking:
        near = difflib.get_close_matches(name.casefold(), known, n=1)
        meant = f"did you mean {near[0]!r}? If not, it" if near else "a rule of the city's own"
        yield Fault("", None, f"the settings have no rule {name!r}; {meant} needs {', '.join(lacking)} too")
    if NAME in values:
        yield Fault(NAME, values[NAME], "the section's name is the rule's; take this away")
    yield from faults_of_keys({key: value for key, value in values.items() if key != NAME}, fields)
