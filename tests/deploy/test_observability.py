"""The Grafana dashboard and the scrape configuration ask for what is exported, and for nothing else."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from dashboard.telemetry.table import METRICS
from deploy.config import settings

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "observability"
DASHBOARD = json.loads((FOLDER / "grafana" / "citywall.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"], target["legendFormat"]) for panel in PANELS for target in panel["targets"]]
EXPORTED = {
    name: {*metric.labels, *(("le",) if name.endswith("_bucket") else ())}
    for metric in METRICS
    for name in metric.sample_names
}
NAME = re.compile(r"citywall_\w+")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
LEGEND = re.compile(r"{{\s*(\w+)\s*}}")


def problems(expr, legend):
    """What a query asks for that is not exported: names, or labels that none of its metrics has."""
    names = NAME.findall(expr)
    unknown = [name for name in names if name not in EXPORTED]
    grouped = [label.strip() for group in GROUPING.findall(expr) for label in group.split(",")]
    asked = {*MATCHER.findall(expr), *grouped, *LEGEND.findall(legend)}
    each = [EXPORTED.get(name, set()) for name in names]
    return [*unknown, *sorted(label for label in asked if not any(label in labels for labels in each))]


@pytest.mark.parametrize(("title", "expr", "legend"), QUERIES)
def test_a_query_uses_names_and_labels_that_are_exported(title, expr, legend):
    assert NAME.search(expr), title
    assert problems(expr, legend) == []


@pytest.mark.parametrize(
    ("expr", "legend", "wrong"),
    [
        ("rate(citywall_reading_total[1m])", "", ["citywall_reading_total"]),
        ("rate(citywall_chunk_records[1m])", "", ["citywall_chunk_records"]),  # a histogram has no such series
        ("sum by (zone) (citywall_lag_seconds)", "", ["zone"]),
        ('citywall_lag_seconds{topik=~"x"}', "", ["topik"]),
        ("citywall_lag_seconds", "{{process}}", ["process"]),
        ("sum by (le) (citywall_chunk_records_sum)", "", ["le"]),
    ],
)
def test_a_query_that_is_wrong_would_be_seen(expr, legend, wrong):
    assert problems(expr, legend) == wrong


def test_a_rate_is_taken_of_counters_alone_and_no_counter_is_drawn_without_one():
    counting = {name for metric in METRICS if metric.kind != "gauge" for name in metric.sample_names}
    totals = {"citywall_process_restarts_total", "citywall_recovery_bytes_total"}  # rare: how often in all
    totals |= {"citywall_recovery_seconds_sum", "citywall_recovery_seconds_count"}
    for _, expr, _ in QUERIES:
        rated = {NAME.match(rest).group() for rest in re.findall(r"rate\((citywall_\S+)", expr)}
        assert rated <= counting, expr
        assert (set(NAME.findall(expr)) & counting) - rated <= totals, expr


def test_the_dashboard_shows_what_an_operator_asks_for():
    shown = {name for _, expr, _ in QUERIES for name in NAME.findall(expr)}
    wanted = (
        *("intake_readings_total", "lag_seconds", "watermark_age_seconds", "dead_letters_total"),
        *("snapshot_age_seconds", "process_restarts_total", "history_spill_bytes", "recovery_seconds_sum"),
    )
    assert {f"citywall_{name}" for name in wanted} <= shown


def test_every_panel_asks_the_data_source_that_the_reader_chose():
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert all(asked["datasource"] == chosen for panel in PANELS for asked in (panel, *panel["targets"]))


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for one, other in combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in DASHBOARD["panels"])


def test_prometheus_asks_the_wall_where_it_is_by_default():
    found = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = found["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("citywall", "/metrics")
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{settings.Stack().port}"]}]
