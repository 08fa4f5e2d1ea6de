"""A city that brings a domain of its own: its sensors, its topics, and what is refused."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.broker import topics
from streams.city import versions
from streams.city.check import check
from streams.city.folder import read_folder, signature
from streams.city.kept import keep
from streams.city.own_domains import take_in
from streams.city.registry import load_city
from streams.contract.frames import FIXED_NAMES
from streams.contract.spec import Config, Spec
from streams.domains import schema
from tests.small_city import write_small_city

HARBOUR = """domain = "harbour"
zh = "港口"
en = "Harbour"
disorder_s = 20.0

[columns.draught_m]
zh = "吃水"
en = "Draught"
unit = "m"
range = [0, 30]
data_class = "public"
"""


HEAD = HARBOUR.partition("[")[0]
COLUMN = '[columns.c{}]\nzh = "某"\nen = "Some"\nunit = ""\nrange = [0, 1]\ndata_class = "public"\n'


def with_line(line: str) -> str:
    return HARBOUR.replace("disorder_s = 20.0", line)


@pytest.fixture(autouse=True)
def _no_domains_left_over() -> Iterator[None]:
    yield
    schema.take_in({})


def with_file(folder: Path, name: str, text: str) -> Path:
    (folder / "domains").mkdir(exist_ok=True)
    (folder / "domains" / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def with_domain(folder: Path, text: str = HARBOUR, name: str = "harbour") -> Path:
    with_file(write_small_city(folder), name, text)
    lines = (folder / "sensors.csv").read_text(encoding="utf-8")
    (folder / "sensors.csv").write_text(f"{lines}quay-1,{name},z0,,0,0,60,,\n", encoding="utf-8")
    return folder


def test_a_city_has_sensors_of_its_own_domain(tmp_path: Path):
    city = load_city(with_domain(tmp_path))
    assert city.zones_of_domain["harbour"] == ("z0",)
    assert "harbour" not in schema.all_domains()  # the check of a folder changes nothing for the process


def test_once_taken_in_it_has_topics_and_processors_like_the_others(tmp_path: Path):
    take_in(with_domain(tmp_path))
    assert schema.all_domains()[-1] == "harbour"
    assert schema.load_schemas()["harbour"].disorder_ms == 20_000
    names = {topic.name for topic in topics.all_topics()}
    assert {"city.inbox.v1.harbour", "city.readings.v1.harbour", "city.state.v1.zone.harbour"} <= names
    assert topics.domain_of()["city.inbox.v1.harbour"] == "harbour"
    every = Spec(domains=("*",), step=lambda *_: None, config=Config, state=dict)
    assert every.taken()[-1] == "harbour"
    take_in(write_small_city(tmp_path / "another"))
    assert len(schema.all_domains()) == 12


def test_versions_and_copies_hold_it(tmp_path: Path):
    folder = read_folder(with_domain(tmp_path / "city"))
    copy = keep(folder, tmp_path / "kept")
    assert read_folder(copy).files["domains/harbour.toml"] == HARBOUR.encode()
    (message,) = versions.next_version(folder, {}, {})
    from tests.streams.city.test_versions import records

    assert versions.load(versions.stored(records([message]))[1]).city.sensor_code["quay-1"] >= 0


def test_a_change_of_it_is_seen(tmp_path: Path):
    before = signature(with_domain(tmp_path))
    with_domain(tmp_path, HARBOUR.replace("20.0", "30.0"))
    assert signature(tmp_path) != before


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (HARBOUR.replace("harbour", "water"), "water", "water.toml: CityWall has a domain 'water'"),
        (HARBOUR, "port", "port.toml: domain: it must be the file's name, 'port', not 'harbour'"),
        (HEAD, "harbour", "harbour.toml: columns: at least one"),
        (HEAD + "columns = 3\n", "harbour", "harbour.toml: columns: at least one"),
        (HARBOUR.replace("[0, 30]", '["a", "b"]'), "harbour", "column draught_m: range: [low, high] is needed"),
        (HARBOUR.replace('"Draught"', "3"), "harbour", "column draught_m: en: a text is needed, not 3"),
        (HARBOUR.replace("draught_m", "at"), "harbour", "column at: small letters"),
        *((HARBOUR.replace("draught_m", name), "harbour", f"column {name}: small letters") for name in FIXED_NAMES),
        (HARBOUR.replace("draught_m", '"Draught m"'), "harbour", "column Draught m: small letters"),
        (HARBOUR.replace("harbour", "Harbour"), "Harbour", "a domain's name has small letters"),
        ("domain = \n", "harbour", "harbour.toml: cannot be read"),
        (
            HARBOUR.replace("20.0", "5000"),
            "harbour",
            "disorder_s: 5000 s is longer than late_limit_s, 3600 s, for which event times are remembered; "
            "write at most 3600, or late_limit_s = 5000",
        ),
        (
            HARBOUR.replace("disorder_s = 20.0", "late_limit_s = 2"),
            "harbour",
            "late_limit_s: 2 s is shorter than disorder_s, which is 5 s where it is left out; write at least 5, or",
        ),
        (
            HARBOUR.replace("20.0", "1e9"),
            "harbour",
            "disorder_s: seconds from 0 to 21,600 are needed, not 1000000000.0",
        ),
        (HARBOUR.replace("20.0", "-1"), "harbour", "disorder_s: seconds from 0 to 21,600 are needed, not -1"),
        (with_line("late_limit_s = 1e9"), "harbour", "late_limit_s: seconds from 1 to 21,600 are needed, not"),
        (with_line("mark_silence_s = 1e9"), "harbour", "mark_silence_s: seconds from 1 to 21,600 are needed, not"),
        (with_line("mark_silence_s = 0"), "harbour", "mark_silence_s: seconds from 1 to 21,600 are needed, not 0"),
        (with_line("partitions = 1000000"), "harbour", "partitions: a whole number from 1 to 1,000 is needed, not"),
        (with_line("order = 1.5"), "harbour", "order: a whole number from 1 to 1,000,000 is needed, not 1.5"),
        (with_line("late_limit = 7200"), "harbour", "the key 'late_limit' is not known; the nearest is 'late_limit_s'"),
        (with_line('stamps = "middle"'), "harbour", "stamps: 'middle' is not one of moment, begin, end"),
        (HARBOUR.replace('zh = "港口"\n', ""), "harbour", "harbour.toml: zh: the domain's name is needed, a text"),
        (HARBOUR.replace("[0, 30]", "[30, 0]"), "harbour", "range: [low, high] is needed, not [30, 0]; write [0, 30]"),
        (HARBOUR.replace("[0, 30]", "[3, 3]"), "harbour", "range: [low, high] is needed, and 3 is both"),
        (HARBOUR.replace("[0, 30]", f"[0, 1{'0' * 400}]"), "harbour", "range: [low, high] is needed, two numbers"),
        (
            HARBOUR + "".join(COLUMN.format(number) for number in range(63)),
            "harbour",
            "columns: 64 are too many: 63 can",
        ),
    ],
)
def test_what_is_no_domain_is_refused(tmp_path: Path, text: str, name: str, said: str):
    problems = problems_of(with_domain(tmp_path, text, name))
    assert re.search(re.escape(said), problems[0]), problems
    assert [one for one in problems if "sensors.csv" in one] == []  # a sensor of it is not to blame
    take_in(tmp_path)
    assert len(schema.all_domains()) == 12


def problems_of(folder: Path) -> list[str]:
    return [str(one).removeprefix(f"{folder}/") for one in check(read_folder(folder)).problems]


def test_every_problem_of_a_domain_is_said_at_once(tmp_path: Path):
    text = with_line("disorder_s = 1e9\nlate_limit_s = 0\nordre = 3")
    text = text.replace("[0, 30]", "[30, 0]").replace('unit = "m"', "unit = 3") + COLUMN.format(1).replace("zh", "zhh")
    assert [one.partition(": ")[2] for one in problems_of(with_domain(tmp_path, text))] == [
        "the key 'ordre' is not known; the nearest is 'order'",
        "disorder_s: seconds from 0 to 21,600 are needed, not 1000000000.0",
        "late_limit_s: seconds from 1 to 21,600 are needed, not 0",
        "column draught_m: unit: a text is needed, not 3",
        "column draught_m: range: [low, high] is needed, not [30, 0]; write [0, 30]",
        "column c1: the key 'zhh' is not known; the nearest is 'zh'",
        "column c1: zh: the key 'zh' is missing",
    ]


@pytest.mark.parametrize(
    "text",
    [
        HARBOUR,
        with_line("late_limit_s = 21600\ndisorder_s = 21600"),
        with_line(""),
        HARBOUR.replace("[0, 30]", "[-4611686018, 4611686018]"),
    ],
)
def test_what_can_work_is_taken(tmp_path: Path, text: str):
    assert problems_of(with_domain(tmp_path, text)) == []


LIMITED = "sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en,late_limit_s\nw1,weather,z0,,0,0,60,,,{}\n"


def with_limit(folder: Path, limit_s: int, weather: str = "") -> Path:
    write_small_city(folder)
    (folder / "sensors.csv").write_text(LIMITED.format(limit_s), encoding="utf-8")
    return with_file(folder, "weather", weather) if weather else folder


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ("[0, 1e15]", ["1e+15 is too large for an exact sum"]),
        ("[0, 4611686019]", ["4611686019 is too large for an exact sum"]),
        ("[-4611686019, 1e300]", ["-4611686019 is too large for an exact sum", "1e+300 is too large for an exact sum"]),
        ("[-4611686018, 4611686018]", []),
    ],
)
def test_what_no_sum_holds_is_refused_with_the_largest_that_works(tmp_path: Path, bounds: str, said: list[str]):
    cure = "; 4,611,686,018 on either side of 0 works, so give the column a larger unit, such as Mm³ for m³"
    problems = problems_of(with_domain(tmp_path, HARBOUR.replace("[0, 30]", bounds)))
    assert problems == [f"domains/harbour.toml: column draught_m: range: {one}{cure}" for one in said]


def test_a_sensors_limit_above_its_domains_is_refused_with_the_cure(tmp_path: Path):
    assert problems_of(with_limit(tmp_path, 21_600)) == [
        "sensors.csv: line 2, sensor w1: late_limit_s: 21600 s is longer than the limit of weather, 3600 s, and would "
        "have no effect; write at most 3600, or late_limit_s = 21600 in domains/weather.toml"
    ]
    assert problems_of(with_limit(tmp_path, 3_600)) == []


def test_a_city_raises_the_limit_of_a_domain_that_comes_along(tmp_path: Path):
    """60 s of disorder and 300 s of silence are those of weather that come along."""
    folder = with_limit(tmp_path / "city", 21_600, "late_limit_s = 21600\n")
    assert problems_of(folder) == []
    assert schema.late_limit_ms("weather") == 3_600_000
    take_in(folder)
    weather = schema.load_schemas()["weather"]
    assert (weather.late_limit_s, weather.disorder_s, weather.mark_silence_s) == (21_600.0, 60.0, 300.0)
    assert weather.columns == schema.shipped()["weather"].columns
    assert schema.late_limit_ms("weather") == 21_600_000
    assert schema.all_domains() == tuple(schema.shipped())
    take_in(write_small_city(tmp_path / "another"))
    assert schema.late_limit_ms("weather") == 3_600_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'zh = "天气"\n[columns.wind_m_s]\n',
            "CityWall has a domain 'weather', of which a city says disorder_s, mark_silence_s, late_limit_s alone; "
            "take away zh, columns, or give it another name",
        ),
        ("late_limit = 7200\n", "the key 'late_limit' is not known; the nearest is 'late_limit_s'"),
        ("late_limit_s = 21601\n", "late_limit_s: seconds from 1 to 21,600 are needed, not 21601"),
        ("late_limit_s = 30\n", "late_limit_s: 30 s is shorter than disorder_s, which is 60 s where it is left out; "),
        ("disorder_s = 4000\n", "disorder_s: 4000 s is longer than late_limit_s, 3600 s, for which event times are"),
        ('domain = "wether"\n', "domain: it must be the file's name, 'weather', not 'wether'"),
    ],
)
def test_nothing_else_of_it_is_a_citys_to_say(tmp_path: Path, text: str, said: str):
    (problem,) = problems_of(with_limit(tmp_path, 7_200, text))
    assert problem.startswith(f"domains/weather.toml: {said}")
    take_in(tmp_path)
    assert schema.load_schemas()["weather"] == schema.shipped()["weather"]
