"""Mean levels are means of energy: in a sensor's minute, in its hour, over a zone. Sums worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from processors import network, threshold
from processors.maths import energy
from streams.city.registry import City, Sensor, Zone
from streams.contract.records import Frame, MetricFrame, Rows
from streams.contract.spec import column_mean, sums_of
from streams.contract.sums import Sums
from streams.domains.column import faults
from tests.processors.watcher import HOUR_MS, MINUTE_MS, row

CITY = City(
    "c", "", "", "UTC", "", (Zone("z", "", ""),), (),
    tuple(Sensor(name, "environment", 0, -1, 0.0, 0.0, 60.0, "", "") for name in ("n0", "n1")),
)  # fmt: skip
SUMS = sums_of([threshold.SPEC], "environment")


def hour(levels_db: list[float], *others_db: float) -> dict[tuple[str, int], tuple[float, float]]:
    """Levels of `n0` a minute, NaN = none, beside those of `n1` → (entity, window): value and coverage."""
    levels = [[one for one in (level, *others_db) if one == one] for level in levels_db]
    rows = [(minute, place, one) for minute, of in enumerate(levels) for place, one in enumerate(reversed(of))]
    at_ms = np.array([minute * MINUTE_MS for minute, *_ in rows], np.int64)
    sensor = np.array([1 - place if others_db else 0 for _, place, _ in rows], np.int32)
    column = {"noise_db": np.array([one for *_, one in rows])}
    frame = Frame("environment", 0, sensor, at_ms, np.zeros(len(rows), bool), column, HOUR_MS)
    means = threshold.step(threshold.State(), frame, CITY, threshold.Config()).rows
    return told(means, SUMS)


def told(rows: Rows, sums: dict[str, Sums]) -> dict[tuple[str, int], tuple[float, float]]:
    frame = MetricFrame("environment", 0, rows, HOUR_MS, sums=sums)
    found = network.step(network.State(), frame, CITY, network.Config()).rows
    found = Rows.concat([rows, found])
    found = found.where((found.metric == "noise_db") & (found.at_ms == 0))
    keys = zip(found.entity.tolist(), found.window_s.tolist(), strict=True)
    return dict(zip(keys, zip(found.value.tolist(), found.coverage_ratio.tolist(), strict=True), strict=True))


def test_half_an_hour_at_50_and_half_at_70_is_67():
    value, coverage = hour([50.0] * 30 + [70.0] * 30)["n0", 3600]
    assert value == pytest.approx(67.033, abs=1e-9)  # 10 lg((10^5 + 10^7) / 2) = 10 lg 5,050,000
    assert coverage == 1.0


def test_what_is_missing_is_no_silence_but_less_coverage():
    """50 minutes of 60; `n1` speaks in every minute, so the last ten asked for `n0`, too."""
    found = hour([50.0] * 25 + [70.0] * 25 + [np.nan] * 10, 40.0)
    assert found["n0", 3600][0] == pytest.approx(67.033)
    assert found["n0", 3600][1] == pytest.approx(50 / 60)


def test_a_zone_has_the_energy_of_its_sensors():
    found = hour([70.0] * 60, 50.0)
    assert found["zone:z", 60][0] == pytest.approx(67.033)
    assert found["zone:z", 3600][0] == pytest.approx(67.033)
    assert found["city:c", 3600][0] == pytest.approx(67.033)


def test_a_level_at_a_limit_is_at_it():
    """What a limit may be, a tenth of a decibel, comes back from a sum to the digit."""
    levels = np.round(np.arange(300, 1401) / 10, 1)
    found = energy.level_of(np.rint(energy.energy_of(levels) * 10) / 10)
    assert found.tolist() == levels.tolist()


def test_rows_of_a_release_before_count_with_their_mean():
    """It added decibels up in millionths: a minute of two readings of 60 dB and one of one of 70 dB."""
    before = Rows.concat([row("n0", "noise_db", 0, 120_000_000, 2), row("n0", "noise_db", MINUTE_MS, 70_000_000, 1)])
    before.value[:] = (60.0, 70.0)
    value, _ = told(before, {"noise_db": Sums(1e6)})["n0", 3600]
    assert value == pytest.approx(66.021)  # 10 lg((2 * 10^6 + 10^7) / 3) = 10 lg 4,000,000


def test_only_levels_are_added_up_so():
    assert column_mean("environment", "noise_db").sums.is_level
    assert not column_mean("environment", "pm10_ug_m3").sums.is_level


@pytest.mark.parametrize(
    ("said", "bounds", "word"),
    [("energies", [20, 140], "energy"), ("energy", [0, 140], "20, 140"), ("energy", [20, 200], "20, 140")],
)
def test_a_column_of_levels_says_so_and_keeps_its_range(said: str, bounds: list[int], word: str):
    table = {"zh": "声", "en": "Noise", "unit": "dB", "range": bounds, "data_class": "public", "mean": said}
    [fault] = faults("noise_db", table)
    assert word in fault.text
    assert not list(faults("noise_db", table | {"mean": "energy", "range": [20, 140]}))
