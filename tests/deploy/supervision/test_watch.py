"""The supervisor's watch by a clock of its own: who is condemned, when, and what excuses everybody."""

from itertools import pairwise
from pathlib import Path

import pytest

from deploy.supervision.pulses import PartitionPulse, PartPulse
from deploy.supervision.stack import part_plans
from deploy.supervision.tail import PartitionExtent, Tail
from deploy.supervision.watch import AFTER_WORKER_S, START_LIMIT_S, Watch, Worker

TOPIC = "city.inbox.v1.traffic"
ONE, TWO = Worker("intake", "intake", 11), Worker("intake-2", "intake", 12)
LIMIT_S = 30.0 + AFTER_WORKER_S


def tail(now_ms, *, answers=True, begin=0, end=9, partitions=1, answer_s=0.005):
    extents = [PartitionExtent(TOPIC, number, begin, end) for number in range(partitions)]
    return Tail(now_ms, answers, extents, answer_s)


def pulse(worker, now_ms, *, absorbed=5, owns=(0,), waits=None, pid=None):
    rows = [PartitionPulse(TOPIC, number, "intake", absorbed, absorbed, 0, 0.0) for number in owns]
    return PartPulse(worker.name, pid or worker.pid, now_ms, rows, {}, [TOPIC], 30.0, waits)


def idle(_pid):
    return 0.0


def condemned(seconds, sight, workers=(ONE,), effort_s=idle):
    """Look once a second; `sight(second, now_ms)` → tail and pulses. → the last verdict."""
    watch = Watch(effort_s)
    verdict = None
    for second in range(seconds + 1):
        now_ms = 1_000_000 + 1000 * second
        found, pulses = sight(second, now_ms)
        verdict = watch.look(float(second), now_ms, found, {one.part: one for one in pulses}, workers)
    return verdict


def frozen(second, now_ms):
    """The worker was stopped at second 0; the topic goes on."""
    return tail(now_ms, end=9 + second), [pulse(ONE, 1_000_000)]


def test_stopped_worker_is_condemned_after_its_limit_and_not_before():
    assert condemned(int(LIMIT_S) - 1, frozen).condemned == {}
    found = condemned(int(LIMIT_S), frozen)
    assert set(found.condemned) == {"intake"}
    assert found.condemned["intake"].said.en == f"intake stands still on {TOPIC}, partition 0, at 5 of 44, for 35 s"
    assert "停滞 35 秒" in found.condemned["intake"].said.zh


def test_standstill_is_told_before_it_is_punished():
    found = condemned(20, frozen)
    assert [still.name for still in found.stills] == ["intake"]
    assert found.condemned == {}


def test_worker_that_no_longer_fetches_is_seen_though_its_pulse_is_fresh():
    found = condemned(40, lambda _, now_ms: (tail(now_ms), [pulse(ONE, now_ms)]))
    assert set(found.condemned) == {"intake"}


def test_old_pulse_of_a_worker_whose_partition_another_has_taken_over_is_condemned_too():
    def sight(second, now_ms):
        return tail(now_ms, end=9 + second), [pulse(ONE, 1_000_000), pulse(TWO, now_ms, absorbed=9 + second)]

    assert set(condemned(40, sight, (ONE, TWO)).condemned) == {"intake"}


def test_partition_that_nobody_has_condemns_every_worker_of_the_part():
    def sight(_, now_ms):
        return tail(now_ms, partitions=3), [pulse(ONE, now_ms, absorbed=9), pulse(TWO, now_ms, absorbed=9, owns=(1,))]

    found = condemned(40, sight, (ONE, TWO))
    assert set(found.condemned) == {"intake", "intake-2"}
    assert found.stills[0].said.en == f"no worker of intake has {TOPIC}, partition 2, for 40 s"


def test_process_that_never_begins_is_condemned_after_a_long_while():
    def sight(_, now_ms):
        return tail(now_ms), [pulse(ONE, now_ms, pid=7)]  # an earlier process's

    assert condemned(int(START_LIMIT_S) - 1, sight).condemned == {}
    assert set(condemned(int(START_LIMIT_S), sight).condemned) == {"intake"}


@pytest.mark.parametrize(
    "sight",
    [
        lambda _, now_ms: (tail(now_ms, answers=False), [pulse(ONE, 1_000_000)]),
        lambda _, now_ms: (None, [pulse(ONE, 1_000_000)]),
        lambda _, now_ms: (tail(1_000_000), [pulse(ONE, 1_000_000)]),
        lambda _, now_ms: (tail(now_ms, end=5), [pulse(ONE, 1_000_000)]),
        lambda _, now_ms: (tail(now_ms, begin=9), [pulse(ONE, 1_000_000)]),
        lambda _, now_ms: (tail(now_ms), [pulse(ONE, now_ms, waits="InfluxDB")]),
        lambda _, now_ms: (tail(now_ms), [pulse(ONE, 1_000_000, owns=(), waits="its start")]),
        lambda second, now_ms: (tail(now_ms, end=90), [pulse(ONE, now_ms, absorbed=second)]),
        lambda second, now_ms: (tail(now_ms, answers=second % 30 != 0), [pulse(ONE, now_ms)]),
        lambda _, now_ms: (tail(now_ms), []),
    ],
    ids=["broker away", "no tail yet", "tail silent", "no lag", "all deleted", "waits", "starts", "advances",
         "broker away now and then", "no pulse yet"],
)  # fmt: skip
def test_nobody_is_condemned_while(sight):
    assert condemned(100, sight).condemned == {}


def test_an_old_pulse_that_waits_is_no_excuse():
    found = condemned(60, lambda _, now_ms: (tail(now_ms), [pulse(ONE, 1_000_000, waits="InfluxDB")]))
    assert set(found.condemned) == {"intake"}


def test_partition_without_owner_is_no_fault_while_a_worker_starts():
    def sight(_, now_ms):
        return tail(now_ms, partitions=2), [pulse(ONE, now_ms, absorbed=9)]

    assert condemned(60, sight, (ONE, TWO)).condemned == {}


def test_a_part_has_as_many_processes_as_its_setting_says():
    plans = part_plans(Path("/data"), 1, {"intake": 2})
    assert [plan.name for plan in plans if plan.absorbs == "intake"] == ["intake", "intake-2"]
    assert plans[[plan.name for plan in plans].index("intake-2")].command[-2:] == ["--worker", "2"]
    assert {plan.name for plan in plans if plan.absorbs is None} == {"feeds", "wall"}
    assert len({plan.name for plan in plans}) == len(plans)


def stuck(_second, now_ms):
    """It has a fresh pulse and does not advance."""
    return tail(now_ms), [pulse(ONE, now_ms)]


@pytest.mark.parametrize(
    ("effort_s", "limit_s"),
    [(0.0, LIMIT_S), (0.5, 2 * LIMIT_S), (0.9, 10 * LIMIT_S)],
    ids=["idle", "half of the time waits for a processor", "turns in circles"],
)
def test_time_in_which_it_tried_hardly_counts(effort_s, limit_s):
    assert condemned(int(limit_s) - 1, stuck, effort_s=lambda _: effort_s).condemned == {}
    assert set(condemned(int(limit_s) + 1, stuck, effort_s=lambda _: effort_s).condemned) == {"intake"}


def test_a_starved_process_is_never_condemned():
    assert condemned(1_000, stuck, effort_s=lambda _: 1.0).condemned == {}


def slow_brokers(_second, now_ms):
    """They take a second for what takes a tenth of one at most."""
    return tail(now_ms, answer_s=1.0), [pulse(ONE, now_ms)]


def overdue_tail(_second, now_ms):
    """The tail reader has waited for an answer since 1 s after it should have written."""
    return tail(now_ms - 5_000), [pulse(ONE, now_ms)]


@pytest.mark.parametrize("sight", [slow_brokers, overdue_tail])
def test_brokers_that_are_slow_to_others_too_stretch_the_limit(sight):
    assert condemned(int(10 * LIMIT_S) - 1, sight).condemned == {}
    assert set(condemned(int(10 * LIMIT_S) + 1, sight).condemned) == {"intake"}


def test_progress_in_another_partition_is_progress():
    def sight(second, now_ms):
        one = pulse(ONE, now_ms, owns=(0, 1))
        one.partitions[1] = PartitionPulse(TOPIC, 1, "intake", second, second, 0, 0.0)
        return tail(now_ms, end=10_000, partitions=2), [one]

    assert condemned(300, sight).condemned == {}


def test_after_each_kill_in_a_row_the_limit_doubles_until_it_has_been_well_for_long():
    watch, killed = Watch(idle), []
    for second in range(4_000):
        now_ms = 1_000_000 + 1000 * second
        moves = second if second > 1_500 and second < 3_000 else 5
        worker = Worker("intake", "intake", 100 + len(killed))
        found = {"intake": pulse(worker, now_ms, absorbed=moves)}
        if watch.look(float(second), now_ms, tail(now_ms, end=10_000), found, (worker,)).condemned:
            killed.append(second)
    waits = [after - before for before, after in pairwise(killed)]
    assert waits[:3] == [71, 141, 281]  # 2, 4, 8 times 35 s, and the first look of a new process
    assert next(second for second in killed if second >= 3_000) == 3_000 + 35
