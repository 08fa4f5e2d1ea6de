"""The hours of the books balance to the last reading where they can, and say what is on its way where they cannot."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from processors import congestion, slow_traffic
from streams.accounts.balance import account, balance
from streams.accounts.feeds import Feed
from streams.accounts.stages import Ledger

HOUR_MS = 3_600_000
START_MS = 400_000 * HOUR_MS
"""1970 + 400,000 h: 2015-08-19T16:00Z."""
ROWS = {(metric, segment): 3 for metric in ("tti_ratio", "speed_km_h", "delay_s") for segment in ("s1", "s2")}
SUMS = {("tti_ratio", "zone:z1"): 6, ("tti_ratio", "city:c"): 6}
"""Of the second level: they say the same again, and count for nothing."""


def books(*, mark_ms: int = START_MS + HOUR_MS) -> dict[str, Any]:
    """12 readings of one hour: 2 dead letters, 1 duplicate, 1 too late, 8 in frames: 6 in rows, 1 waits, 1 idle."""
    used = {"used": 7, "counted": 7, "dropped": {"no_vehicles": 1}}
    processors = {
        "congestion": used | {"decided": 0, "waiting": 1},
        "slow_traffic": used | {"decided": 5, "waiting": 2},
    }
    admitted = {"in_frames": 8, "duplicates": 1, "conflicts": 0, "too_late": 1}
    intake = {"readings_in": 12, "dead_lettered": {"future": 2}, "sent": 10}
    source = {"through": 6, "furthest": 6, "sent": 10, "taken": 10}
    whole = {name: {"used": 7, "dropped": {"no_vehicles": 1}} for name in processors}
    place = {"domain": "traffic", "partition": 0, "mark_ms": mark_ms}
    return {
        "intake": place
        | {"stage": "intake", "offset": 7, "hours": {str(START_MS): intake}}
        | {"counts": intake | {"first_at_ms": START_MS, "last_at_ms": START_MS + 1}},
        "zone": place
        | {"stage": "zone", "offset": 20, "emitted": 15}
        | {"hours": {str(START_MS): admitted | {"emitted": 15, "processors": processors}}}
        | {"counts": admitted | {"sources": {"0": source}, "processors": whole}},
        "history": {"stage": "history", "domain": "traffic", "partition": 0, "offset": 15, "begun": 15},
    }


def ledger(found: dict[str, Any], rows: dict[tuple[str, str], int] | None = None, **settled: Any) -> Ledger:
    def counts(from_ms: int, until_ms: int) -> dict[tuple[str, str], int]:
        assert until_ms - from_ms == HOUR_MS
        return SUMS | (ROWS if rows is None else rows) if from_ms == START_MS else {}

    specs = {"congestion": congestion.SPEC, "slow_traffic": slow_traffic.SPEC}
    return Ledger(found, settled, counts, lambda: found, specs, {"s1": "traffic", "s2": "traffic"})


def only(feeds: list[Feed]) -> Feed:
    (feed,) = feeds
    return feed


def test_hours_that_balance_tell_what_became_of_every_reading():
    feed = only(account(ledger(books())))
    assert (feed.unaccounted, feed.problems, feed.judged_until_ms) == (0, [], None)
    ranged = only(account(ledger(books()), START_MS, START_MS + 1))
    assert (ranged.readings_in, ranged.in_frames, ranged.duplicates) == (12, 8, 1)
    assert ranged.dead_lettered == {"future": 2, "too_late": 1}
    one = ranged.processors["congestion"]
    assert (one.used, one.dropped, one.counted, one.in_rows, one.waiting) == (7, {"no_vehicles": 1}, 7, 6, 1)
    assert ranged.processors["slow_traffic"].decided == 5


@pytest.mark.parametrize(
    ("path", "by", "said"),
    [
        (("intake", "hours", str(START_MS), "readings_in"), 1, "intake, traffic, hour 2015-08-19T16:00Z"),
        (("intake", "hours", str(START_MS), "dead_lettered", "future"), -1, "intake, traffic, hour"),
        (("zone", "hours", str(START_MS), "duplicates"), -1, "zones, traffic, hour"),
        (
            ("zone", "hours", str(START_MS), "processors", "congestion", "used"),
            -1,
            "processor congestion, traffic, hour",
        ),
        (
            ("zone", "hours", str(START_MS), "processors", "congestion", "waiting"),
            -1,
            "processor congestion, traffic, hour",
        ),
        (
            ("zone", "hours", str(START_MS), "processors", "slow_traffic", "decided"),
            1,
            "processor slow_traffic, traffic",
        ),
    ],
)
def test_a_single_reading_is_missed(path: tuple[str, ...], by: int, said: str):
    changed = books()
    place: Any = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] += by
    feed = only(balance(ledger(changed)))
    assert feed.unaccounted == 1
    assert {problem.startswith(said) for problem in feed.problems} == {True}


def test_a_partition_that_settled_the_hour_without_a_processor_says_so():
    """Eight readings of another partition never were this processor's: it came later there."""
    found = books()
    found["another"] = copy.deepcopy(found["zone"]) | {"partition": 1}
    del found["another"]["hours"][str(START_MS)]["processors"]["congestion"]
    feed = only(balance(ledger(found)))
    assert [problem for problem in feed.problems if "congestion" in problem] == []
    assert feed.processors["congestion"].dropped == {"joined_later": 8, "no_vehicles": 1}


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("metric", ["tti_ratio", "speed_km_h", "delay_s"])
def test_a_row_that_counts_one_reading_more_or_less_is_found(metric: str, by: int):
    feed = only(balance(ledger(books(), ROWS | {(metric, "s2"): 3 + by})))
    assert feed.unaccounted == 1
    (problem,) = feed.problems
    assert problem.startswith("processor congestion, traffic, hour 2015-08-19T16:00Z")
    assert problem.endswith(f"in rows of {metric}: off by {-by:+}")


def test_rows_on_their_way_to_the_history_are_not_missing_but_too_many_are():
    behind = books()
    behind["history"]["offset"] = 14
    feed = only(balance(ledger(behind, ROWS | {(metric, "s1"): 0 for metric, _ in ROWS})))
    assert (feed.unaccounted, feed.to_store, feed.judged_until_ms) == (0, 3, START_MS)
    assert only(balance(ledger(behind, ROWS | {("delay_s", "s1"): 4}))).unaccounted == 1


def test_a_history_ahead_of_the_books_may_hold_more_but_not_less():
    ahead = books()
    ahead["history"]["begun"] = 16
    feed = only(balance(ledger(ahead, ROWS | {(metric, "s1"): 4 for metric, _ in ROWS})))
    assert (feed.unaccounted, feed.judged_until_ms) == (0, START_MS)
    assert only(balance(ledger(ahead, ROWS | {("delay_s", "s1"): 2}))).unaccounted == 1


def test_once_an_hour_is_settled_it_is_exact_however_far_the_stages_have_gone():
    later = books(mark_ms=START_MS + 3 * HOUR_MS)
    later["zone"]["counts"]["sources"]["0"] |= {"through": 5}  # behind intake
    later["history"]["begun"] = 99  # ahead of the zones' book
    assert only(balance(ledger(later))).judged_until_ms is None
    for metric, count in (("delay_s", 2), ("delay_s", 4)):
        assert only(balance(ledger(later, ROWS | {(metric, "s1"): count}))).unaccounted == 1
    later["zone"]["hours"][str(START_MS)]["in_frames"] -= 1
    assert (
        "zones, traffic, hour 2015-08-19T16:00Z: rows sent to them, less taken: off by +1"
        in only(balance(ledger(later))).problems
    )


def test_a_settled_hour_lives_in_a_record_of_its_own_which_wins():
    found = books(mark_ms=START_MS + 3 * HOUR_MS)
    settled = {
        f"hour:{START_MS}:{stage}:traffic:0": copy.deepcopy(found[stage]["hours"][str(START_MS)])
        for stage in ("intake", "zone")
    }
    found["intake"]["hours"], found["zone"]["hours"] = {}, {str(START_MS): {"in_frames": 1}}
    feed = only(balance(ledger(found, **settled)))
    assert (feed.readings_in, feed.in_frames, feed.unaccounted) == (12, 8, 0)


def test_what_the_zones_have_not_reached_is_on_the_way():
    behind = books()
    behind["zone"]["counts"]["sources"]["0"] |= {"through": 5, "furthest": 5}
    hour = behind["zone"]["hours"][str(START_MS)]
    hour["duplicates"] = 0
    feed = only(balance(ledger(behind)))
    assert (feed.unaccounted, feed.on_the_way, feed.judged_until_ms) == (0, 1, START_MS)


def test_hours_older_than_the_rows_of_minutes_are_not_judged():
    found = books()
    found["intake"]["hours"][str(START_MS + 166 * HOUR_MS)] = {"readings_in": 1, "dead_lettered": {}, "sent": 1}
    old = only(balance(ledger(found, {}), None, START_MS + HOUR_MS))
    assert old.unaccounted > 0
    found["intake"]["hours"][str(START_MS + 167 * HOUR_MS)] = {"readings_in": 1, "dead_lettered": {}, "sent": 1}
    assert only(balance(ledger(found, {}), None, START_MS + HOUR_MS)).readings_in == 0


def test_a_sensor_that_left_the_city_keeps_its_rows():
    gone = replace(ledger(books()), domain_of={"s1": "traffic"})
    assert only(balance(gone)).unaccounted == 0


def test_rows_that_come_while_the_audit_reads_are_ahead_of_the_books_it_has_read():
    found, now = books(), books()
    now["history"]["begun"] = 17
    more = ROWS | {(metric, "s1"): 4 for metric, _ in ROWS}
    assert only(balance(ledger(found, more))).unaccounted == 1
    assert only(balance(replace(ledger(found, more), books_now=lambda: now))).unaccounted == 0


@pytest.mark.parametrize("reason", ["joined_later", "set_aside"])
@pytest.mark.parametrize(("told", "unaccounted"), [(6, 0), (4, 0), (3, 1)])
def test_rows_of_a_rebuilt_processor_may_tell_what_it_is_not_booked_for_but_not_less(
    reason: str, told: int, unaccounted: int
):
    """Of 8 in frames it has 5, 1 of them waits: 4 in rows. A correction of what it had in silence tells 2 more."""
    changed = books()
    mine = changed["zone"]["hours"][str(START_MS)]["processors"]["congestion"]
    mine |= {"used": 5, "counted": 5, "dropped": {"no_vehicles": 1, reason: 2}}
    rows = {(metric, "s1"): told for metric in ("tti_ratio", "speed_km_h", "delay_s")}
    assert only(balance(ledger(changed, rows))).unaccounted == unaccounted
