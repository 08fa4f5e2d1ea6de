"""What cannot be in `sensors.csv` is refused with file, place, field, value and cure."""

import pytest

from tests.city_edits import HEAD, assert_refused, far_city, option, sensor, whole

PROBLEMS = {
    "domain misspelt": (
        sensor("d9,wether,z0,,0,0,60,,"),
        ["sensors.csv: line 14, sensor d9: domain: 'wether' is not one of", "nearest is 'weather'"],
    ),
    "domain with a capital": (sensor("d9,Weather,z0,,0,0,60,,"), ["domain: 'Weather'", "nearest is 'weather'"]),
    "sensor like a segment": (
        sensor("s0,traffic,z0,s0,0,0,1,,"),
        ["line 14, sensor s0: sensor: a segment is called 's0' too"],
    ),
    "sensor like a zone": (
        sensor("zone:z0,traffic,z0,,0,0,1,,"),
        ["sensor zone:z0: sensor: 'zone:z0' begins with 'zone:'"],
    ),
    "sensor like a corridor": (sensor("corridor:c,traffic,z0,,0,0,1,,"), ["begins with 'corridor:'"]),
    "sensor like a feed": (sensor("feed:traffic,traffic,z0,,0,0,1,,"), ["begins with 'feed:'"]),
    "sensor like the city": (sensor("city:small,traffic,z0,,0,0,1,,"), ["begins with 'city:'"]),
    "trailing space": (
        sensor("d9 ,traffic,z0,s0,0,0,1,,"),
        ["line 14, sensor 'd9 ': sensor: 'd9 ' has a space", "take it away"],
    ),
    "line break in an id": (
        sensor('"d9\n",traffic,z0,s0,0,0,1,,'),
        ["line 15, sensor 'd9\\n': sensor: 'd9\\n' has a space or line break"],
    ),
    "control character in an id": (sensor("d\x019,traffic,z0,s0,0,0,1,,"), ["sensor: 'd\\x019'", "U+0001"]),
    "zero width in an id": (sensor("d\u200b9,traffic,z0,s0,0,0,1,,"), ["U+200B"]),
    "backslash in an id": (sensor("pump\\,traffic,z0,s0,0,0,1,,"), ["sensor: 'pump\\\\' has a backslash", "InfluxDB"]),
    "id too long": (sensor(f"{'d' * 201},traffic,z0,s0,0,0,1,,"), ["is 201 bytes long; at most 200"]),
    "no id": (sensor(",traffic,z0,s0,0,0,1,,"), ["line 14: sensor: a text is needed; nothing stands there"]),
    "zone unknown": (sensor("d9,traffic,Z0,s0,0,0,1,,"), ["zone: no zone is called 'Z0'; the nearest is 'z0'"]),
    "segment unknown": (
        sensor("d9,traffic,z0,s_0,0,0,1,,"),
        ["segment: no segment is called 's_0'; the nearest is 's0'"],
    ),
    "latitude 560": (
        sensor("d9,traffic,z0,s0,0,560.3,1,,"),
        ["line 14, sensor d9: lat: latitude 560.3 cannot be: -90 to 90"],
    ),
    "longitude 200": (sensor("d9,traffic,z0,s0,200,0,1,,"), ["lng: longitude 200 cannot be: -180 to 180"]),
    "place in metres": (
        sensor("d9,traffic,z0,s0,500000,6220000,1,,"),
        ["lat: 500000, 6220000 are metres of a projection"],
    ),
    "place nowhere": (
        sensor("d9,traffic,z0,s0,,nan,1,,"),
        ["lng: a number is needed; nothing", "lat: a number is needed, not 'nan'"],
    ),
    "swapped beyond the pole": (
        sensor("d9,traffic,z0,s0,30.2,118.4,1,,"),
        ["lat: latitude 118.4 cannot be", "swapped"],
    ),
    "swapped on earth": (
        lambda folder: far_city(folder, sensor="56.1,10.1"),
        ["line 14, sensor d9: lng, lat: 56.1, 10.1 is", "10.1, 56.1 among them", "swapped"],
    ),
    "sensor at 0, 0": (
        lambda folder: far_city(folder, sensor="0,0"),
        ["line 14, sensor d9: lng, lat: 0, 0 is", "nobody wrote a place"],
    ),
    "interval of nothing": (
        sensor("d9,traffic,z0,s0,0,0,1e-9,,"),
        ["interval_s: 1e-09 cannot be: 0.05 to 604,800 s is possible"],
    ),
    "interval of ages": (sensor("d9,traffic,z0,s0,0,0,1e30,,"), ["interval_s: 1e+30 cannot be: 0.05 to 604,800 s"]),
    "interval 0": (sensor("d9,traffic,z0,s0,0,0,0,,"), ["interval_s: a number above 0 is needed, not 0"]),
    "interval with a comma": (
        sensor('d9,traffic,z0,s0,0,0,"0,5",,'),
        ["interval_s: a number is needed, not '0,5'; write 0.5"],
    ),
    "underscore of a programmer": (sensor("d9,traffic,z0,s0,0,0,1_0,,"), ["interval_s: a number is needed, not '1_0'"]),
    "header only": (whole("sensors.csv", HEAD + "\n"), ["sensors.csv: a sensor is needed"]),
    "sensor twice": (
        sensor("d0,traffic,z0,s0,0,0,1,,"),
        ["line 14, sensor d0: sensor: 'd0' stands there twice, first in line 2"],
    ),
    "columns missing": (
        whole("sensors.csv", "sensor,domain,zone,lat,interval_s,name_zh,name_en\n"),
        ["line 1: the columns 'segment', 'lng' are missing; it needs sensor,"],
    ),
    "column twice": (whole("sensors.csv", HEAD + ",zone\n"), ["line 1: the column 'zone' stands there twice"]),
    "semicolons": (
        whole("sensors.csv", HEAD.replace(",", ";") + "\n"),
        ["line 1: semicolons stand between the columns"],
    ),
    "cells too many": (
        sensor("d9,traffic,z0,s0,0,0,1,Road, the long one,x"),
        ["line 14, sensor d9: 10 cells stand under 9 columns", "quotes"],
    ),
    "cells too few": (sensor("d9,traf"), ["line 14, sensor d9: 2 cells stand under 9 columns"]),
    "open quote": (sensor('"d9,traffic,z0,s0,0,0,1,,'), ["sensors.csv: line 14: is no CSV: unexpected end of data"]),
    "GBK": (
        whole("sensors.csv", f"{HEAD}\nd9,traffic,z0,s0,0,0,1,环路,\n".encode("gbk")),
        ["sensors.csv: line 2: is not UTF-8"],
    ),
    "stamps": (
        option("beginning,,,,,"),
        ["line 2, sensor d9: stamps: 'beginning' is not one of moment, begin, end; the nearest is 'begin'"],
    ),
    "delay negative": (option(",-1,,,,"), ["delay_s: -1 cannot be: 0 to 21,600 s"]),
    "late limit of a day": (option(",,86400,,,"), ["late_limit_s: 86400 cannot be: 1 to 21,600 s"]),
    "not measured, no such column": (
        option(",,,speed=-1,,"),
        ["not_measured: traffic has no column 'speed'; the nearest is 'speed_km_h'"],
    ),
    "not measured, no number": (option(",,,speed_km_h=none,,"), ["not_measured: column=number", "'speed_km_h=none'"]),
    "lane beyond the road": (option(",,,,3,"), ["lane: lane 3 cannot be: segment s0 has 2"]),
    "half a lane of a sensor": (option(",,,,1.5,"), ["lane: a whole number is needed, not 1.5"]),
    "position beyond the road": (option(",,,,,600"), ["position_m: 600 m cannot be: segment s0 is 500 m long"]),
    "lane of no road": (
        whole("sensors.csv", f"{HEAD},lane\nd9,traffic,z0,,0,0,1,,,2\n"),
        ["lane: it watches no segment"],
    ),
}


@pytest.mark.parametrize(("change", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_is_refused(city_folder, change, words):
    change(city_folder)
    assert_refused(city_folder, words)
