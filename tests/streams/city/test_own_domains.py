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


@pytest.fixture(autouse=True)
def _no_domains_left_over() -> Iterator[None]:
    yield
    schema.take_in({})


def with_domain(folder: Path, text: str = HARBOUR, name: str = "harbour") -> Path:
    write_small_city(folder)
    (folder / "domains").mkdir(exist_ok=True)
    (folder / "domains" / f"{name}.toml").write_text(text, encoding="utf-8")
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
        ("domain = 'harbour'\n", "harbour", "harbour.toml: columns: at least one"),
        ("domain = 'harbour'\ncolumns = 3\n", "harbour", "harbour.toml: columns: at least one"),
        (HARBOUR.replace("[0, 30]", '["a", "b"]'), "harbour", "column draught_m: range: [low, high] is needed"),
        (HARBOUR.replace('"Draught"', "3"), "harbour", "column draught_m: en: a text is needed, not 3"),
        (HARBOUR.replace("draught_m", "at"), "harbour", "column at: small letters"),
        (HARBOUR.replace("draught_m", '"Draught m"'), "harbour", "column Draught m: small letters"),
        (HARBOUR.replace("harbour", "Harbour"), "Harbour", "a domain's name has small letters"),
        ("domain = \n", "harbour", "harbour.toml: cannot be read"),
    ],
)
def test_what_is_no_domain_is_refused(tmp_path: Path, text: str, name: str, said: str):
    problems = [str(one) for one in check(read_folder(with_domain(tmp_path, text, name))).problems]
    assert re.search(re.escape(said), problems[0]), problems
    take_in(tmp_path)
    assert len(schema.all_domains()) == 12
