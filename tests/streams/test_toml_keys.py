"""Tables of TOML that people write: every fault is told with the way to it and the cure."""

import doctest

import pytest

from alerts import kinds
from alerts.rules.record import Words
from dashboard import vitals
from streams import hints, toml_keys
from streams.errors import ConfigError


class Table(kinds._Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The response times, with names as they stand in each rule's record."""

    kinds: dict[str, Words]


TILE = 'metric = "tpi"\ndomain = "traffic"\nbasis = "x"\n'


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (
            Table,
            "[kinds]\nfog = { zh = '雾' }\n[response_s]\n",
            ["kinds.fog.en: a text is needed; nothing stands"],
        ),
        (Table, "[kinds]\nfog = { zh = '', en = 3 }\n[response_s]\n", ["kinds.fog.zh: ", "kinds.fog.en: "]),
        (Table, "[kinds]\nfog = 'Fog'\n[response_s]\n", ["kinds.fog: a table with zh, en is needed, not 'Fog'"]),
        (Table, "[kinds]\n[respons_s]\n", ["respons_s: there is no such key; the nearest is 'response_s'"]),
        (Table, "[kinds]\n[response_s]\n5 = 3\n", ["response_s.5: one of 1, 2, 3, 4 is needed, not '5'"]),
        (Table, "[kinds]\n[response_s]\n1 = '60'\n", ["response_s.1: ", "is needed, not '60'; write 60"]),
        (Table, "[kinds\n", ["cannot be read: Expected ']'"]),
        (
            vitals._File,
            f"[[vital]]\nid = 'jam'\nof = 'cty'\n{TILE}",
            ["vital.jam.of: ", "the nearest is 'city'", "trend: "],
        ),
        (vitals._File, f"trend = []\n[[vital]]\nof = 'city'\n{TILE}", ["vital.number 1.id: a text is needed"]),
        (vitals._File, "vital = 3\ntrend = []\n", ["vital: a list"]),
    ],
)
def test_each_fault_is_told_where_it_stands(tmp_path, kind, text, said):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        toml_keys.read_as(path, kind)
    assert str(path) in str(told.value)
    assert [part for part in said if part not in str(told.value)] == []
    assert "`" not in str(told.value)  # the words of a library


def test_a_trend_of_no_tile_is_told(monkeypatch, tmp_path):
    path = tmp_path / "vitals.toml"
    path.write_text(f"[[vital]]\nid = 'jam'\nof = 'city'\n{TILE}[[trend]]\nvital = 'jams'\n", encoding="utf-8")
    monkeypatch.setattr(vitals, "__file__", str(tmp_path / "vitals.py"))
    with pytest.raises(ConfigError, match="trend: no tile has the id 'jams'; the nearest is 'jam'"):
        vitals._definitions.__wrapped__()


@pytest.mark.parametrize("module", [hints, toml_keys])
def test_examples_in_the_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)
