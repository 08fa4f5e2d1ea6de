"""Ratios, targets and the table, on figures made up for them."""

import pytest

from tests.bench import contract, race, table, targets


def run(name, cpu_us, *, wrong=0):
    return race.Run(name, 1_000, cpu_us, 2 * cpu_us, 100.0, wrong)


RUNS = [
    run(name, cpu_us)
    for name, cpu_us in [("slow", 300), ("quick", 2), ("slow", 500), ("quick", 4), ("slow", 310), ("quick", 2.5)]
]


def test_a_cost_is_the_median_of_the_rounds_and_the_cheapest_comes_first():
    assert list(table.costs_us(RUNS).items()) == [("quick", 2.5), ("slow", 310.0)]


def test_a_ratio_says_how_many_times_less_the_first_needs():
    found = table.ratios({"quick": 2.5, "slow": 310.0})
    assert found == {"quick/slow": 124.0, "slow/quick": 0.008}  # 310 / 2.5; 2.5 / 310 = 0.00806


@pytest.mark.parametrize(
    ("ratios", "costs_us", "missed"),
    [
        ({}, {}, []),
        ({"intake/textbook_faust": 60.0, "one_hop/bare_loop": 0.8}, {"frames": 1.0}, []),
        ({"intake/textbook_faust": 59.9}, {}, ["intake/textbook_faust"]),
        ({"textbook_faust/intake": 0.01}, {"intake": 5.0}, []),
        ({"kernel/kafka_streams": 2.0}, {"frames": 1.2}, ["kernel/kafka_streams", "frames"]),
    ],
)
def test_a_target_is_judged_where_its_contestants_ran(ratios, costs_us, missed):
    assert [line.split()[0] for line in targets.missed(ratios, costs_us)] == missed


def contestant(name, **more):
    return contract.Contestant(name, (name,), "t", lambda value: (), lambda process, place: [], **more)


def test_the_figures_say_under_which_conditions_they_count():
    contestants = [
        contestant("quick", versions=lambda: {"q": "1"}),
        contestant("slow", durable=False, inexact="its clock"),
    ]
    runs = [run("quick", 2.0), run("slow", 300.0, wrong=0), run("slow", 301.0, wrong=7)]
    found = table.figures(contestants, runs)
    assert found["quick"]["durable"]
    assert found["quick"]["versions"] == {"q": "1"}
    assert not found["slow"]["durable"]
    assert (found["slow"]["cpu_us"], found["slow"]["wrong_windows"]) == ([300.0, 301.0], [0, 7])
    rows = table.lines(contestants, runs)
    assert [row.split()[0] for row in rows] == ["contestant", "quick", "slow"]
    assert rows[1].endswith("durable")
    assert rows[2].endswith("none; wrong windows [0, 7]")


def test_a_slow_contestant_is_never_given_more_than_it_can_take():
    slow = contestant("slow", most_readings=100)
    assert (slow.readings(4_000), slow.readings(50), contestant("quick").readings(4_000)) == (100, 50, 4_000)


WANTED = {(1, 0): (1.5, 10), (2, 0): (2.0, 20)}


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (WANTED, 0),
        ({(1, 0): (1.5, 10)}, 1),  # one is missing
        ({(1, 0): (1.5, 11), (2, 0): (2.1, 20)}, 2),  # another count; another value
        ({**WANTED, (3, 0): (1.0, 1)}, 1),  # nobody asked
        ({**WANTED, (3, 660_000): (1.0, 1)}, 0),  # a sentinel's
    ],
)
def test_windows_that_differ_are_counted(found, wrong):
    assert race.wrong_windows(found, WANTED) == wrong


@pytest.mark.parametrize("name", contract.names())
def test_a_contestant_has_what_the_harness_asks(name):
    one = contract.load(name)
    assert one.processes
    assert one.readings(4_000) == 4_000
    assert all(version for version in one.versions().values())
