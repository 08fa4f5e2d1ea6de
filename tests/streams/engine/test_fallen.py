"""A log that ends before what was read of it is told, where it stays so; all else is as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streams.contract.stage import TopicPartition
from streams.engine.fallen import TOLD_AFTER_S, Fallen
from streams.health.advance import Place
from streams.health.pulse import Pulse

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = TopicPartition("city.inbox.v1.traffic", 0), TopicPartition("city.inbox.v1.traffic", 1)
PLACES = {ONE: Place(5000, 5000), OTHER: Place(7, 7)}


class Stage:
    name = "intake"


class View(Stage):
    shows_newest = True


def told(*ends: dict[TopicPartition, int | None], stage: Any = Stage, every_s: float = TOLD_AFTER_S) -> list[list[str]]:
    """Look again and again → the English of what is told each time."""
    at_s = [0.0]
    fallen, found = Fallen(stage(), lambda: at_s[0]), []
    for one in ends:
        found.append([notice.en for notice in fallen.look(PLACES, one)])
        at_s[0] += every_s
    return found


def test_a_topic_that_was_made_anew_is_told_by_name_with_the_cure(caplog: pytest.LogCaptureFixture) -> None:
    first, *later = told({ONE: 10, OTHER: 7}, {ONE: 12, OTHER: 7}, {ONE: 12, OTHER: 9})
    assert first == []
    assert [len(one) for one in later] == [1, 1]
    assert later[0][0].startswith(
        "city.inbox.v1.traffic, partition 0, ends at offset 12, but intake has read up to 5,000: the topic was deleted"
    )
    assert "another --data DIR" in later[0][0]
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "ends",
    [
        [{ONE: 5000, OTHER: 8}] * 3,
        [{ONE: 10}, {ONE: 5000}, {ONE: 10}],  # a new leader, for a moment
        [{ONE: None}, {}, {ONE: None}],
        [{}, {}, {}],
    ],
)
def test_nothing_is_told_of_what_is_well_or_not_known(ends: list[dict[TopicPartition, int | None]]) -> None:
    assert told(*ends) == [[], [], []]


def test_a_moment_is_not_told() -> None:
    assert told({ONE: 10}, {ONE: 10}, every_s=TOLD_AFTER_S / 2) == [[], []]


def test_a_view_of_the_newest_takes_what_there_is() -> None:
    assert told({ONE: 10}, {ONE: 10}, stage=View) == [[], []]


def test_the_pulse_tells_it_as_what_makes_the_city_degraded(tmp_path: Path) -> None:
    fallen = Fallen(Stage(), iter((0.0, TOLD_AFTER_S)).__next__)
    fallen.look(PLACES, {ONE: 10})
    pulse = Pulse("intake", "intake", tmp_path).beat({}, notices=fallen.look(PLACES, {ONE: 10}))
    (notice,) = pulse["notices"]
    assert notice["degraded"]
    assert "intake 已读到 5,000" in notice["zh"]
