"""Any folder laid out like CityPulse's: which day is taken, from which file, what city it becomes, what rows go out."""

import gzip
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.city.registry import load_city
from streams.contract.durations import DAY_MS
from streams.errors import CityFileError
from streams.feeds.aarhus import prepare
from streams.feeds.replay import saved

META = (
    "POINT_1_STREET,POINT_1_NAME,POINT_2_NAME,POINT_2_STREET,NDT_IN_KMH,POINT_1_POSTAL_CODE,POINT_1_LAT,POINT_1_LNG,"
    "POINT_2_LAT,POINT_2_LNG,ROAD_TYPE,REPORT_ID,DISTANCE_IN_METERS"
)
LINKS = (
    "Nygade,1,2,Algade,50,8000,56.10,10.10,56.11,10.11,MAJOR_ROAD,101,1000",
    "Algade,2,3,Algade,60,8000,56.11,10.11,56.12,10.12,MAJOR_ROAD,102,1200",
    "Algade,2,1,Nygade,999,8000,56.11,10.11,56.10,10.10,MAJOR_ROAD,103,1000",
    "15,3,4,,90,8200,56.20,10.20,56.25,10.22,ROAD,104,5000",
)
TRAFFIC = "status,avgMeasuredTime,avgSpeed,extID,medianMeasuredTime,TIMESTAMP,vehicleCount,_id,REPORT_ID"


def traffic(link, at, speed="50", count="2", seconds="72"):
    return f"OK,{seconds},{speed},1,{seconds},{at},{count},1,{link}"


def write(path, header, *lines):
    text = "\n".join([header, *lines]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.fixture
def folder(tmp_path):
    """Day 1: both files, `few` with one link; day 2: both links in `few`, none in `all`; day 3: one link."""
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder / "meta.csv", META, *LINKS)
    write(
        folder / "few.csv.gz", TRAFFIC, *(traffic("101", at) for at in ("2020-01-01T00:00:00", "2020-01-03T00:05:00"))
    )
    everything = [traffic(link, f"2020-01-01T00:{minute}:00") for link in ("101", "102") for minute in ("05", "00")]
    write(folder / "all.csv", TRAFFIC, *everything)
    write(
        folder / "weather.stream",
        "hum,tempm,wspdm,TIMESTAMP",
        "56,18,7.2,2020-01-01T00:00:00",
        ",1,,2020-01-02T00:00:00",
    )
    write(
        folder / "parking.stream.gz",
        "vehiclecount,updatetime,_id,totalspaces,garagecode,streamtime",
        "26,2020-01-02 00:00:01.5,1,65,NORREPORT,x",
        "3,2020-01-02 00:00:01,1,0,NORREPORT,x",
    )
    write(folder / "garages.csv", "garagecode,city,street,latitude,longitude", "NORREPORT,Aarhus,Nygade,56.16,10.21")
    (folder / "events.n3").write_text("nothing of ours")
    return folder


def values(plan):
    return [json.loads(row.value) for row in plan.read()]


def test_default_is_the_newest_day_with_all_links_from_the_file_with_more_of_them(folder, tmp_path):
    plan = prepare(folder, tmp_path / "city")
    assert plan.rows == {"traffic": 4, "weather": 1}
    assert plan.files["traffic"][0].path == "all.csv"
    assert (plan.begin_ms, plan.until_ms) == (18262 * DAY_MS, 18263 * DAY_MS)
    said = "\n".join(plan.left_out)
    assert "few.csv.gz: 1 rows of 2020-01-01, whose sensors another file brings" in said
    assert "few.csv.gz: 1 rows of other days, 2020-01-03" in said
    assert "parking.stream.gz: 2 rows of other days, 2020-01-02" in said
    assert "events.n3: nothing that is replayed" in said


def test_rows_are_merged_by_time_and_those_of_one_stamp_stay_in_file_order(folder, tmp_path):
    rows = prepare(folder, tmp_path / "city").read()
    minutes = [((row.at_ms // 60_000) % 60, row.sensor) for row in rows]
    assert minutes == [
        (0, "aarhus-link-101"),
        (0, "aarhus-link-102"),
        (0, "aarhus-weather"),
        (5, "aarhus-link-101"),
        (5, "aarhus-link-102"),
    ]


def test_units_are_those_of_the_inbox(folder, tmp_path):
    first, _, weather, *_ = values(prepare(folder, tmp_path / "city"))
    at_ms = 18262 * DAY_MS
    # two vehicles in five minutes are 24 an hour
    assert first == {"sensor": "aarhus-link-101", "at": at_ms, "speed_km_h": 50, "flow_veh_h": 24, "travel_time_s": 72}
    # 7.2 km/h are 2 m/s
    expected = {"temperature_c": 18, "humidity_ratio": 0.56, "wind_m_s": 2}
    assert weather == {"sensor": "aarhus-weather", "at": at_ms, **expected}


def test_day_without_traffic_replays_what_it_has(folder, tmp_path):
    plan = prepare(folder, tmp_path / "city", at=datetime(2020, 1, 2, tzinfo=UTC))
    assert plan.rows == {"weather": 1, "parking": 2}
    weather, empty, garage = values(plan)
    assert weather == {"sensor": "aarhus-weather", "at": 18263 * DAY_MS, "temperature_c": 1}
    assert "occupancy_ratio" not in empty
    assert garage["at"] == 18263 * DAY_MS + 1500
    assert (garage["occupied_count"], garage["capacity_count"], garage["occupancy_ratio"]) == (26, 65, 0.4)
    city = load_city(tmp_path / "city")
    assert [sensor.domain for sensor in city.sensors] == ["weather", "parking"]
    assert len(city.segments) == 4


def test_period_may_span_days_and_files(folder, tmp_path):
    plan = prepare(
        folder,
        tmp_path / "city",
        at=datetime(2020, 1, 1, 0, 5, tzinfo=UTC),
        until=datetime(2020, 1, 3, 0, 5, 1, tzinfo=UTC),
    )
    assert plan.rows == {"traffic": 3, "weather": 1, "parking": 2}
    assert [file.path for file in plan.files["traffic"]] == ["all.csv", "few.csv.gz"]


def test_until_alone_takes_its_day_up_to_it(folder, tmp_path):
    plan = prepare(folder, tmp_path / "city", until=datetime(2020, 1, 1, 0, 5, tzinfo=UTC))
    assert plan.rows == {"traffic": 2, "weather": 1}


def test_dirt_goes_out_as_it_stands(folder, tmp_path):
    at = "2020-01-01T00:00:00"
    dirty = (
        traffic("101", at, speed="0"),
        traffic("101", at, speed="n/a", count=""),
        traffic("101", at, speed="nan", count="-1"),
        "OK,72",
        traffic("101", "yesterday"),
        traffic("777", at),
    )
    write(folder / "all.csv", TRAFFIC, traffic("101", at), traffic("102", at), *dirty)
    plan = prepare(folder, tmp_path / "city")
    sent = [value for value in values(plan) if value["sensor"] == "aarhus-link-101"]
    assert [value.get("speed_km_h") for value in sent] == [50, 0, "n/a", "nan"]
    assert [value.get("flow_veh_h") for value in sent] == [24, 24, None, -12]
    assert "all.csv: 2 rows without a readable TIMESTAMP" in plan.left_out
    assert any("777" in sentence and "dead letters" in sentence for sentence in plan.left_out)
    assert "aarhus-link-777" in {value["sensor"] for value in values(plan)}
    assert "aarhus-link-777" not in load_city(tmp_path / "city").sensor_code


def test_links_become_segments_in_driving_direction(folder, tmp_path):
    prepare(folder, tmp_path / "city")
    city = load_city(tmp_path / "city")
    segments = {segment.id: segment for segment in city.segments}
    assert {name: segment.upstream for name, segment in segments.items()} == {
        "101": (),
        "102": ("101",),
        "103": (),  # 101 ends where it begins, but comes from where it goes: a way back
        "104": ("102",),
    }
    assert segments["101"].line == ((10.10, 56.10), (10.11, 56.11))
    assert segments["101"].length_m == 1000
    assert [segment.name_en for segment in city.segments] == ["Nygade – Algade", "Algade", "Algade – Nygade", "15"]
    assert [segment.road_class for segment in city.segments] == ["arterial", "arterial", "arterial", "expressway"]
    assert [sensor.id for sensor in city.sensors if sensor.domain == "traffic"] == [
        "aarhus-link-101",
        "aarhus-link-102",
    ]


def test_absurd_free_flow_speed_becomes_the_median_of_its_road_type(folder, tmp_path):
    prepare(folder, tmp_path / "city")
    # 999 is of type MAJOR_ROAD, whose others have 50 and 60
    assert load_city(tmp_path / "city").free_flow_km_h.tolist() == [50, 60, 55, 90]


def test_zones_share_out_the_ground_and_hold_their_links(folder, tmp_path):
    prepare(folder, tmp_path / "city")
    city = load_city(tmp_path / "city")
    features = json.loads((tmp_path / "city" / "zones.geojson").read_text())["features"]
    rings = [feature["geometry"]["coordinates"][0] for feature in features]
    assert [(zone.id, zone.name_zh, zone.name_en) for zone in city.zones] == [
        ("8000", "奥胡斯市中心", "Aarhus C"),
        ("8200", "奥胡斯北", "Aarhus N"),
    ]
    for segment in city.segments:
        middle = tuple(sum(part) / 2 for part in zip(*segment.line, strict=True))
        assert [inside(middle, ring) for ring in rings] == [zone == segment.zone for zone in range(2)]


def inside(point, ring):
    """Tell by the crossing number whether a closed ring holds a point."""
    crossings = 0
    for (x1, y1), (x2, y2) in itertools.pairwise(ring):
        if (y1 > point[1]) != (y2 > point[1]) and point[0] < x1 + (point[1] - y1) / (y2 - y1) * (x2 - x1):
            crossings += 1
    return crossings % 2 == 1


def test_plan_is_found_again_and_each_prepare_is_another_run(folder, tmp_path):
    plan = prepare(folder, tmp_path / "city")
    assert saved.load(tmp_path / "city") == plan
    assert prepare(folder, tmp_path / "city").run != plan.run


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "meta.csv").unlink(), "no file has the columns of links"),
        (
            lambda folder: write(folder / "meta.csv", META, LINKS[0].replace(",1000", ",far")),
            r"line 2 \(REPORT_ID 101\).*far",
        ),
        (
            lambda folder: write(folder / "meta.csv", META, LINKS[0].replace(",1000", ",0")),
            "METERS: a number from 0.1 to 500,000 is needed, not '0'",
        ),
        (
            lambda folder: write(folder / "meta.csv", META, LINKS[0].replace(",56.11,", ",561.1,")),
            r"\(REPORT_ID 101\): POINT_2_LAT: a number from -90 to 90 is needed, not '561.1'",
        ),
        (
            lambda folder: write(folder / "meta.csv", META, LINKS[0].replace(",101,", ", ,")),
            r"line 2 \(REPORT_ID  \): REPORT_ID: nothing stands there",
        ),
        (lambda folder: write(folder / "meta.csv", META, LINKS[2]), "NDT_IN_KMH: not one is between 10 and 130"),
        (
            lambda folder: (folder / "few.csv.gz").write_bytes((folder / "few.csv.gz").read_bytes()[:-20]),
            "few.csv.gz: cannot be read",
        ),
    ],
    ids=["no links", "length no number", "length 0", "latitude", "no id", "no plausible free-flow speed", "cut gzip"],
)
def test_unusable_folder_says_where_and_what(folder, tmp_path, spoil, says):
    spoil(folder)
    with pytest.raises(CityFileError, match=says):
        prepare(folder, tmp_path / "city")


def test_period_without_rows_says_what_there_is(folder, tmp_path):
    with pytest.raises(CityFileError, match=r"no rows from 2021.*there is traffic of 2020-01-01 to 2020-01-03"):
        prepare(folder, tmp_path / "city", at=datetime(2021, 1, 1, tzinfo=UTC))


def test_no_folder_at_all(tmp_path):
    with pytest.raises(CityFileError, match="there is no such folder"):
        prepare(Path(tmp_path / "nowhere"), tmp_path / "city")
