"""What `GET /metrics` says of a city put together by hand, number by number."""

import asyncio
import dataclasses
from types import SimpleNamespace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dashboard.app import create_app
from dashboard.mirror import Mirror
from dashboard.telemetry.exposition import CONTENT_TYPE, exposition, look
from dashboard.telemetry.metric import Process
from dashboard.telemetry.table import METRICS
from tests.dashboard.scrape import scraped

NOW = 1_700_000_100_000
PLACE = {"topic": "city.inbox.v1.traffic", "partition": 1, "absorbed": 7, "end": 12}
COUNTERS = {
    "started_ms": NOW - 60_500,
    "cpu_s": 1.25,
    "resident_bytes": 2048,
    "chunk_records": {"bounds": [1, 10], "counts": [2, 3, 4], "sum": 130},
    "chunk_bytes": {"bounds": [1024], "counts": [5, 4], "sum": 9000},
    "absorb_s": {"bounds": [0.001, 0.3], "counts": [0, 9, 0], "sum": 0.5},
    "recovery_s": {"bounds": [1], "counts": [1, 1], "sum": 4.5},
    "recovered_records": 3,
    "recovered_bytes": 999,
    "snapshots": 9,
    "sent_records": {"city.readings.v1.traffic": 40},
    "sent_bytes": {"city.readings.v1.traffic": 4000},
    "lost_records": {"city.inbox.v1.traffic": 790},
}
OF_REST = {
    **{"now_count": 0, "last_count": 7, "shown_count": 6, "average_count": 1.5, "worst_count": 8},
    **{"flood_ratio": 0.5, "windows_count": 4, "standing_24h_count": 1, "top_ratio": {"heat": 1.0}},
    **{"level_ratio": {"2": 1.0}, "open": {"shown": 6}},
}

FIELDS = {
    "clock": {"at_ms": 5_000_000, "wall_ms": NOW - 10_000, "speed": 6.0},  # the city's clock stands at 5,060,000
    "f:traffic": {"at_ms": 5_058_500, "received_ms": NOW, "silent_ratio": 0.25},
    "f:water": {"at_ms": None, "received_ms": None, "silent_ratio": None},
    "b:intake:traffic:0": {
        "offset": 9,
        "counts": {
            **{"readings_in": 70, "sent": 67, "unknown_fields": 2, "dead_lettered": {"future": 3}},
            "refused_values": {"speed_km_h": {"out_of_range": 8}, "flow_veh_h": {"not_finite": 1}},
        },
    },
    "b:intake:traffic:1": {
        "offset": 5,
        "counts": {"readings_in": 30, "sent": 30, "unknown_fields": 0, "dead_lettered": {}},
    },
    "b:zone:traffic:0": {
        "offset": 4,
        "counts": {
            **{"in_frames": 60, "duplicates": 4, "conflicts": 1, "too_late": 3, "watermark_ms": 5_050_000},
            "repeated_values": 2,
            "processors": {"congestion": {"used": 55, "dropped": {"no_vehicles": 5}}},
        },
    },
    "b:zone:traffic:1": {"offset": 4, "counts": {"in_frames": 30, "too_late": 0, "watermark_ms": 5_048_000}},
    "b:zone:water:0": {"offset": 1, "counts": {"in_frames": 1, "too_late": 0, "watermark_ms": None}},
    "b:alarms:journal:0": {
        "offset": 3,
        "counts": {},
        "load": {
            **{"now_count": 1, "last_count": 12, "shown_count": 10, "average_count": 2.5, "worst_count": 12},
            **{"flood_ratio": 0.25, "windows_count": 4, "standing_24h_count": 2, "top_ratio": {"noise_high": 0.75}},
            **{"level_ratio": {"1": 0.0, "4": 0.5}, "open": {"shown": 10, "waiting": 2}},
            "desks": {"rest": OF_REST, "traffic": OF_REST | {"shown_count": 4}},
        },
    },
    "b:second:all:0": {"offset": 8, "counts": {"frames": 8}},
    "b:history": {
        "away": True,
        "spilled_bytes": 512,
        "counts": {"stored": 20, "expired": 1, "dead_lettered": {"refused_by_history": 6}},
    },
    "b:live": {"counts": {"odd": {"row": 4}}},
    "a:": {},
    "m:odd": None,
    "p:odd": {"at_ms": NOW, "counters": {"cpu_s": "much"}},
    "p:intake": {
        "at_ms": NOW - 250,
        "waits": None,
        "partitions": [{**PLACE, "lag_records": 5, "lag_s": 1.5, "unsaved_s": 0.75}],
        "counters": COUNTERS,
    },
    "p:intake-2": {  # was killed: what it says of its partitions is old
        "at_ms": NOW - 11_000,
        "waits": "its state",
        "partitions": [{**PLACE, "lag_records": 900, "lag_s": 90.0, "unsaved_s": 0.0}],
        "counters": COUNTERS,
    },
    "p:alarms": {
        "at_ms": NOW,
        "waits": "its share of the partitions",
        "partitions": [],
        "counters": COUNTERS,
        "set_aside": [{"processor": "threshold", "topic": "city.readings.v1.water", "partition": 2, "offset": 7}],
    },
    "p:gone": {"at_ms": 5, "partitions": [], "counters": COUNTERS},  # of an earlier start
}


@pytest.fixture
def hub(config):
    processes = [Process("intake", True, 2, 0.0), Process("alarms", False, 1, 17.5)]
    mirror = Mirror()
    mirror.load("e", 1, FIELDS)
    mirror.newest_metric_wall_ms = NOW - 400
    return SimpleNamespace(
        config=dataclasses.replace(config, started_ms=NOW - 3_600_000, processes=lambda: processes),
        mirror=mirror,
        clients=3,
        redis_lost_ms=NOW - 2000,
    )


def lines_of(hub, name):
    """The lines of one metric, as they stand."""
    text = exposition(look(hub, NOW)).decode()
    return [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]


BY_HAND = {
    "citywall_desk_open_alarms": ['{desk="rest",place="shown"} 6.0', '{desk="traffic",place="shown"} 6.0'],
    "citywall_desk_ten_minute_alarms": [
        f'{{desk="{desk}",of="{of}"}} {value}'
        for desk in ("rest", "traffic")
        for of, value in (("average", 1.5), ("last", 7.0), ("worst", 8.0))
    ],
    "citywall_desk_alarms_flood_ratio": ['{desk="rest"} 0.5', '{desk="traffic"} 0.5'],
    "citywall_desk_shown_items": ['{desk="rest"} 6.0', '{desk="traffic"} 4.0'],
    "citywall_desk_standing_alarms": ['{desk="rest"} 1.0', '{desk="traffic"} 1.0'],
    "citywall_desk_alarms_kind_ratio": ['{desk="rest",kind="heat"} 1.0', '{desk="traffic",kind="heat"} 1.0'],
    "citywall_desk_alarms_level_ratio": ['{desk="rest",level="2"} 1.0', '{desk="traffic",level="2"} 1.0'],
    "citywall_open_alarms": ['{place="shown"} 10.0', '{place="waiting"} 2.0'],
    "citywall_ten_minute_alarms": ['{of="average"} 2.5', '{of="last"} 12.0', '{of="worst"} 12.0'],
    "citywall_alarms_flood_ratio": [" 0.25"],
    "citywall_shown_items": [" 10.0"],
    "citywall_standing_alarms": [" 2.0"],
    "citywall_alarms_kind_ratio": ['{kind="noise_high"} 0.75'],
    "citywall_alarms_level_ratio": ['{level="1"} 0.0', '{level="4"} 0.5'],
    "citywall_intake_readings_total": [
        '{domain="traffic",partition="0"} 70.0',
        '{domain="traffic",partition="1"} 30.0',
    ],
    "citywall_intake_rows_total": ['{domain="traffic",partition="0"} 67.0', '{domain="traffic",partition="1"} 30.0'],
    "citywall_intake_unknown_fields_total": [
        '{domain="traffic",partition="0"} 2.0',
        '{domain="traffic",partition="1"} 0.0',
    ],
    "citywall_intake_refused_values_total": [
        '{column="flow_veh_h",domain="traffic",partition="0",reason="not_finite"} 1.0',
        '{column="speed_km_h",domain="traffic",partition="0",reason="out_of_range"} 8.0',
    ],
    "citywall_dead_letters_total": [
        '{domain="",partition="",reason="refused_by_history",stage="history"} 6.0',
        '{domain="traffic",partition="0",reason="future",stage="intake"} 3.0',
        '{domain="traffic",partition="0",reason="too_late",stage="zone"} 3.0',
        '{domain="traffic",partition="1",reason="too_late",stage="zone"} 0.0',
        '{domain="water",partition="0",reason="too_late",stage="zone"} 0.0',
    ],
    "citywall_zone_rows_total": [
        '{domain="traffic",partition="0",verdict="admitted"} 60.0',
        '{domain="traffic",partition="0",verdict="duplicate"} 4.0',
        '{domain="traffic",partition="0",verdict="too_late"} 3.0',
        '{domain="traffic",partition="1",verdict="admitted"} 30.0',
        '{domain="traffic",partition="1",verdict="too_late"} 0.0',
        '{domain="water",partition="0",verdict="admitted"} 1.0',
        '{domain="water",partition="0",verdict="too_late"} 0.0',
    ],
    "citywall_zone_repeated_values_total": ['{domain="traffic",partition="0"} 2.0'],
    "citywall_zone_conflicting_rows_total": ['{domain="traffic",partition="0"} 1.0'],
    "citywall_processor_rows_total": ['{domain="traffic",partition="0",processor="congestion"} 55.0'],
    "citywall_processor_dropped_rows_total": [
        '{domain="traffic",partition="0",processor="congestion",reason="no_vehicles"} 5.0'
    ],
    "citywall_watermark_age_seconds": ['{domain="traffic"} 12.0'],  # 5,060 s - 5,048 s; water's is not known
    "citywall_second_level_frames_total": [" 8.0"],
    "citywall_history_rows_total": ['{outcome="stored"} 20.0', '{outcome="expired"} 1.0'],
    "citywall_history_spill_bytes": [" 512.0"],
    "citywall_history_away": [" 1.0"],
    "citywall_snapshot_age_seconds": ['{part="intake",partition="1",topic="city.inbox.v1.traffic"} 0.75'],
    "citywall_lag_seconds": ['{part="intake",partition="1",topic="city.inbox.v1.traffic"} 1.5'],
    "citywall_lag_records": ['{part="intake",partition="1",topic="city.inbox.v1.traffic"} 5.0'],
    "citywall_processor_set_aside": ['{partition="2",processor="threshold",topic="city.readings.v1.water"} 1.0'],
    "citywall_part_waiting": ['{part="alarms",reason="its share of the partitions"} 1.0'],
    "citywall_part_resident_bytes": ['{part="alarms"} 2048.0', '{part="intake"} 2048.0'],
    "citywall_pulse_age_seconds": ['{part="alarms"} 0.0', '{part="intake"} 0.25', '{part="intake-2"} 11.0'],
    "citywall_feed_age_seconds": ['{domain="traffic"} 1.5'],
    "citywall_feed_silent_ratio": ['{domain="traffic"} 0.25'],
    "citywall_process_restarts_total": ['{process="intake"} 2.0', '{process="alarms"} 1.0'],
    "citywall_process_running": ['{process="intake"} 1.0', '{process="alarms"} 0.0'],
    "citywall_process_standstill_seconds": ['{process="intake"} 0.0', '{process="alarms"} 17.5'],
    "citywall_metric_age_seconds": [" 0.4"],
    "citywall_live_state_lost_seconds": [" 2.0"],
    "citywall_live_odd_values_total": [
        '{kind="row",where="sink"} 4.0',
        '{kind="a",where="wall"} 1.0',
        '{kind="m",where="wall"} 1.0',
        '{kind="p",where="wall"} 1.0',
    ],
    "citywall_wall_clients": [" 3.0"],
    "citywall_build_info": ['{build="b1",city="duo"} 1.0'],
}
OF_INTAKE = {
    "citywall_chunk_records_bucket": {'le="1"': 2, 'le="10"': 5, 'le="+Inf"': 9},  # 2, 2 + 3, 2 + 3 + 4
    "citywall_chunk_records_sum": {"": 130},
    "citywall_chunk_records_count": {"": 9},
    "citywall_chunk_bytes_bucket": {'le="1024"': 5, 'le="+Inf"': 9},
    "citywall_absorb_seconds_bucket": {'le="0.001"': 0, 'le="0.3"': 9, 'le="+Inf"': 9},
    "citywall_recovery_seconds_sum": {"": 4.5},
    "citywall_recovery_seconds_count": {"": 2},
    "citywall_recovery_records_total": {"": 3},
    "citywall_recovery_bytes_total": {"": 999},
    "citywall_snapshots_total": {"": 9},
    "citywall_sent_records_total": {'topic="city.readings.v1.traffic"': 40},
    "citywall_sent_bytes_total": {'topic="city.readings.v1.traffic"': 4000},
    "citywall_lost_records_total": {'topic="city.inbox.v1.traffic"': 790},
    "citywall_part_cpu_seconds_total": {"": 1.25},
    "citywall_part_start_timestamp_seconds": {"": 1_700_000_039.5},
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_metric_says_what_was_worked_out_by_hand(hub, name):
    assert lines_of(hub, name) == [f"{name}{rest}" for rest in BY_HAND[name]]


@pytest.mark.parametrize("name", OF_INTAKE)
def test_a_part_says_what_was_worked_out_by_hand(hub, name):
    found = {}
    for line in lines_of(hub, name):
        labels, _, value = line.removeprefix(name).rpartition(" ")
        if 'part="intake"' in labels:
            rest = [one for one in labels.strip("{}").split(",") if not one.startswith("part=")]
            found[",".join(rest)] = float(value)
    assert found == OF_INTAKE[name]


def test_every_metric_is_worked_out_by_hand_here():
    exported = {name for metric in METRICS for name in metric.sample_names}
    rest = {f"citywall_{one}" for one in ("chunk_bytes_sum", "chunk_bytes_count")}
    rest |= {f"citywall_{one}" for one in ("absorb_seconds_sum", "absorb_seconds_count", "recovery_seconds_bucket")}
    assert exported - rest == BY_HAND.keys() | OF_INTAKE.keys()


def test_prometheus_own_parser_reads_all_of_it_and_no_series_comes_twice(hub):
    text = exposition(look(hub, NOW)).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {name: family.type for name, family in families.items()} == {
        metric.name.removesuffix("_total"): metric.kind for metric in METRICS
    }
    series = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series)) == len(scraped(text))
    assert all(metric.zh in text and metric.en in text for metric in METRICS)


def test_a_wall_that_knows_nothing_yet_answers_with_its_own(config):
    app = create_app(config)

    async def get():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.get("/metrics")

    answer = asyncio.run(get())
    assert (answer.status_code, answer.headers["content-type"]) == (200, CONTENT_TYPE)
    assert answer.headers["cache-control"] == "no-cache"
    names = {name for name, _ in scraped(answer.text)}
    assert names == {"citywall_live_state_lost_seconds", "citywall_wall_clients", "citywall_build_info"}
