"""What every second-level processor promises, one function a promise, as in `promises_first.py`.

It reads the metrics of two zones, which the first-level processors make of generated logs.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from hypothesis import strategies as st

from streams.contract.records import ROW_TYPES, MetricFrame, Rows
from streams.contract.spec import Spec, all_metrics
from streams.saving.state import decode, encode
from tests.processors import contract, stages

if TYPE_CHECKING:
    from collections.abc import Mapping


MOST_CRASHES = 12
NOWHERE, NEW_METRIC = "nowhere", "brand_new_ratio"


class Subject(NamedTuple):
    """A processor, the domain it is tried with, and those whose metrics it reads."""

    name: str
    spec: Spec
    domain: str
    first: Mapping[str, Spec]
    city: Path = Path()
    """The folder of the contract's city."""

    def run(self, frames: list[MetricFrame], **how: object) -> contract.Outcome:
        """Take frames in."""
        return contract.run(self.name, self.spec, frames, **how)

    def frames(self, logs: tuple[list[contract.Row], list[contract.Row]], every: int) -> list[MetricFrame]:
        """What two zones send, taking turns, of logs cut after `every` rows."""
        end_ms = max(contract.end_of(log) for log in logs)
        streams = [
            contract.metric_frames(
                dict(self.first), self.domain, contract.frames_of(self.domain, log, range(0, 60, every), end_ms, zone)
            )
            for zone, log in enumerate(logs)
        ]
        longest = max(len(one) for one in streams)
        return [frame for turn in range(longest) for one in streams for frame in one[turn : turn + 1]]

    def drawn(self, data: st.DataObject) -> list[MetricFrame]:
        """Frames of generated logs, cut anywhere."""
        logs = (data.draw(contract.logs(self.domain)), data.draw(contract.logs(self.domain)))
        return self.frames(logs, every=data.draw(st.integers(1, 20)))


def no_cut_and_no_order_of_the_zones_decides(subject: Subject, data: st.DataObject) -> None:
    frames = subject.drawn(data)
    plain = subject.run(frames)
    first, second = ([frame for frame in frames if frame.zone == zone] for zone in (0, 1))
    whole = [_joined(second), _joined(first)]
    for other in (whole, [*first, *second], [*second, *first]):
        outcome = subject.run(other)
        assert outcome.newest() == plain.newest()
        assert outcome.said() == plain.said()


def a_repeat_changes_nothing(subject: Subject, data: st.DataObject) -> None:
    frames = subject.drawn(data)
    plain = subject.run(frames)
    repeated = list(frames)
    for index in sorted(data.draw(st.lists(st.integers(0, len(frames) - 1), max_size=5)), reverse=True):
        repeated.insert(index + data.draw(st.integers(1, 5)), frames[index])
    for other in (repeated, [*frames, *frames]):
        outcome = subject.run(other)
        assert outcome.newest() == plain.newest()
        assert outcome.said() == plain.said()


def a_replay_gives_the_same_bytes(subject: Subject, data: st.DataObject) -> None:
    frames, others = subject.drawn(data), subject.drawn(data)
    first = subject.run(frames)
    subject.run(others)
    again = subject.run(frames)
    assert again.bits() == first.bits()
    assert encode(again.state) == encode(first.state)


def a_state_that_went_through_its_bytes_goes_on_the_same(subject: Subject, data: st.DataObject) -> None:
    frames = subject.drawn(data)
    straight, reloaded = (subject.run(frames, reload=reload) for reload in (False, True))
    assert reloaded.bits() == straight.bits()
    assert encode(reloaded.state) == encode(straight.state)


def a_killed_process_goes_on_from_its_last_bytes(subject: Subject, data: st.DataObject) -> None:
    frames = subject.drawn(data)
    straight = subject.run(frames)
    saved = data.draw(st.integers(0, len(frames)))
    killed = data.draw(st.integers(saved, len(frames)))
    before = subject.run(frames[:saved])
    kept = encode(before.state)
    subject.run(frames[saved:killed], state=before.state)
    after = subject.run(frames[saved:], state=decode(type(before.state), kept))
    after.rows, after.detections = before.rows + after.rows, before.detections + after.detections
    assert after.newest() == straight.newest()
    assert after.said() == straight.said()
    assert encode(after.state) == encode(straight.state)


def kills_between_any_two_sends_change_nothing(subject: Subject, data: st.DataObject) -> None:
    """In its stage, which saves its state now and then and reads on from there."""
    frames = subject.drawn(data)
    hosting = stages.Hosting(subject.name, subject.spec, subject.domain, subject.city)
    plain = stages.second_level(hosting, frames, random.Random(0))
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    assert stages.second_level(hosting, frames, chance, crashes=MOST_CRASHES) == plain


def a_final_comes_once_and_revisions_rise(subject: Subject, data: st.DataObject) -> None:
    revisions: dict[tuple[object, ...], list[int]] = {}
    for identity, row in subject.run(subject.drawn(data)).by_identity():
        revisions.setdefault(identity, []).append(row[0])
    assert all(found == sorted(set(found)) for found in revisions.values())


def what_the_city_does_not_know_changes_nothing(subject: Subject, data: st.DataObject) -> None:
    """Rows of an entity that nobody knows, and of a new metric of another processor, which may get sums of its own."""
    frames = subject.drawn(data)
    plain = subject.run(frames)
    mixed = subject.run([replace(frame, rows=_with_strangers(frame.rows)) for frame in frames])
    newest = {identity: row for identity, row in mixed.newest().items() if NEW_METRIC not in identity[1]}
    assert newest == plain.newest()
    assert not [identity for identity in mixed.newest() if identity[0] == NOWHERE]
    assert mixed.said() == plain.said()


def frames_without_rows_are_no_error(subject: Subject, data: st.DataObject) -> None:
    frames = [replace(frame, rows=Rows.empty()) for frame in subject.drawn(data)]
    assert np.isnan(subject.run(frames).all_rows.value).all()


def values_that_are_not_known_stay_so(subject: Subject, data: st.DataObject) -> None:
    """Where no row has a value and nothing was counted, no sum has one."""
    blank = {"value": np.nan, "numerator": 0, "denominator": 0, "count": 0, "coverage_ratio": 0.0}
    frames = []
    for frame in subject.drawn(data):
        columns = {name: getattr(frame.rows, name) for name in ROW_TYPES}
        columns |= {name: np.full(len(frame.rows), filling, ROW_TYPES[name]) for name, filling in blank.items()}
        frames.append(replace(frame, rows=Rows(**{name: contract.frozen(column) for name, column in columns.items()})))
    rows = subject.run(frames).all_rows
    measured = ~np.char.startswith(rows.entity.astype(str), "feed:")
    assert np.isnan(rows.value[measured]).all()


def nothing_closes_before_all_zones_have_passed(subject: Subject) -> None:
    log = contract.steady_log(subject.domain, 20)
    frames = subject.frames((log, log), every=10)
    outcome = subject.run([frame for frame in frames if frame.zone == 0])
    assert len(outcome.all_rows) == 0
    assert outcome.detections == []


def only_declared_metrics_appear(subject: Subject) -> None:
    log = contract.steady_log(subject.domain, 20)
    rows = subject.run(subject.frames((log, log), every=10)).all_rows
    assert set(rows.metric.tolist()) <= {metric.name for metric in all_metrics(subject.spec)}


def the_state_does_not_grow_with_time(subject: Subject) -> None:
    sizes = []
    for minutes in (190, 260):
        logs = (contract.steady_log(subject.domain, minutes), contract.steady_log(subject.domain, minutes))
        frames = [frame for frame in subject.frames(logs, every=5) if frame.watermark_ms < contract.end_of(logs[0])]
        sizes.append(len(encode(subject.run(frames).state)))
    assert sizes[1] <= 1.05 * sizes[0]


def _joined(frames: list[MetricFrame]) -> MetricFrame:
    rows = Rows.concat([frame.rows for frame in frames])
    return MetricFrame(frames[0].domain, frames[0].zone, rows, max(frame.watermark_ms for frame in frames))


def _with_strangers(rows: Rows) -> Rows:
    """The rows, each followed by one of an unknown entity and one of an unknown metric."""
    if not len(rows):
        return rows
    columns = {}
    for name in ROW_TYPES:
        column = np.repeat(getattr(rows, name), 3)
        if name == "entity":
            column[1::3] = NOWHERE
        if name == "metric":
            column[2::3] = NEW_METRIC
        columns[name] = contract.frozen(column)
    return Rows(**columns)
