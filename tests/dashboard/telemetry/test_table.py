"""Names keep to Prometheus's convention (prometheus.io/docs/practices/naming), so that a reader knows their units."""

import re

import pytest

from dashboard.telemetry.table import METRICS

UNITS = {
    *("seconds", "timestamp_seconds", "bytes", "ratio"),
    *("readings", "rows", "values", "fields", "letters", "frames", "records", "snapshots", "restarts", "clients"),
    *("alarms", "items"),
}
"""Base units, and what is counted, in the plural."""


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_name_ends_in_its_unit_and_a_counters_in_total(metric):
    assert re.fullmatch(r"citywall(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    if metric.unit:
        assert metric.unit in UNITS
        assert metric.name.removesuffix("_total").endswith(f"_{metric.unit}")
    else:
        assert metric.kind == "gauge"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_labels_are_no_names_of_prometheus_and_the_meaning_is_told_in_both_languages(metric):
    assert not {"le", "quantile", "job", "instance"} & set(metric.labels)
    assert all(re.fullmatch(r"[a-z]+", label) for label in metric.labels)
    assert metric.en.endswith((".", ".…"))
    assert metric.zh.endswith("。")
    assert "|" not in metric.en + metric.zh  # they stand in a table


def test_no_sample_has_two_metrics():
    names = [name for metric in METRICS for name in metric.sample_names]
    assert len(names) == len(set(names))
