"""A column's mean has a name of its own wherever it is told: what would mix with another metric is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.config import settings
from deploy.config.clashes import clashes
from deploy.config.components import discover
from deploy.config.rules import checked, in_force
from streams.city.folder import read_folder
from streams.city.own_domains import take_in
from streams.domains import schema
from streams.errors import CityFileError
from tests.small_city import write_small_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.city.folder import Folder

COMPONENTS = settings.load(environment={}).components
COLUMN = '[columns.{}]\nzh = "某"\nen = "Something"\nunit = ""\nrange = [0, 30]\ndata_class = "public"\n'


@pytest.fixture(autouse=True)
def _no_domains_left_over() -> Iterator[None]:
    yield
    schema.take_in({})


def with_domains(folder: Path, **columns: str) -> Folder:
    """A city with domains of its own, one column each, which this process has taken in."""
    write_small_city(folder)
    (folder / "domains").mkdir()
    for domain, column in columns.items():
        text = f'domain = "{domain}"\nzh = "某域"\nen = "Some domain"\n{COLUMN.format(column)}'
        (folder / "domains" / f"{domain}.toml").write_text(text, encoding="utf-8")
    take_in(folder)
    return read_folder(folder)


def test_those_that_come_along_do_not_mix() -> None:
    assert clashes(discover()) == []


@pytest.mark.parametrize(
    ("column", "other"),
    [
        ("delay_s", "the metric 'delay_s' (Delay per vehicle and segment) of the processor congestion"),
        ("tpi", "the metric 'tpi' (Traffic performance index) of the processor network"),
        ("silent_ratio", "the metric 'silent_ratio' (Silent sensors) of the processor feed_health"),
        ("transit_load_ratio", "the mean of transit's column 'load_ratio', called 'transit_load_ratio' for zones"),
    ],
)
def test_a_column_that_would_mix_is_refused(tmp_path: Path, column: str, other: str) -> None:
    folder = with_domains(tmp_path / "city", harbour=column)
    (problem,) = checked(folder, COMPONENTS).problems
    assert str(problem).startswith(f"{folder.name}/domains/harbour.toml: column {column}: its mean would mix with ")
    assert other in str(problem)
    assert str(problem).endswith(f"give the column another name, such as harbour_{column}")
    with pytest.raises(CityFileError):
        in_force(folder, COMPONENTS)


@pytest.mark.parametrize("column", ["speed_km_h", "load_ratio", "harbour_delay_s"])
def test_a_column_that_zones_call_otherwise_is_taken(tmp_path: Path, column: str) -> None:
    """`speed_km_h` is a column of traffic too: zones and the city say `harbour_speed_km_h`."""
    assert checked(with_domains(tmp_path / "city", harbour=column), COMPONENTS).problems == ()


def test_of_two_own_domains_each_that_mixes_is_named(tmp_path: Path) -> None:
    """Two share `tpi`, which their zones call `harbour_tpi` and `lake_tpi`; a feed's own metric mixes in its domain."""
    assert checked(with_domains(tmp_path / "apart", harbour="tpi", lake="tpi"), COMPONENTS).problems == ()
    found = checked(with_domains(tmp_path / "mixed", harbour="silent_ratio", lake="silent_ratio"), COMPONENTS)
    assert [one.place for one in found.problems] == ["column silent_ratio"] * 2
