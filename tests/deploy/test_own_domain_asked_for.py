"""A city's own domain is one to the commands that only read: they know it by the data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.supervision import folder
from deploy.terminal import cli
from streams.domains import schema
from streams.sinks.history.opening import open_history
from tests.runs import run_of
from tests.small_city import write_small_city
from tests.streams.sinks.rows import row, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HARBOUR = """domain = "harbour"
zh = "港口"
en = "Harbour"

[columns.draught_m]
zh = "吃水"
en = "Draught"
unit = "m"
range = [0, 30]
data_class = "public"

[columns.temperature_c]
zh = "水温"
en = "Water temperature"
unit = "°C"
range = [-5, 40]
data_class = "public"
"""


@pytest.fixture(autouse=True)
def _no_domains_left_over() -> Iterator[None]:
    yield
    schema.take_in({})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    city = write_small_city(tmp_path / "city")
    (city / "domains").mkdir()
    (city / "domains" / "harbour.toml").write_text(HARBOUR, encoding="utf-8")
    history = str(tmp_path / "history.sqlite")
    run_of(tmp_path, history=history).write()
    with_rows = open_history(history)
    with_rows.write(rows_of(row("quay-1", 0, 7.5, metric="draught_m")))
    with_rows.close()
    return tmp_path


def test_its_metrics_are_listed_and_have_unit_and_method(data: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["export", "draught_m", "--data", str(data)]) == 0
    line = capsys.readouterr().out.splitlines()[1].split(",")
    assert (line[0], line[3], line[7], line[-1]) == ("quay-1", "7.5", "measurement_mean", "m")
    assert cli.main(["export", "--list", "--data", str(data)]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert listed >= {"draught_m", "harbour_temperature_c", "temperature_c"}


def test_of_the_city_last_started_they_are_listed_too_and_none_needs_to_be(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert cli.main(["export", "--list"]) == 0
    assert "draught_m" not in capsys.readouterr().out
    folder.remember(data)
    assert cli.main(["export", "--list"]) == 0
    assert "draught_m" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["dead-letters", "--domain", "harbour"], ["try", "threshold", "--on", "city.inbox.v1.harbour"]]
)
def test_it_can_be_asked_for(words: list[str], data: Path, capsys: pytest.CaptureFixture[str]):
    """No Kafka answers there, and that is all that is wrong."""
    assert cli.main([*words, "--data", str(data)]) != 0
    assert "no Kafka answers at 127.0.0.1:1" in capsys.readouterr().err
