"""Rules merged by name: what each layer says, and where each value comes from."""

import doctest

from alerts.rules import layers
from alerts.rules.layers import Layer, merged

DEFAULT = Layer(
    "default", {"heat": {"iv": 35, "record": {"title": {"zh": "高温", "en": "Heat"}, "cause": {"en": "Sun"}}}}
)


def test_one_word_of_a_record_changes_and_the_rest_stays_with_its_origin():
    own = Layer("city", {"heat": {"record": {"title": {"en": "Hot"}}}})
    found = merged([DEFAULT, Layer("settings", {"heat": {"enabled": False}}), own])["heat"]
    assert found.values == {
        "iv": 35, "enabled": False, "record": {"title": {"zh": "高温", "en": "Hot"}, "cause": {"en": "Sun"}},
    }  # fmt: skip
    assert found.origins == {
        "iv": "default", "enabled": "settings", "record.title.zh": "default", "record.title.en": "city",
        "record.cause.en": "default",
    }  # fmt: skip


def test_a_value_in_the_place_of_a_table_hides_it():
    found = merged([DEFAULT, Layer("city", {"heat": {"record": 3}})])["heat"]
    assert (found.values, found.origins) == ({"iv": 35, "record": 3}, {"iv": "default", "record": "city"})


def test_what_lies_below_is_left_as_it_was():
    merged([DEFAULT, Layer("city", {"heat": {"record": {"title": {"en": "Hot"}}}})])
    assert DEFAULT.rules["heat"]["record"]["title"]["en"] == "Heat"


def test_examples_in_the_docstrings():
    failed, tried = doctest.testmod(layers)
    assert (failed, tried > 0) == (0, True)
