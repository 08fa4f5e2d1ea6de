"""A folder as people publish it: a file a link, in folders within folders, beside much else; or several whole ones."""

import json
from datetime import UTC, datetime

import pytest

from streams.city.registry import load_city
from streams.feeds import aarhus
from streams.feeds.aarhus import prepare
from tests.streams.feeds.aarhus.test_plan import LINKS, META, TRAFFIC, traffic, write

WEATHER = "hum,tempm,wspdm,TIMESTAMP"
PARKING = "vehiclecount,updatetime,_id,totalspaces,garagecode,streamtime"
DAY_1, DAY_2 = "2020-01-01T10:00:00", "2020-01-02T10:00:00"


@pytest.fixture
def clone(tmp_path):
    """Four links in a file each (103 is silent on day 2), weather, two car parks alone and together, other things."""
    folder = tmp_path / "clone"
    for place in ("streams", "dataset/MetaData", "src/main", ".git/streams"):
        (folder / place).mkdir(parents=True)
    write(folder / "dataset/MetaData/trafficMetaData.csv", META, *LINKS)
    for link in ("101", "102", "103", "104"):
        days = (DAY_1, DAY_2) if link != "103" else (DAY_1, "2020-01-02 25:00")
        rows = [traffic(link, at) for at in days]
        write(folder / f"streams/AarhusTrafficData{link}.stream", TRAFFIC, *rows)
        write(folder / f".git/streams/AarhusTrafficData{link}.stream", TRAFFIC, *rows)
        write(folder / f"streams/AarhusPollutionData{link}.stream", "ozone,longitude,latitude,timestamp", "1,2,3,4")
    write(folder / "streams/AarhusWeatherData0.stream", WEATHER, f"56,18,7.2,{DAY_1}", f"57,19,7.2,{DAY_2}")
    parks = {park: f"26,2020-01-01 09:00:00.5,1,65,{park},x" for park in ("NORREPORT", "SALLING")}
    write(folder / "streams/AarhusParkingData.stream", PARKING, *parks.values())
    for park, row in parks.items():
        write(folder / f"streams/AarhusParkingData{park}.stream", PARKING, row)
    places = [f"{park},Aarhus,Nygade,56.16,10.21" for park in parks]
    write(folder / "dataset/MetaData/aarhus_parking_address.csv", "garagecode,city,street,latitude,longitude", *places)
    for name in ("README.md", "LICENSE", "src/main/A.java", "src/main/B.java"):
        (folder / name).write_text("nothing of ours")
    return folder


def readings(plan):
    return sorted((row.sensor, json.loads(row.value)["at"]) for row in plan.read())


def test_files_of_one_kind_are_parts_of_one_whole(clone, tmp_path):
    plan = prepare(clone, tmp_path / "city")
    assert (plan.begin_ms, plan.rows) == (1_577_836_800_000, {"traffic": 4, "weather": 1, "parking": 2})
    assert {sensor for sensor, _ in readings(plan)} == {
        *(f"aarhus-link-{link}" for link in ("101", "102", "103", "104")),
        "aarhus-weather",
        "aarhus-garage-NORREPORT",
        "aarhus-garage-SALLING",
    }
    assert "traffic: 4 rows (sensors: 4) from 4 files, such as streams/AarhusTrafficData101.stream" in plan.found
    assert "parking: 2 rows (sensors: 2) from streams/AarhusParkingData.stream" in plan.found


def test_what_is_left_out_is_said_in_few_lines(clone, tmp_path):
    assert prepare(clone, tmp_path / "city").left_out == (
        "streams/AarhusParkingDataNORREPORT.stream: 1 rows of 2020-01-01, whose sensors another file brings",
        "streams/AarhusParkingDataSALLING.stream: 1 rows of 2020-01-01, whose sensors another file brings",
        "streams/AarhusTrafficData101.stream: 1 rows of other days, 2020-01-02",
        "streams/AarhusTrafficData102.stream: 1 rows of other days, 2020-01-02",
        "streams/AarhusTrafficData104.stream: 1 rows of other days, 2020-01-02",
        "streams/AarhusTrafficData103.stream: 1 rows without a readable TIMESTAMP",
        "streams/AarhusWeatherData0.stream: 1 rows of other days, 2020-01-02",
        "4 files, such as LICENSE: nothing that is replayed",
        "4 files, such as streams/AarhusPollutionData101.stream: nothing that is replayed",
    )


def test_a_link_that_is_silent_all_day_is_still_a_sensor(clone, tmp_path):
    plan = prepare(clone, tmp_path / "city", at=datetime(2020, 1, 2, tzinfo=UTC))
    assert plan.rows == {"traffic": 3, "weather": 1}
    sensors = [sensor.id for sensor in load_city(tmp_path / "city").sensors if sensor.domain == "traffic"]
    assert sensors == [f"aarhus-link-{link}" for link in ("101", "102", "103", "104")]


def test_each_file_adds_only_sensors_that_are_not_there_yet(tmp_path):
    """101 and 102 stand in the larger file; of the smaller only 103 is taken, on day 2 all of it."""
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder / "meta.csv", META, *LINKS)
    smaller = [traffic(link, at, speed="30") for at in (DAY_1, DAY_2) for link in ("102", "103")]
    write(folder / "a.csv", TRAFFIC, *smaller)
    write(folder / "b.csv", TRAFFIC, *(traffic(link, DAY_1, speed="50") for link in ("101", "102", "104")))
    plan = prepare(
        folder, tmp_path / "city", at=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(2020, 1, 3, tzinfo=UTC)
    )
    found = [(row.sensor.removeprefix("aarhus-link-"), json.loads(row.value)["speed_km_h"]) for row in plan.read()]
    assert sorted(found[:4]) == [("101", 50), ("102", 50), ("103", 30), ("104", 50)]
    assert sorted(found[4:]) == [("102", 30), ("103", 30)]
    assert "a.csv: 1 rows of 2020-01-01, whose sensors another file brings" in plan.left_out
    assert len(load_city(tmp_path / "city").sensors) == 4


def test_the_sensor_stands_in_the_name_of_a_file_without_such_a_column(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder / "meta.csv", META, *LINKS)
    for link, speed in (("101", 40), ("102", 60)):
        header = "avgSpeed,TIMESTAMP,vehicleCount,avgMeasuredTime"
        write(folder / f"trafficData{link}.csv.gz", header, f"{speed},{DAY_1},1,10")
    header = PARKING.replace(",garagecode", "")
    write(folder / "AarhusParkingDataSALLING.stream", header, "26,2020-01-01 09:00:00,1,65,x")
    write(folder / "address.csv", "garagecode,latitude,longitude", "SALLING,56.16,10.21")
    plan = prepare(folder, tmp_path / "city")
    speeds = {row.sensor: json.loads(row.value).get("speed_km_h") for row in plan.read()}
    assert speeds == {"aarhus-link-101": 40, "aarhus-link-102": 60, "aarhus-garage-SALLING": None}
    assert len(load_city(tmp_path / "city").sensors) == 3


@pytest.mark.parametrize(
    ("own", "id_", "name", "zone"),
    [
        ("", "little-falls", "Little Falls", "UTC"),
        (
            'id = "falls"\nname_zh = "小瀑"\nname_en = "The Falls"\ntime_zone = "America/Chicago"\nattribution = ""\n',
            "falls",
            "The Falls",
            "America/Chicago",
        ),
    ],
)
def test_a_city_of_ones_own_is_not_aarhus(tmp_path, own, id_, name, zone):
    folder = tmp_path / "files"
    folder.mkdir()
    elsewhere = "101,1,2,50,Little Falls,8000,45.97,-94.36,45.98,-94.35,ROAD,1000"
    columns = "REPORT_ID,POINT_1_NAME,POINT_2_NAME,NDT_IN_KMH,POINT_1_CITY,POINT_1_POSTAL_CODE,POINT_1_LAT,POINT_1_LNG,"
    write(folder / "meta.csv", columns + "POINT_2_LAT,POINT_2_LNG,ROAD_TYPE,DISTANCE_IN_METERS", elsewhere)
    write(folder / "traffic.csv", TRAFFIC, traffic("101", DAY_1))
    if own:
        (folder / "city.toml").write_text(own, encoding="utf-8")
    plan = prepare(folder, tmp_path / "city")
    city = load_city(tmp_path / "city")
    assert (city.id, city.name_en, city.time_zone) == (id_, name, zone)
    assert [sensor.id for sensor in city.sensors] == [f"{id_}-link-101"]
    assert [row.sensor for row in plan.read()] == [f"{id_}-link-101"]
    assert aarhus.city_id(folder) == id_
    assert any("taken as UTC" in line for line in plan.found) == (not own)
