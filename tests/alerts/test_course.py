"""What happens to alarms has words in both languages."""

import re
from typing import get_args, get_type_hints

import pytest

from alerts import course
from alerts.commands import Command
from alerts.events import Change, TimeReached

SILENT = {"normal", "evidence", "ended", "future"}
"""Findings that did nothing to any alarm."""


def happenings() -> set[str]:
    actions = {str(kind.__struct_config__.tag) for kind in get_args(Command)}
    told = get_args(get_type_hints(TimeReached)["what"])
    whole = {f"{one}{course.OF_WHOLE}" for one in ("acknowledge", "unacknowledge", "undo")}
    return {*actions, *whole, *get_args(Change), *told, "presented", "retired", "refused"} - SILENT


def test_all_that_happens_has_a_name_and_nothing_else_has():
    assert set(course.NAMES) == happenings()


@pytest.mark.parametrize("what", course.NAMES)
def test_names_are_in_their_language(what: str):
    assert re.search(r"[一-鿿]", course.name_of(what).zh)
    assert not re.search(r"[一-鿿]", course.name_of(what).en)
