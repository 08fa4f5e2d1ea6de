from __future__ import annotations

import pytest

from dashboard.places import corridor, frame, picture, projection, short, to_the_right
from dashboard.roads import Corridors, grade, tally
from streams.contract.name import Name


@pytest.mark.parametrize(
    ("dtp", "expected"),
    [(0.0, 0), (0.29, 0), (0.3, 1), (0.49, 1), (0.5, 2), (0.59, 2), (0.6, 3), (0.69, 3), (0.7, 4), (0.9, 4)],
)
def test_grades_are_those_of_the_delay_time_proportion(dtp, expected):
    assert grade(1 / (1 - dtp)) == expected  # TTI = 1 / (1 - DTP), GB/T 33171 Annex C


def test_an_unknown_road_has_no_grade():
    assert grade(None) is None


def test_a_corridor_sums_before_it_divides(city):
    # "A路" = A alone, "A2路" = A2 alone: one segment is no corridor
    assert Corridors(city).worst({"A": (0, 2.0, 30.0, 1), "A2": (0, 3.0, 10.0, 1)}, 5) == []


def test_a_corridor_of_two_segments(city):
    import dataclasses

    first, second = city.segments
    twin = dataclasses.replace(
        city, segments=(first, dataclasses.replace(second, name_zh="A路（西至东）", name_en="A Road"))
    )
    (road,) = Corridors(twin).worst({"A": (0, 2.0, 30.0, 1), "A2": (0, 5.0, 6.0, 1)}, 5)
    # free: 1 km / 60 + 0.5 km / 30 = 2 min; spent: 1 min x 2 + 1 min x 5 = 7 min; lost 5 min; TTI 7 / 2
    assert (road["zh"], road["lost_min"], road["tti"], road["km"], road["grade"]) == ("A路", 5.0, 3.5, 1.5, 4)
    assert road["segment"] == 1


def test_a_tally_counts_what_is_not_known():
    rows = {"a": (0, 1.0, 60.0, 1), "b": (0, 2.2, 20.0, 1), "c": (0, None, None, 1), "left": (0, 9.0, 1.0, 1)}
    found = tally(rows, "abcde", total=5)
    assert (found["grades"], found["unknown"], found["slow"]) == ([1, 0, 1, 0, 0], 3, 1)


@pytest.mark.parametrize(
    ("zh", "en", "road"),
    [
        ("一环路（北辰大道至春晖路）", "First Ring (Beichen Avenue to Chunhui Road)", ("一环路", "First Ring")),
        ("人民路 3 段", "Renmin Road 3", ("人民路", "Renmin Road")),
        ("人民路第12段", "Renmin Road, Section 12", ("人民路", "Renmin Road")),
        ("人民路", "Renmin Road section 2", ("人民路", "Renmin Road")),
        ("104国道", "Route 104", ("104国道", "Route 104")),
        ("环线 12", "Loop 12", ("环线 12", "Loop 12")),
        ("环线12", "Loop-12", ("环线12", "Loop-12")),
        ("环线12号", "Loop 12", ("环线12号", "Loop 12")),
        ("环线 12（东至西）", "Loop 12 (East to West)", ("环线 12", "Loop 12")),
        ("环线 12 2 段", "Loop 12 2", ("环线 12", "Loop 12")),
        ("环线 2 段", "Loop 12", ("环线", "Loop 12")),
        ("12", "12", ("12", "12")),
    ],
)
def test_a_road_is_its_segments_name_without_the_part(zh, en, road):
    assert corridor(Name(zh, en)) == road


@pytest.mark.parametrize(
    ("zh", "en", "head"),
    [
        ("临江区", "Linjiang District", ("临江", "Linjiang")),
        ("澜湾新区", "Lanwan New Area", ("澜湾", "Lanwan")),
        ("高新区", "High-Tech Zone", ("高新", "High-Tech")),
        ("东区", "East", ("东区", "East")),
    ],
)
def test_zone_names_are_short_enough_for_a_column(zh, en, head):
    assert short(Name(zh, en)) == head


def test_a_line_moves_to_the_right_of_its_direction():
    # y grows downwards: right of eastwards is down
    assert to_the_right([(0, 0), (10, 0)], 2) == [(0, 2), (10, 2)]


def test_the_picture_keeps_the_shape_of_the_city(city):
    at = projection(city)
    (west, _), (east, _) = at.point(120.0, 30.0), at.point(120.01, 30.0)
    (_, south), (_, north) = at.point(120.0, 30.0), at.point(120.0, 30.01)
    assert (east - west) / (south - north) == pytest.approx(0.866, abs=0.001)  # cos 30 degrees


def test_the_sample_city_has_all_its_segments_water_and_districts(sample_city):
    drawn = picture(sample_city)
    assert [segment["id"] for segment in drawn["segments"]] == [segment.id for segment in sample_city.segments]
    assert {label["zh"] for label in drawn["labels"] if label["kind"] == "district"} == {
        z.name_zh for z in sample_city.zones
    }
    assert len(drawn["water"]) == 2


def test_one_far_road_does_not_make_the_city_small():
    near = [(float(x), float(y)) for x in range(100) for y in range(100)]
    assert frame(near) == (0, 0, 99, 99)
    # 10 001 points, so 150 may be cut at a side: the near ones span 1 to 98 then; 15 % of that is air
    assert frame([*near, (50.0, 1000.0)]) == pytest.approx((0, 0, 99, 98 + 0.15 * 97))
