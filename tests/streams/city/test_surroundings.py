"""What lies around an entity, in a small city and in the sample city."""

from streams.city.registry import load_city
from streams.city.surroundings import NOWHERE, surroundings_of
from tests.small_city import write_small_city
from tests.streams.city.test_check import SAMPLE_CITY

RULES = {
    "threshold": [
        {"name": "heat", "domain": "weather", "iv": 35, "ii": 40},
        {"name": "bin_overfull", "domain": "sanitation", "iv": 0.85},
        {"name": "gas_leak", "domain": "energy", "i": 0.5, "enabled": False},
    ],
    "network": None,
}


def test_a_small_city_has_sensors_at_segments_feeds_with_sensors_and_names(tmp_path):
    around = surroundings_of(load_city(write_small_city(tmp_path / "city")), RULES)
    assert around.place("d1") == ("d1", "s1")
    assert around.place("s1") == ("s1", "d1")
    assert around.place("w0") == ("w0",)
    assert around.sensors_of["weather", "z1"] == ("w1",)
    assert around.grave_domains == {"weather"}
    assert (around.called("s1").en, around.called("zone:z2").zh, around.called("w0").en) == ("Road 1", "2区", "w0")
    assert around.called("feed:weather:z2").en == "Weather and flooding, Zone 2"


def test_rules_that_a_version_did_not_write_down_are_not_known(tmp_path):
    assert surroundings_of(load_city(write_small_city(tmp_path / "city")), None).grave_domains is None


def test_the_roads_of_the_sample_city_and_relations_are_found_both_ways():
    around = surroundings_of(load_city(SAMPLE_CITY), None)
    assert "S0003" in around.roads("S0001", 1, ahead=False)
    assert "S0001" in around.roads("S0003", 1, ahead=True)
    assert "underpass-wenlan-1" in around.dependence.depends_on("S0084")
    assert "pump-wenlan-1" in around.dependence.felt_at("feeder-wenlan-1")


def test_nowhere_has_nothing():
    assert (NOWHERE.place("d1"), NOWHERE.roads("s1", 2, ahead=True), NOWHERE.called("d1").zh) == (("d1",), [], "d1")
