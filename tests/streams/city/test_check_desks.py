"""`desks.toml`: who watches what of a city, and every problem of the file at once."""

import pytest

from streams.city.check import check
from streams.city.folder import read_folder
from streams.city.registry import load_city
from streams.city.scope import scope_of
from tests.city_edits import assert_refused, whole

NAMES = 'name_zh = "交通席"\nname_en = "Traffic"\n'
TRAFFIC = f'[[desk]]\nid = "traffic"\n{NAMES}domains = ["traffic"]\n'
REST = f'[[desk]]\nid = "rest"\n{NAMES}'

PROBLEMS = {
    "an unknown domain": (
        f'{REST}domains = ["trafic"]\n',
        ["desk rest: domains: no domain is called 'trafic'", "'traffic'"],
    ),
    "an unknown zone": (f'{REST}zones = ["z9"]\n', ["desks.toml: desk rest: zones: no zone is called 'z9'"]),
    "a domain that is no list": (f'{REST}domains = "traffic"\n', ["domains: a list of domains is needed"]),
    "an id twice": (TRAFFIC + TRAFFIC, ["id: 'traffic' stands there twice, first in desk traffic"]),
    "no name": ('[[desk]]\nid = "a"\nname_zh = "席"\n', ["desk a: name_en: a text is needed"]),
    "no id": (f"[[desk]]\n{NAMES}", ["desk 1: id: a text is needed"]),
    "an id that is too long": (f'[[desk]]\nid = "{"a" * 65}"\n{NAMES}', ["id: 65 characters; 64 are possible"]),
    "an unknown key": (f'{REST}zone = ["z1"]\n', ["zone: a desk has no such key", "'zones'"]),
    "an unknown section": (f"{REST}[desks]\n", ["desks: is no key of this file; each desk is a section [[desk]]"]),
    "no list of desks": ("desk = 3\n", ["desk: sections [[desk]] is needed"]),
    "too many": ("".join(f'[[desk]]\nid = "d{n}"\n{NAMES}' for n in range(51)), ["51 desks; 50 are possible"]),
}


@pytest.mark.parametrize(("text", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_is_refused(city_folder, text, words):
    whole("desks.toml", text)(city_folder)
    assert_refused(city_folder, words)


def test_the_desks_come_with_the_city_in_their_order(city_folder):
    whole("desks.toml", f'{TRAFFIC}zones = ["z1", "z2"]\n{REST}')(city_folder)
    city = load_city(city_folder)
    assert [(one.id, one.domains, one.zones) for one in city.desks] == [
        ("traffic", ("traffic",), ("z1", "z2")),
        ("rest", (), ()),
    ]
    assert city.desks[0].called == ("交通席", "Traffic")
    assert scope_of(city, None).desks == city.desks
    assert check(read_folder(city_folder)).counts["desks"] == 2
    assert said(city_folder) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f'{TRAFFIC}zones = ["z1"]\n',
            "weather in z0, weather in z1 and 2 more; their alarms go to the first, traffic",
        ),
        (f"{REST}{TRAFFIC}", "nothing would be its: what it watches, a desk above it does already"),
    ],
    ids=["nobody watches", "nothing is left"],
)
def test_what_is_odd_about_who_watches_what_is_said(city_folder, text, words):
    whole("desks.toml", text)(city_folder)
    (notice,) = said(city_folder)
    assert not notice.is_problem
    assert words in str(notice)


def said(city_folder):
    """What is found in the file."""
    return [one for one in check(read_folder(city_folder)).findings if one.file.endswith("desks.toml")]
