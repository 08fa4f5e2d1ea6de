"""`citywall try` over a day of Aarhus: what it prints is what pandas makes of the same files."""

from __future__ import annotations

import re

import numpy as np
import pytest

from deploy.terminal import cli
from tests.integration import aarhus_pandas as plain

DAY = "2014-08-20"
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not plain.DATA.is_dir(), reason=f"the files of Aarhus are missing: put them into {plain.DATA}"),
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[str]], str]:
    """Run it once → (first cell of a line → its other cells, the plot)."""
    plot = tmp_path_factory.mktemp("plot") / "tti.svg"
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        assert cli.main(["try", "congestion", "--on", str(plain.DATA), "--lang", "en", "--plot", str(plot)]) == 0
    lines = [re.split(r" {2,}", line.strip()) for line in "\n".join(said).splitlines()]
    return {cells[0]: cells[1:] for cells in lines}, plot.read_text(encoding="utf-8")


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_readings_and_drops_are_those_of_the_file(shown: tuple[dict[str, list[str]], str]):
    rows = plain.rows_of(DAY, plain.ALL_LINKS)
    once = rows.drop_duplicates(["REPORT_ID", "at"])
    assert number(shown[0]["read"][0]) == len(rows)
    assert number(shown[0]["admitted"][0]) == len(once)
    assert number(shown[0]["dropped: no_vehicles"][0]) == int((once["vehicleCount"] == 0).sum())


@pytest.mark.parametrize("metric", ["tti_ratio", "speed_km_h", "delay_s"])
def test_rows_are_those_of_pandas(shown: tuple[dict[str, list[str]], str], metric: str):
    minutes = plain.sums(plain.travel(plain.rows_of(DAY, plain.ALL_LINKS)), "link", "min")
    expected = plain.delay_of_links(minutes) if metric == "delay_s" else plain.measured(minutes)[metric]
    _, _, rows, unknown, corrected, low, median, high, _ = shown[0][metric]
    assert number(rows) - number(unknown) == len(expected)
    assert corrected == "0"
    found = [number(low), number(median), number(high)]
    np.testing.assert_allclose(found, [expected.min(), expected.median(), expected.max()], rtol=1e-3, atol=1e-6)


def test_the_plot_names_its_source(shown: tuple[dict[str, list[str]], str]):
    assert "CityPulse EU FP7, CC BY 4.0" in shown[1]
    assert shown[1].count('<path d="M') > 5


def test_a_time_without_rows_says_what_there_is(capsys: pytest.CaptureFixture[str]):
    assert (
        cli.main(["try", "threshold", "--on", str(plain.DATA), "--from", f"{DAY}T00:01", "--until", f"{DAY}T00:02"])
        == 2
    )
    assert "there is weather of 2014-08-01 to 2014-09-30" in capsys.readouterr().err
