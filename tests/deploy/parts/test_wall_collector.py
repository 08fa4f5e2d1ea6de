"""The wall's process looks for cycles so seldom that nobody waits for it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from deploy.parts.wall import collect_seldom

if TYPE_CHECKING:
    from collections.abc import Iterator

OPEN = 150_000
OLDEST = 2


@pytest.fixture
def full_collections() -> Iterator[list[str]]:
    """Note each search through all objects, and put the collector back."""
    found: list[str] = []

    def note(phase: str, about: dict[str, Any]) -> None:
        if phase == "start" and about["generation"] == OLDEST:
            found.append(phase)

    before = gc.get_threshold()
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.set_threshold(*before)
    gc.unfreeze()


def test_rows_that_come_do_not_make_it_search_through_all_objects(full_collections):
    collect_seldom()
    alarms = [[[name], [name]] for name in range(OPEN)]
    assert len(alarms) == OPEN
    assert full_collections == []
