"""Order and counts of the open alarms, kept as they change: equal to what a plain sort and count would give."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.alarm_book import AlarmBook
from dashboard.alarm_list import matrix
from dashboard.cards import card_of
from tests.dashboard.conftest import an_alarm

STANDINGS = ("unacknowledged", "acknowledged", "returned_unacknowledged", "shelved", "suppressed", "out_of_service")
NAMES = [f"a{number}" for number in range(8)]


def book_of(*alarms: dict) -> AlarmBook:
    book = AlarmBook()
    book.take([one["id"] for one in alarms], {one["id"]: one for one in alarms})
    return book


def test_unacknowledged_first_then_level_then_who_waits_longest():
    book = book_of(
        an_alarm("done", level=1, acknowledged=True),
        an_alarm("young", level=2, waiting_since_ms=2000),
        an_alarm("old", level=2, waiting_since_ms=1000),
        an_alarm("risen", level=2, raised_at_ms=1, waiting_since_ms=1500),
        an_alarm("blue", level=4, waiting_since_ms=1),
        an_alarm("red", level=1, waiting_since_ms=9000),
        an_alarm("of an older engine", level=2, raised_at_ms=1700),
        an_alarm("folded", level=2, presented=False),
        an_alarm("aside", level=1, standing="shelved"),
    )
    wanted = ["red", "old", "risen", "of an older engine", "young", "blue", "done"]
    assert book.top(20) == wanted
    assert [place[-1] for place in book.after(None)] == [*wanted, "folded", "aside"]


def test_what_is_set_aside_is_counted_for_itself_and_what_is_folded_with_the_others():
    book = book_of(
        an_alarm("a", level=1),
        an_alarm("b", level=1, acknowledged=True),
        an_alarm("c", level=3, presented=False),
        an_alarm("d", level=2, standing="shelved"),
        an_alarm("e", level=2, standing="out_of_service"),
        an_alarm("f", level=4, kind="sensor_silent", equipment=True),
    )
    assert book.counts() == {
        "levels": [[2, 1], [0, 0], [1, 1], [1, 1]], "total": 4, "waiting": 3,
        "shelved": 1, "suppressed": 0, "out_of_service": 1, "equipment": 1,
    }  # fmt: skip


def test_equipment_that_blinds_nobody_is_counted_for_itself_and_found():
    book = book_of(an_alarm("a", level=3), an_alarm("f", level=4, equipment=True, presented=False))
    assert (book.counts()["total"], book.counts()["equipment"]) == (1, 1)
    assert [cell[2] for cell, _ in book.cells()] == [3]
    assert (book.top(20), [place[-1] for place in book.after(None)]) == (["a"], ["a", "f"])


def test_a_cell_shows_the_highest_level_and_all_active_alarms():
    book = book_of(
        an_alarm("a", level=3),
        an_alarm("b", level=2, acknowledged=True),
        an_alarm("c", zone="nowhere"),
        an_alarm("d", level=1, state="cleared"),
        an_alarm("e", level=1, standing="suppressed"),
    )
    assert matrix(book.cells(), {"east": 0, "west": 1}, {"traffic": 0}) == [[0, 0, 2, 2, 1]]


ALARM = st.builds(
    lambda standing, level, since, presented, zone: an_alarm(
        standing=standing, acknowledged=standing == "acknowledged", level=level, waiting_since_ms=since,
        presented=presented, zone=zone, state="cleared" if standing.startswith("returned") else "active",
    ),
    st.sampled_from(STANDINGS), st.integers(1, 4), st.integers(0, 5), st.booleans(), st.sampled_from(["east", "west"]),
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.none() | ALARM), max_size=60))
def test_any_sequence_of_changes_leaves_what_is_made_anew_of_the_rest(changes):
    kept, alarms = AlarmBook(), {}
    for name, alarm in changes:
        alarms.pop(name, None)
        if alarm is not None:
            alarms[name] = alarm | {"id": name}
        kept.take([name], alarms)
    anew = book_of(*alarms.values())
    assert kept.after(None) == anew.after(None) == sorted(anew.after(None))
    assert kept.counts() == anew.counts()
    assert dict(kept.cells()) == dict(anew.cells())
    plain = Counter(one["level"] for one in alarms.values() if one["standing"] in STANDINGS[:3])
    assert [row[0] for row in kept.counts()["levels"]] == [plain[level] for level in (1, 2, 3, 4)]


def test_many_changes_at_once_leave_the_same(monkeypatch):
    alarms = [an_alarm(f"a{n}", level=1 + n % 4, waiting_since_ms=n % 7, acknowledged=n % 3 == 0) for n in range(50)]
    one_by_one = book_of(*alarms)
    monkeypatch.setattr("dashboard.alarm_book.MANY", 10)
    assert book_of(*alarms).after(None) == one_by_one.after(None)


@pytest.mark.parametrize("count", [20_000])
def test_a_hundred_changes_cost_the_same_among_few_and_among_many(count):
    """In CPU, as a ratio: made anew, 20,000 would cost two hundred times what 100 do."""

    def cost(of: int) -> float:
        alarms = {f"a{n}": an_alarm(f"a{n}", level=1 + n % 4, waiting_since_ms=n * 7919 % of) for n in range(of)}
        book = book_of(*alarms.values())
        begun = time.process_time()
        for round_ in range(20):
            changed = [f"a{n * (of // 100)}" for n in range(100)]
            for name in changed:
                alarms[name] = alarms[name] | {"acknowledged": round_ % 2 == 0}
            book.take(changed, alarms)
            book.top(20), book.counts(), list(book.cells())
        return (time.process_time() - begun) / 20

    assert min(cost(count) for _ in range(3)) < 20 * min(cost(100) for _ in range(3))


def an_incident(cause: str, *members: str, **other: object) -> dict:
    counts = {"levels": [0, 0, len(members), 0], "asking": len(members), "presented": True, "waiting_since_ms": 5}
    return {"id": "i1", "cause": cause, "alarms": list(members), "why": None, **counts, **other}


def members(*names: str, **other: object) -> dict[str, dict]:
    return {name: an_alarm(name, level=3, incident="i1", presented=False, **other) for name in names}


def shown(book: AlarmBook) -> list[str]:
    return book.top(20)


def test_one_alarm_speaks_for_an_incident_and_the_next_when_it_has_ended():
    alarms, incidents, book = members("a", "b", "c"), {"i1": an_incident("a", "a", "b", "c")}, AlarmBook()
    book.take(alarms, alarms, incidents, incidents)
    assert shown(book) == ["a"]
    assert book.counts()["waiting"] == 3
    incidents["i1"] = an_incident("a", "b", "c")
    book.take(["a"], {name: alarms[name] for name in "bc"}, incidents, ["i1"])
    assert shown(book) == ["b"]


def test_an_incident_that_waits_to_be_shown_is_not_among_the_first_and_is_found_all_the_same():
    alarms, incidents, book = members("a", "b"), {"i1": an_incident("a", "a", "b", presented=False)}, AlarmBook()
    book.take(alarms, alarms, incidents, incidents)
    assert shown(book) == []
    assert [place[-1] for place in book.after(None)] == ["a", "b"]
    incidents["i1"] = an_incident("a", "a", "b")
    book.take([], alarms, incidents, ["i1"])
    assert shown(book) == ["a"]


def test_a_card_stands_where_its_worst_member_would_and_level_i_stands_for_itself():
    alarms = members("a", "b") | {"red": an_alarm("red", level=1, incident="i1", presented=True)}
    alarms["single"] = an_alarm("single", level=3, waiting_since_ms=1)
    incidents = {"i1": an_incident("red", "red", "a", "b", levels=[1, 1, 1, 0])}
    book = AlarmBook()
    book.take(alarms, alarms, incidents, incidents)
    assert shown(book) == ["red", "a", "single"]
    assert card_of(alarms["a"], incidents, alarms)["count"] == 2
    assert card_of(alarms["red"], incidents, alarms) is None


def test_what_is_acknowledged_whole_stands_behind_what_waits():
    alarms = members("a", "b", acknowledged=True) | {"single": an_alarm("single", level=4)}
    incidents = {"i1": an_incident("a", "a", "b", asking=0)}
    book = AlarmBook()
    book.take(alarms, alarms, incidents, incidents)
    assert shown(book) == ["single", "a"]


def test_a_member_that_is_shelved_does_not_speak():
    alarms = members("a", "b") | members("a", standing="shelved")
    incidents = {"i1": an_incident("a", "a", "b")}
    book = AlarmBook()
    book.take(alarms, alarms, incidents, incidents)
    assert shown(book) == ["b"]
    assert [place[-1] for place in book.after(None)] == ["b", "a"]


def test_each_desk_has_its_own_list_and_counts_within_those_of_all():
    mine = [an_alarm("a", level=2, desk="traffic"), an_alarm("b", level=1, desk="traffic", acknowledged=True)]
    theirs = [an_alarm("c", level=1, desk="rest"), an_alarm("d", level=3, desk="rest", standing="shelved")]
    book = book_of(*mine, *theirs)
    assert book.desks == ["rest", "traffic"]
    assert (book.top(20), book.top(20, "traffic"), book.top(20, "rest")) == (["c", "a", "b"], ["a", "b"], ["c"])
    assert (book.counts("rest")["total"], book.counts("rest")["shelved"], book.counts("traffic")["waiting"]) == (
        1,
        1,
        1,
    )
    moved = {one["id"]: one | {"desk": "rest"} for one in [*mine, *theirs]}
    book.take(["a"], moved)
    assert (book.top(20, "traffic"), book.top(20, "rest")) == (["b"], ["c", "a"])
    assert book.counts()["total"] == 3
    assert book_of(an_alarm("a", level=2)).desks == []
