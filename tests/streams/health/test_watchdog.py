"""Alive means advancing: what counts as standing still, what excuses it, and that a hung loop is seen."""

import asyncio

import pytest

from streams.contract.stage import TopicPartition
from streams.health.advance import LOOK_S, Advance, Place
from streams.health.effort import Work, excused_s
from streams.health.watchdog import LOADING_LIMIT_S, Watchdog

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


def looks(steps):
    """Look once for each (time, places) → the last answer."""
    advance = Advance()
    found = {}
    for now_s, places in steps:
        found = advance.look(now_s, places)
    return found


def standing(*seconds, absorbed=5, end=9):
    return [(second, {A: Place(absorbed, end)}) for second in seconds]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (standing(100), {A: 0.0}),
        (standing(100, 101, 102, 103), {A: 3.0}),
        ([*standing(100, 101), (102, {A: Place(6, 9)}), (103, {A: Place(6, 9)})], {A: 1.0}),
        ([*standing(100, 101), (102, {A: Place(9, 9)}), *standing(103, 104)], {A: 1.0}),
        ([*standing(100, 101), (102, {}), *standing(103, 104)], {A: 1.0}),
        ([*standing(100, 101), (102, {A: Place(5, 20)})], {A: 2.0}),
        (standing(100, 150), {A: LOOK_S}),
        ([(100, {A: Place(5, 9), B: Place(1, 1)}), (101, {A: Place(5, 9), B: Place(1, 2)})], {A: 1.0, B: 0.0}),
    ],
    ids=["first look", "stands", "moves", "no lag", "excused", "only the end moves", "nobody looked", "each its own"],
)
def test_standing_is_lag_without_advance_while_somebody_looks(steps, expected):
    assert looks(steps) == expected


class Ended(Exception):
    """The process would have ended."""


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def dog(clock):
    def end(reason):
        raise Ended(reason)

    return Watchdog("intake", 30.0, lambda: clock[0], end, lambda: 0.0)


def judge(dog, clock, seconds, places, *, loading=False, answer_s=0.0):
    for _ in range(seconds):
        clock[0] += 1
        dog.judge(places, loading=loading, answer_s=answer_s)


def test_stage_that_stands_still_for_its_limit_is_ended_with_the_place_in_the_reason(dog, clock):
    judge(dog, clock, 30, {A: Place(5, 9)})  # the first look begins the count: 29 s so far
    with pytest.raises(Ended, match=r"intake stands still: t\[0\] is absorbed up to 5 of 9 and .* for 30 s"):
        judge(dog, clock, 1, {A: Place(5, 9)})


def test_an_excuse_begins_the_count_anew(dog, clock):
    judge(dog, clock, 29, {A: Place(5, 9)})
    judge(dog, clock, 1, {})
    judge(dog, clock, 30, {A: Place(5, 9)})


def test_loading_is_no_standstill_but_has_a_limit_of_its_own(dog, clock):
    judge(dog, clock, int(LOADING_LIMIT_S) + 1, {A: Place(5, 9)}, loading=True)
    with pytest.raises(Ended, match="loading its state for 301 s"):
        judge(dog, clock, 1, {}, loading=True)


def test_process_that_was_stopped_does_not_take_that_for_its_stages_standstill(dog, clock):
    judge(dog, clock, 2, {A: Place(5, 9)})
    clock[0] += 300.0
    judge(dog, clock, 1, {A: Place(5, 9)})


def test_loop_that_does_not_run_is_ended_and_its_stack_is_shown(dog, capsys):
    loop = asyncio.new_event_loop()
    dog._beat_loop(loop)
    loop.close()
    dog.watch_loop(1.0)  # sees the beat
    for _ in range(29):
        dog.watch_loop(1.0)
    with pytest.raises(Ended, match="intake stands still: its event loop has not run for 30 s"):
        dog.watch_loop(1.0)
    assert "test_loop_that_does_not_run" in capsys.readouterr().err


def test_loop_that_runs_and_a_thread_that_was_stopped_end_nothing(dog):
    loop = asyncio.new_event_loop()
    for _ in range(100):
        dog._beat_loop(loop)
        dog.watch_loop(1.0)
    loop.close()
    dog.watch_loop(3600.0)


def test_slow_is_not_stuck(clock):
    """In each second it works 0.1 s and waits 0.85 s for a processor: 0.06 s count, so 30 s are there after 500."""

    def end(reason):
        raise Ended(reason)

    before, now = Work(0.0, {1: 0.0}), Work(0.1, {1: 0.05, 2: 0.8})
    dog = Watchdog("intake", 30.0, lambda: clock[0], end, lambda: excused_s(before, now))
    judge(dog, clock, 495, {A: Place(5, 9)})
    judge(dog, clock, 2_000, {}, loading=True)
    for _ in range(495):
        dog.watch_loop(1.0)
    with pytest.raises(Ended, match="has not advanced for 30 s"):
        judge(dog, clock, 510, {A: Place(5, 9)})


@pytest.mark.parametrize(("answer_s", "limit_s"), [(0.0, 30), (0.1, 30), (1.0, 300), (3.0, 900)])
def test_slow_brokers_stretch_the_limit_by_as_much_as_they_are_slower(dog, clock, answer_s, limit_s):
    judge(dog, clock, limit_s, {A: Place(5, 9)}, answer_s=answer_s)
    with pytest.raises(Ended, match=r"t\[0\] is absorbed up to 5 of 9"):
        judge(dog, clock, limit_s // 30 + 1, {A: Place(5, 9)}, answer_s=answer_s)


def test_another_partition_that_advances_keeps_the_stage_alive(dog, clock):
    for second in range(240):  # 24 s of it count
        judge(dog, clock, 1, {A: Place(5, 9), B: Place(second, 1000)})
    with pytest.raises(Ended, match=r"t\[0\]"):
        judge(dog, clock, 10, {A: Place(5, 9), B: Place(250, 1000)})
