"""A frame's names become numbers, once a list; nothing is remembered of another city or state, or without bound."""

import pytest

from streams.city.registry import City, Sensor, Zone
from streams.errors import FrameError
from streams.zone.numbers import REMEMBERED_PER_SENSOR, Numbers


def city(*names):
    sensors = tuple(Sensor(name, "traffic", 0, -1, 0.0, 0.0, 5.0, "", "") for name in names)
    return City("c", "", "", "UTC", "", (Zone("z", "", ""),), (), sensors)


def test_new_sensors_get_the_next_places_and_keep_them():
    numbers, here, known = Numbers(), city("a", "b", "c"), {"c": 0}
    assert [one.tolist() for one in numbers.of(("b", "c"), here, known)] == [[1, 2], [1, 0]]
    assert [one.tolist() for one in numbers.of(("a", "b"), here, known)] == [[0, 1], [2, 1]]
    assert known == {"c": 0, "b": 1, "a": 2}


def test_another_city_or_state_is_looked_up_anew():
    numbers, known = Numbers(), {}
    numbers.of(("a", "b"), city("a", "b"), known)
    assert numbers.of(("a", "b"), city("x", "a", "b"), known)[0].tolist() == [1, 2]
    here, other = city("a", "b"), {"b": 0}
    assert numbers.of(("a", "b"), here, known)[1].tolist() == [0, 1]
    assert numbers.of(("a", "b"), here, other)[1].tolist() == [1, 0]
    assert other == {"b": 0, "a": 1}


def test_a_name_that_the_city_does_not_know_is_an_error():
    with pytest.raises(FrameError, match=r"the sensor \?, which its city does not have"):
        Numbers().of(("a", "?"), city("a"), {})


def test_lists_that_never_come_again_are_forgotten():
    names = tuple(f"d{number}" for number in range(40))
    numbers, here, known = Numbers(), city(*names), {}
    for first in range(40):
        for last in range(first + 1, 41):
            codes, place = numbers.of(names[first:last], here, known)
            assert [names[code] for code in codes] == list(names[first:last])
            assert [known[name] for name in names[first:last]] == place.tolist()
    assert sum(map(len, numbers._found)) <= REMEMBERED_PER_SENSOR * len(names)
