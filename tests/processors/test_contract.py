"""Every processor passes the same suite; a new one joins by its file name."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.components import discover
from streams.records import NO_TIME_MS, MetricFrame, Rows
from streams.spec import Spec, all_metrics
from streams.state import decode, encode
from tests.processors import contract

SPECS = discover()
FIRST = {name: spec for name, spec in SPECS.items() if not spec.second_level}
SECOND = {name: spec for name, spec in SPECS.items() if spec.second_level}
FIRST_CASES = [(name, domain) for name, spec in FIRST.items() for domain in sorted({spec.domains[0], spec.domains[-1]})]
SECOND_CASES = [(name, domain) for name, spec in SECOND.items() for domain in ("traffic", "weather")]
GENERATED = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])

first_level = pytest.mark.parametrize(("name", "domain"), FIRST_CASES)
second_level = pytest.mark.parametrize(("name", "domain"), SECOND_CASES)


@pytest.mark.parametrize("name", SPECS)
class TestDeclares:
    def test_a_configuration_that_refuses_unknown_keys(self, name: str):
        with pytest.raises(msgspec.ValidationError, match="no_such_setting"):
            msgspec.convert({"no_such_setting": 1}, SPECS[name].config)

    def test_a_configuration_with_a_default_for_everything(self, name: str):
        assert msgspec.convert({}, SPECS[name].config) == SPECS[name].config()

    def test_a_text_under_each_setting(self, name: str):
        assert SPECS[name].config.__doc__
        assert all(field.islower() for field in SPECS[name].config.__struct_fields__)

    def test_an_empty_state_that_survives_its_bytes(self, name: str):
        empty = SPECS[name].state()
        assert encode(decode(type(empty), encode(empty))) == encode(empty)

    def test_domains_that_exist(self, name: str):
        assert set(SPECS[name].domains) <= set(contract.load_schemas())


@first_level
class TestFirstLevel:
    @GENERATED
    @given(data=st.data())
    def test_no_cut_of_the_log_changes_what_it_yields(self, name: str, domain: str, data: st.DataObject):
        log = data.draw(contract.logs(domain))
        cuts = data.draw(st.sets(st.integers(0, 60)))
        end_ms = contract.end_of(log)
        whole = contract.run(name, FIRST[name], contract.frames_of(domain, log, [], end_ms))
        for parts in (cuts, range(len(log))):
            cut = contract.run(name, FIRST[name], contract.frames_of(domain, log, parts, end_ms))
            assert cut.newest() == whole.newest()
            assert cut.said() == whole.said()
            assert cut.dropped == whole.dropped

    @GENERATED
    @given(data=st.data())
    def test_a_state_that_went_through_its_bytes_goes_on_the_same(self, name: str, domain: str, data: st.DataObject):
        log = data.draw(contract.logs(domain))
        frames = contract.frames_of(domain, log, data.draw(st.sets(st.integers(0, 60))), contract.end_of(log))
        straight, reloaded = (contract.run(name, FIRST[name], frames, reload=reload) for reload in (False, True))
        assert reloaded.bits() == straight.bits()
        assert encode(reloaded.state) == encode(straight.state)

    @GENERATED
    @given(data=st.data())
    def test_late_readings_change_no_final(self, name: str, domain: str, data: st.DataObject):
        log = data.draw(contract.logs(domain))
        end_ms = contract.end_of(log)
        punctual = [row for row in log if not row.late]
        outcomes = [
            contract.run(name, FIRST[name], contract.frames_of(domain, rows, range(60), end_ms))
            for rows in (log, punctual)
        ]
        finals = [
            {
                identity: row
                for identity, row in one.by_identity()
                if row[0] == 0 and not identity[0].startswith("feed:")
            }
            for one in outcomes
        ]
        assert finals[0] == finals[1]

    @GENERATED
    @given(data=st.data())
    def test_a_final_comes_once_and_revisions_rise(self, name: str, domain: str, data: st.DataObject):
        log = data.draw(contract.logs(domain))
        outcome = contract.run(name, FIRST[name], contract.frames_of(domain, log, range(60), contract.end_of(log)))
        revisions: dict[tuple[object, ...], list[int]] = {}
        for identity, row in outcome.by_identity():
            revisions.setdefault(identity, []).append(row[0])
        assert all(found == sorted(set(found)) for found in revisions.values())

    @GENERATED
    @given(data=st.data())
    def test_the_order_of_punctual_readings_between_two_watermarks_does_not_matter(
        self, name: str, domain: str, data: st.DataObject
    ):
        log = [row for row in data.draw(contract.logs(domain)) if not row.late]
        end_ms = contract.end_of(log)
        log = [row._replace(watermark_ms=NO_TIME_MS) for row in log]
        shuffled = data.draw(st.permutations(log))
        plain, mixed = (
            contract.run(name, FIRST[name], contract.frames_of(domain, rows, range(60), end_ms))
            for rows in (log, shuffled)
        )
        assert mixed.newest() == plain.newest()
        assert mixed.said() == plain.said()

    def test_readings_that_observed_nothing_are_no_error(self, name: str, domain: str):
        nothing = tuple(np.nan for _ in contract.load_schemas()[domain].columns)
        log = [contract.Row(0, contract.START_MS + 1000 * second, False, nothing, 0) for second in range(0, 600, 20)]
        outcome = contract.run(name, FIRST[name], contract.frames_of(domain, log, [7], contract.end_of(log)))
        rows = outcome.all_rows
        measured = ~np.char.startswith(rows.entity.astype(str), "feed:")
        assert np.isnan(rows.value[measured]).all()
        assert not [one for one in outcome.detections if not one.kind.startswith("sensor_")]

    def test_columns_that_a_frame_leaves_out_are_not_observed(self, name: str, domain: str):
        log = contract.steady_log(domain, 3)
        frame = contract.frame_of(domain, log, contract.START_MS + 180_000)
        rows = contract.run(name, FIRST[name], [replace(frame, columns={})]).all_rows
        assert np.isnan(rows.value[~np.char.startswith(rows.entity.astype(str), "feed:")]).all()

    def test_a_frame_without_rows_changes_nothing_while_the_watermark_stands(self, name: str, domain: str):
        spec, config = FIRST[name], contract.shipped_config(name, FIRST[name])
        outcome = contract.run(
            name, spec, [contract.frame_of(domain, contract.steady_log(domain, 20), contract.START_MS)]
        )
        before = encode(outcome.state)
        result = spec.step(outcome.state, contract.frame_of(domain, (), contract.START_MS), contract.CITY, config)
        assert (len(result.rows), result.detections, dict(result.dropped)) == (0, (), {})
        assert encode(result.state) == before

    def test_only_declared_metrics_appear(self, name: str, domain: str):
        log = contract.steady_log(domain, 15)
        rows = contract.run(
            name, FIRST[name], contract.frames_of(domain, log, range(0, 60, 5), contract.end_of(log))
        ).all_rows
        assert set(rows.metric.tolist()) <= {metric.name for metric in all_metrics(FIRST[name])}

    def test_the_state_does_not_grow_with_time(self, name: str, domain: str):
        sizes = []
        for minutes in (90, 150):
            log = contract.steady_log(domain, minutes)
            frames = contract.frames_of(domain, log, range(len(log)), contract.end_of(log))[:-2]
            sizes.append(len(encode(contract.run(name, FIRST[name], frames).state)))
        assert sizes[1] <= 1.05 * sizes[0]

    def test_provisional_rows_leave_the_state_alone(self, name: str, domain: str):
        spec = FIRST[name]
        if spec.live is None:
            return
        log = contract.steady_log(domain, 3)
        state = contract.run(name, spec, [contract.frame_of(domain, log, contract.START_MS + 60_000)]).state
        before = encode(state)
        sensors = contract.CITY.sensors_of_zone[domain, 0]
        rows = spec.live(state, sensors, contract.CITY, contract.shipped_config(name, spec))
        assert encode(state) == before
        assert len(rows) > 0
        assert set(rows.revision.tolist()) == {-1}


def zones_frames(domain: str, logs: tuple[list[contract.Row], list[contract.Row]], every: int) -> list[MetricFrame]:
    """What two zones send, taking turns, of logs cut after `every` rows."""
    end_ms = max(contract.end_of(log) for log in logs)
    streams = [
        contract.metric_frames(FIRST, domain, contract.frames_of(domain, log, range(0, 60, every), end_ms, zone))
        for zone, log in enumerate(logs)
    ]
    longest = max(len(one) for one in streams)
    return [frame for turn in range(longest) for one in streams for frame in one[turn : turn + 1]]


def zones_merged(frames: list[MetricFrame]) -> list[MetricFrame]:
    """The same with each zone's rows in one frame, one zone after the other."""
    return [
        MetricFrame(
            frames[0].domain,
            zone,
            Rows.concat([frame.rows for frame in frames if frame.zone == zone]),
            max(frame.watermark_ms for frame in frames if frame.zone == zone),
        )
        for zone in (1, 0)
    ]


@second_level
class TestSecondLevel:
    @GENERATED
    @given(data=st.data())
    def test_no_cut_and_no_repeat_of_metrics_changes_what_it_yields(self, name: str, domain: str, data: st.DataObject):
        logs = (data.draw(contract.logs(domain)), data.draw(contract.logs(domain)))
        frames = zones_frames(domain, logs, every=data.draw(st.integers(1, 20)))
        plain = contract.run(name, SECOND[name], frames)
        repeated = list(frames)
        for index in sorted(data.draw(st.lists(st.integers(0, len(frames) - 1), max_size=5)), reverse=True):
            repeated.insert(index + data.draw(st.integers(1, 5)), frames[index])
        for other in (repeated, zones_merged(frames)):
            outcome = contract.run(name, SECOND[name], other)
            assert outcome.newest() == plain.newest()
            assert outcome.said() == plain.said()

    @GENERATED
    @given(data=st.data())
    def test_a_state_that_went_through_its_bytes_goes_on_the_same(self, name: str, domain: str, data: st.DataObject):
        logs = (data.draw(contract.logs(domain)), data.draw(contract.logs(domain)))
        frames = zones_frames(domain, logs, every=7)
        straight, reloaded = (contract.run(name, SECOND[name], frames, reload=reload) for reload in (False, True))
        assert reloaded.bits() == straight.bits()
        assert encode(reloaded.state) == encode(straight.state)

    def test_nothing_closes_before_all_zones_of_the_domain_have_passed(self, name: str, domain: str):
        log = contract.steady_log(domain, 20)
        frames = zones_frames(domain, (log, log), every=10)
        outcome = contract.run(name, SECOND[name], [frame for frame in frames if frame.zone == 0])
        assert len(outcome.all_rows) == 0
        assert outcome.detections == []

    def test_only_declared_metrics_appear(self, name: str, domain: str):
        log = contract.steady_log(domain, 20)
        rows = contract.run(name, SECOND[name], zones_frames(domain, (log, log), every=10)).all_rows
        assert set(rows.metric.tolist()) <= {metric.name for metric in all_metrics(SECOND[name])}

    def test_the_state_does_not_grow_with_time(self, name: str, domain: str):
        sizes = []
        for minutes in (190, 260):
            logs = (contract.steady_log(domain, minutes), contract.steady_log(domain, minutes))
            frames = [
                frame for frame in zones_frames(domain, logs, every=5) if frame.watermark_ms < contract.end_of(logs[0])
            ]
            sizes.append(len(encode(contract.run(name, SECOND[name], frames).state)))
        assert sizes[1] <= 1.05 * sizes[0]


def test_every_spec_is_one():
    assert all(isinstance(spec, Spec) for spec in SPECS.values())
    assert {"congestion", "slow_traffic", "threshold", "feed_health"} <= set(FIRST)
    assert {"network", "feed_outage"} <= set(SECOND)
