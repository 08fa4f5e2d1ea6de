"""What every first-level processor promises, one function a promise; `test_contract.py` runs all over all processors.

A promise takes the processor, and a source of generated logs if it needs any; broken, it fails with an AssertionError.
`test_contract_bites.py` shows for each one a processor that breaks it and is caught.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import strategies as st

from streams.contract.records import NO_TIME_MS
from streams.contract.spec import EVERY_DOMAIN, Spec, all_metrics, counting_metrics
from streams.saving.state import decode, encode
from tests.processors import contract


class Subject(NamedTuple):
    """A processor, and the domain it is tried with."""

    name: str
    spec: Spec
    domain: str

    def run(self, log: list[contract.Row], cuts: object = (), **how: object) -> contract.Outcome:
        """Take in a log cut before these rows, to its end."""
        frames = contract.frames_of(self.domain, log, cuts, contract.end_of(log))
        return contract.run(self.name, self.spec, frames, **how)


def config_refuses_unknown_keys(subject: Subject) -> None:
    with pytest.raises(msgspec.ValidationError, match="no_such_setting"):
        msgspec.convert({"no_such_setting": 1}, subject.spec.config)


def config_has_a_default_for_everything(subject: Subject) -> None:
    assert msgspec.convert({}, subject.spec.config) == subject.spec.config()


def config_is_described_and_named_in_lower_case(subject: Subject) -> None:
    assert subject.spec.config.__doc__
    assert all(field.islower() for field in subject.spec.config.__struct_fields__)


def empty_state_survives_its_bytes(subject: Subject) -> None:
    empty = subject.spec.state()
    assert encode(decode(type(empty), encode(empty))) == encode(empty)


def domains_exist(subject: Subject) -> None:
    assert set(subject.spec.domains) <= {*contract.load_schemas(), *EVERY_DOMAIN}


def no_cut_of_the_log_decides(subject: Subject, data: st.DataObject) -> None:
    log = data.draw(contract.logs(subject.domain))
    whole = subject.run(log)
    for cuts in (data.draw(st.sets(st.integers(0, 60))), range(len(log))):
        cut = subject.run(log, cuts)
        assert cut.newest() == whole.newest()
        assert cut.said() == whole.said()
        assert cut.dropped == whole.dropped


def a_replay_gives_the_same_bytes(subject: Subject, data: st.DataObject) -> None:
    """Whatever the process has done before: nothing is kept beside the state, no clock and no chance is asked."""
    log, other = data.draw(contract.logs(subject.domain)), data.draw(contract.logs(subject.domain))
    cuts = data.draw(st.sets(st.integers(0, 60)))
    first = subject.run(log, cuts)
    subject.run(other, cuts)
    again = subject.run(log, cuts)
    assert again.bits() == first.bits()
    assert encode(again.state) == encode(first.state)
    assert again.dropped == first.dropped


def a_state_that_went_through_its_bytes_goes_on_the_same(subject: Subject, data: st.DataObject) -> None:
    log, cuts = data.draw(contract.logs(subject.domain)), data.draw(st.sets(st.integers(0, 60)))
    straight, reloaded = (subject.run(log, cuts, reload=reload) for reload in (False, True))
    assert reloaded.bits() == straight.bits()
    assert encode(reloaded.state) == encode(straight.state)


def a_killed_process_goes_on_from_its_last_bytes(subject: Subject, data: st.DataObject) -> None:
    """It saves, goes on for a while, dies; another takes the bytes and is given the same readings again."""
    log = data.draw(contract.logs(subject.domain))
    frames = contract.frames_of(subject.domain, log, range(0, 60, 3), contract.end_of(log))
    straight = contract.run(subject.name, subject.spec, frames)
    saved = data.draw(st.integers(0, len(frames)))
    killed = data.draw(st.integers(saved, len(frames)))
    before = contract.run(subject.name, subject.spec, frames[:saved])
    kept, dropped = encode(before.state), dict(before.dropped)
    contract.run(subject.name, subject.spec, frames[saved:killed], state=before.state)
    state = decode(type(before.state), kept)
    after = contract.run(subject.name, subject.spec, frames[saved:], state=state)
    after.rows, after.detections = before.rows + after.rows, before.detections + after.detections
    assert after.newest() == straight.newest()
    assert after.said() == straight.said()
    assert {reason: dropped.get(reason, 0) + after.dropped.get(reason, 0) for reason in {*dropped, *after.dropped}} == (
        straight.dropped
    )
    assert encode(after.state) == encode(straight.state)


def what_it_counted_stands_in_a_row_was_decided_or_waits(subject: Subject, data: st.DataObject) -> None:
    """The audit looks for every reading in the history's rows."""
    spec, config = subject.spec, contract.shipped_config(subject.name, subject.spec)
    assert spec.waiting is not None
    log = data.draw(contract.logs(subject.domain))
    cuts = data.draw(st.sets(st.integers(0, 60)))
    state, counted, decided = spec.state(), 0, 0
    newest: dict[tuple[str, str, int], tuple[int, int]] = {}
    for frame in contract.frames_of(subject.domain, log, cuts, contract.end_of(log)):
        result = spec.step(state, frame, contract.CITY, config)
        state, used = result.state, len(frame) - sum(result.dropped.values())
        counted += used if result.counted is None else result.counted
        decided += sum(result.decided.values())
        columns = [getattr(result.rows, name).tolist() for name in ("metric", "entity", "at_ms", "revision", "count")]
        for metric, entity, at_ms, revision, count in zip(*columns, strict=True):
            identity = (metric, entity, at_ms)
            newest[identity] = max(newest.get(identity, (-1, 0)), (revision, count))
        waiting = sum(spec.waiting(state, config).values())
        for group in counting_metrics(spec, subject.domain) or ((),):
            in_rows = sum(count for (metric, *_), (_, count) in newest.items() if metric in group)
            assert in_rows + decided + waiting == counted
    assert sum(spec.waiting(state, config).values()) == 0


def late_readings_change_no_final(subject: Subject, data: st.DataObject) -> None:
    log = data.draw(contract.logs(subject.domain))
    finals = []
    for rows in (log, [row for row in log if not row.late]):
        frames = contract.frames_of(subject.domain, rows, range(60), contract.end_of(log))
        outcome = contract.run(subject.name, subject.spec, frames)
        told = outcome.by_identity()
        finals.append({key: row for key, row in told if row[0] == 0 and not key[0].startswith("feed:")})
    assert finals[0] == finals[1]


def a_final_comes_once_and_revisions_rise(subject: Subject, data: st.DataObject) -> None:
    outcome = subject.run(data.draw(contract.logs(subject.domain)), range(60))
    revisions: dict[tuple[object, ...], list[int]] = {}
    for identity, row in outcome.by_identity():
        revisions.setdefault(identity, []).append(row[0])
    assert all(found == sorted(set(found)) for found in revisions.values())


def the_order_of_punctual_readings_does_not_matter(subject: Subject, data: st.DataObject) -> None:
    """Of any for the rows; for what is found, of different sensors': a rule goes by each sensor's own order."""
    drawn = [row for row in data.draw(contract.logs(subject.domain)) if not row.late]
    log = [row._replace(watermark_ms=NO_TIME_MS, behind_ms=NO_TIME_MS) for row in drawn]
    mixed_log = data.draw(st.permutations(log))
    of_sensor = {sensor: iter([row for row in log if row.sensor == sensor]) for sensor in range(4)}
    dealt_log = [next(of_sensor[row.sensor]) for row in mixed_log]
    plain, mixed, dealt = (subject.run(rows, range(60)) for rows in (log, mixed_log, dealt_log))
    assert mixed.newest() == plain.newest()
    assert dealt.newest() == plain.newest()
    assert dealt.said() == plain.said()


def no_reading_vanishes(subject: Subject, data: st.DataObject) -> None:
    """Each leaves its trace before the watermark moves on: in the state, in what is yielded, or under a reason."""
    log = data.draw(contract.logs(subject.domain))
    state, config = subject.spec.state(), contract.shipped_config(subject.name, subject.spec)
    watermark_ms = NO_TIME_MS
    for row in log:
        traces = []
        for rows in ((), (row,)):
            outcome = contract.Outcome(state=decode(type(state), encode(state)))
            contract.take(subject.spec, contract.frame_of(subject.domain, rows, watermark_ms), config, outcome)
            traces.append((encode(outcome.state), outcome.bits(), outcome.dropped))
        assert traces[0] != traces[1], f"nothing tells of {row}"
        watermark_ms = row.watermark_ms
        contract.take(subject.spec, contract.frame_of(subject.domain, (), watermark_ms), config, outcome)
        state = outcome.state


def a_reading_from_elsewhere_changes_nothing(subject: Subject, data: st.DataObject) -> None:
    """A sensor that the zone does not know is dropped under a reason, and the others' rows are as without it."""
    log = data.draw(contract.logs(subject.domain))
    end_ms = contract.end_of(log)
    plain = subject.run(log, range(60))
    stranger = int(contract.CITY.sensors_of_zone[subject.domain, 1][data.draw(st.integers(0, 3))])
    frames = [
        replace(
            frame,
            sensor=contract.frozen(np.append(frame.sensor, stranger).astype(np.int32)),
            at_ms=contract.frozen(np.append(frame.at_ms, frame.at_ms[-1])),
            late=contract.frozen(np.append(frame.late, False)),
            behind_ms=contract.frozen(np.append(frame.behind_ms, 0)),
            columns={name: contract.frozen(np.append(column, column[-1])) for name, column in frame.columns.items()},
        )
        if len(frame)
        else frame
        for frame in contract.frames_of(subject.domain, log, range(60), end_ms)
    ]
    mixed = contract.run(subject.name, subject.spec, frames)
    assert mixed.newest() == plain.newest()
    assert mixed.said() == plain.said()
    strangers = sum(len(frame) > 0 for frame in frames)
    assert sum(mixed.dropped.values()) == sum(plain.dropped.values()) + strangers


def a_sensor_that_joins_later_is_taken_up(subject: Subject, data: st.DataObject) -> None:
    """A state of before goes on with a city to which a sensor was added; the newcomer's readings leave their trace."""
    log = data.draw(contract.logs(subject.domain))
    config = contract.shipped_config(subject.name, subject.spec)
    outcome = contract.run(subject.name, subject.spec, [contract.frame_of(subject.domain, log, NO_TIME_MS)])
    known = contract.CITY.sensors[contract.CITY.sensors_of_zone[subject.domain, 0][0]]
    grown = replace(contract.CITY, sensors=(*contract.CITY.sensors, replace(known, id="newcomer")))
    at_ms = contract.end_of(log) - 3 * 3_600_000
    row = contract.Row(0, at_ms, False, contract.reading(subject.domain, np.random.default_rng(1)), at_ms)
    frame = contract.frame_of(subject.domain, [row], at_ms)
    frame = replace(frame, sensor=contract.frozen(np.array([len(grown.sensors) - 1], np.int32)))
    before = encode(outcome.state)
    dropped = sum(outcome.dropped.values())
    contract.take(subject.spec, frame, config, outcome, grown)
    assert encode(outcome.state) != before or sum(outcome.dropped.values()) > dropped
    contract.take(subject.spec, contract.frame_of(subject.domain, (), contract.end_of(log)), config, outcome, grown)


def readings_that_observed_nothing_are_no_error(subject: Subject) -> None:
    nothing = tuple(np.nan for _ in contract.load_schemas()[subject.domain].columns)
    log = [contract.Row(0, contract.START_MS + 1000 * second, False, nothing, 0) for second in range(0, 600, 20)]
    outcome = subject.run(log, [7])
    assert np.isnan(_measured(outcome)).all()
    assert not [one for one in outcome.detections if not one.kind.startswith("sensor_")]


def columns_that_a_frame_leaves_out_are_not_observed(subject: Subject) -> None:
    log = contract.steady_log(subject.domain, 3)
    frame = replace(contract.frame_of(subject.domain, log, contract.START_MS + 180_000), columns={})
    assert np.isnan(_measured(contract.run(subject.name, subject.spec, [frame]))).all()


def a_frame_without_rows_changes_nothing_while_the_watermark_stands(subject: Subject) -> None:
    log = contract.steady_log(subject.domain, 20)
    outcome = contract.run(subject.name, subject.spec, [contract.frame_of(subject.domain, log, contract.START_MS)])
    before = encode(outcome.state)
    after = contract.Outcome(state=outcome.state)
    empty = contract.frame_of(subject.domain, (), contract.START_MS)
    contract.take(subject.spec, empty, contract.shipped_config(subject.name, subject.spec), after)
    assert (len(after.all_rows), after.detections, after.dropped) == (0, [], {})
    assert encode(after.state) == before


def only_declared_metrics_appear(subject: Subject) -> None:
    rows = subject.run(contract.steady_log(subject.domain, 15), range(0, 60, 5)).all_rows
    assert set(rows.metric.tolist()) <= {metric.name for metric in all_metrics(subject.spec)}


def the_state_does_not_grow_with_time(subject: Subject) -> None:
    sizes = []
    for minutes in (90, 150):
        log = contract.steady_log(subject.domain, minutes)
        frames = contract.frames_of(subject.domain, log, range(len(log)), contract.end_of(log))[:-2]
        sizes.append(len(encode(contract.run(subject.name, subject.spec, frames).state)))
    assert sizes[1] <= 1.05 * sizes[0]


def provisional_rows_leave_the_state_alone(subject: Subject) -> None:
    if subject.spec.live is None:
        return
    frame = contract.frame_of(subject.domain, contract.steady_log(subject.domain, 3), contract.START_MS + 60_000)
    state = contract.run(subject.name, subject.spec, [frame]).state
    before = encode(state)
    sensors = contract.CITY.sensors_of_zone[subject.domain, 0]
    rows = subject.spec.live(state, sensors, contract.CITY, contract.shipped_config(subject.name, subject.spec))
    assert encode(state) == before
    assert len(rows) > 0
    assert set(rows.revision.tolist()) == {-1}


def _measured(outcome: contract.Outcome) -> np.ndarray:
    """The values that are no counts of who reported."""
    rows = outcome.all_rows
    return rows.value[~np.char.startswith(rows.entity.astype(str), "feed:")]
