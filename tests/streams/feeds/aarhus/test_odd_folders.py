"""Folders as they come: one link alone, links in one line, unreadable times, odd names, links of the file system."""

import json
import os
from datetime import UTC, datetime

import pytest

from streams.city.registry import load_city
from streams.errors import CityFileError
from streams.feeds.aarhus import prepare
from streams.feeds.replay import saved
from tests.streams.feeds.aarhus.test_plan import LINKS, META, TRAFFIC, inside, traffic, write

AT = "2020-01-01T10:00:00"
WEATHER = "hum,tempm,wspdm,TIMESTAMP"
ROUND = "Ring,1,1,Ring,50,8000,56.10,10.10,56.10,10.10,STREET,101,900"
NEXT = "Algade,2,3,Algade,50,8200,56.11,10.11,56.12,10.12,STREET,102,900"


@pytest.fixture
def folder(tmp_path):
    """A folder with one reading of link 101."""
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder / "meta.csv", META, *LINKS)
    write(folder / "traffic.csv", TRAFFIC, traffic("101", AT))
    return folder


@pytest.mark.parametrize(
    "links",
    [LINKS[:1], [LINKS[0], LINKS[2]], [LINKS[0], NEXT], [ROUND]],
    ids=["one", "to and fro", "in a row", "round"],
)
def test_links_in_one_line_have_ground_around_them(folder, tmp_path, links):
    write(folder / "meta.csv", META, *links)
    prepare(folder, tmp_path / "city")
    city = load_city(tmp_path / "city")
    features = json.loads((tmp_path / "city" / "zones.geojson").read_text())["features"]
    rings = [feature["geometry"]["coordinates"][0] for feature in features]
    for segment in city.segments:
        middle = tuple(sum(part) / 2 for part in zip(*segment.line, strict=True))
        assert inside(middle, rings[segment.zone])


@pytest.mark.timeout(20)
def test_a_period_costs_what_it_holds_and_not_its_length(folder, tmp_path):
    span = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
    for number in range(30):
        write(folder / f"w{number}.csv", WEATHER, f"56,18,7.2,{AT}")
    assert prepare(folder, tmp_path / "city", *span).rows == {"traffic": 1, "weather": 1}


def test_times_that_nobody_can_read_are_said_with_their_file(folder, tmp_path):
    write(folder / "traffic.csv", TRAFFIC, traffic("101", "01/01/2020 10:00"))
    with pytest.raises(CityFileError, match=r"no row of readings has a TIMESTAMP that can be read, see traffic\.csv"):
        prepare(folder, tmp_path / "city")
    write(folder / "weather.csv", WEATHER, f"56,18,7.2,{AT}")
    plan = prepare(folder, tmp_path / "city")
    assert plan.rows == {"weather": 1}
    assert "traffic.csv: 1 rows without a readable TIMESTAMP" in plan.left_out


def test_links_of_the_file_system_lead_on_and_nowhere_twice(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "traffic.csv").rename(elsewhere / "traffic.csv")
    (folder / "streams").symlink_to(elsewhere)
    (folder / "again").symlink_to(elsewhere)
    (elsewhere / "up").symlink_to(folder)
    (folder / "dead").symlink_to(tmp_path / "nowhere")
    plan = prepare(folder, tmp_path / "city")
    assert plan.rows == {"traffic": 1}
    assert not any("another file brings" in sentence for sentence in plan.left_out)


def test_a_name_that_is_no_text_is_said_and_stops_nothing(folder, tmp_path):
    odd = os.fsencode(folder) + b"/\xb3\xc7.csv"  # as an archive from a Chinese Windows leaves it
    with open(odd, "w") as file:
        file.write("a,b\n1,2\n")
    plan = prepare(folder, tmp_path / "city")
    assert r"\xb3\xc7.csv (a name that is not UTF-8): nothing that is replayed" in plan.left_out
    assert saved.load(tmp_path / "city") == plan


def test_a_city_whose_name_is_none_is_refused(folder, tmp_path):
    (folder / "city.toml").write_text('id = 5\nname_zh = "某"\nname_en = "Some"\ntime_zone = "UTC"\n')
    with pytest.raises(CityFileError, match=r"city\.toml: id: a text is needed, not 5"):
        prepare(folder, tmp_path / "city")


def test_cells_of_a_link_are_taken_as_they_are_meant(folder, tmp_path):
    write(folder / "meta.csv", META, LINKS[0].replace(",101,", ", 101 ,").replace(",8000,", ", 8000 ,"), LINKS[3])
    (folder / "meta.csv").rename(folder / "META.CSV")
    prepare(folder, tmp_path / "city")
    city = load_city(tmp_path / "city")
    assert [segment.id for segment in city.segments] == ["101", "104"]
    assert [zone.id for zone in city.zones] == ["8000", "8200"]


def test_a_speed_that_is_none_becomes_the_median(folder, tmp_path):
    write(folder / "meta.csv", META, *LINKS[:2], LINKS[2].replace(",999,", ",fast,"))
    prepare(folder, tmp_path / "city")
    assert load_city(tmp_path / "city").free_flow_km_h.tolist() == [50, 60, 55]
