"""What an entity hangs on, and what hangs on it, in cities small enough to see it."""

import pytest

from streams.city.check import check
from streams.city.dependence import Dependence
from streams.city.folder import read_folder
from streams.city.parts import Relation
from streams.city.registry import load_city
from tests.city_edits import sentences, whole


def web(text):
    """`a>b` = a powers b."""
    return Dependence([Relation(one[0], "powers", one[2]) for one in text.split()])


def paths(found):
    return {other: "".join([path[0].source, *(one.target for one in path)]) for other, path in found.items()}


CASES = {
    "nobody": ("a>b", "x", {}, {}),
    "a chain": ("a>b b>c c>d", "c", {"b": "bc", "a": "abc"}, {"d": "cd"}),
    "the nearest first, by the shortest way": ("a>b b>c c>d a>d", "d", {"c": "cd", "a": "ad", "b": "bcd"}, {}),
    "two causes of two effects": ("a>m b>m m>x m>y", "m", {"a": "am", "b": "bm"}, {"x": "mx", "y": "my"}),
    "ways of one length: as the file has them": ("a>c a>b b>d c>d", "a", {}, {"c": "ac", "b": "ab", "d": "acd"}),
    "a cycle": ("a>b b>c c>a", "a", {"c": "ca", "b": "bca"}, {"b": "ab", "c": "abc"}),
}


@pytest.mark.parametrize(("text", "entity", "causes", "effects"), CASES.values(), ids=CASES)
def test_causes_and_effects_come_with_their_paths(text, entity, causes, effects):
    found = web(text).depends_on(entity), web(text).felt_at(entity)
    assert [list(paths(one).items()) for one in found] == [list(causes.items()), list(effects.items())]


@pytest.mark.parametrize(
    ("text", "cycles"),
    [
        ("a>b b>c a>c", []),
        ("a>b b>a", ["aba"]),
        ("x>a a>b b>c c>a c>y", ["abca"]),
        ("a>b b>a b>c c>b", ["aba", "bcb"]),
        ("a>b c>d d>c", ["cdc"]),
    ],
)
def test_every_cycle_is_found_once(text, cycles):
    assert ["".join([way[0].source, *(one.target for one in way)]) for way in web(text).cycles()] == cycles


def test_without_the_last_relation_of_each_cycle_there_is_none():
    tangled = web("a>b b>c c>a c>b b>a c>d d>a")
    cut = {way[-1] for way in tangled.cycles()}
    assert Dependence([one for one in tangled.relations if one not in cut]).cycles() == []


def test_a_long_row_is_walked_without_recursion():
    row = Dependence([Relation(str(i), "feeds", str(i + 1)) for i in range(2_000)])
    assert row.cycles() == []
    assert len(row.depends_on("2000")["0"]) == 2_000


def test_the_check_names_a_cycle_once_at_the_line_that_closes_it(city_folder):
    lines = ("d0,powers,d1", "d1,drains,s1", "s1,carries,d0", "d2,feeds,d0")
    whole("relations.csv", "\n".join(("from,relation,to", *lines)) + "\n")(city_folder)
    (problem,) = sentences(check(read_folder(city_folder)).problems)
    assert problem == (
        f"{city_folder}/relations.csv: line 4: to: 'd0' would be felt at itself: d0 powers d1 (line 2), "
        "d1 drains s1 (line 3), s1 carries d0 (line 4); take out the line that points against the flow"
    )


def test_a_long_cycle_is_said_shortly(city_folder):
    ring = "".join(f"s{i},feeds,s{(i + 1) % 8}\n" for i in range(8))
    whole("relations.csv", "from,relation,to\n" + ring)(city_folder)
    (problem,) = sentences(check(read_folder(city_folder)).problems)
    assert "s5 feeds s6 (line 7), and 2 more; take out" in problem


def test_a_city_knows_who_hangs_on_whom(city_folder):
    whole("relations.csv", "from,relation,to\nw0,drains,s0\nd0,powers,w0\nd0,powers,w0\n")(city_folder)
    city = load_city(city_folder)
    assert paths(city.dependence.depends_on("s0")) == {"w0": "w0s0", "d0": "d0w0s0"}
