"""Order and counts of the open alarms, kept as they change: equal to what a plain sort and count would give."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.alarm_book import AlarmBook
from dashboard.alarm_list import matrix
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
        an_alarm("f", level=4, kind="sensor_silent"),
    )
    assert book.counts() == {
        "levels": [[2, 1], [0, 0], [1, 1], [1, 1]], "total": 4, "waiting": 3,
        "shelved": 1, "suppressed": 0, "out_of_service": 1, "equipment": 1,
    }  # fmt: skip


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
