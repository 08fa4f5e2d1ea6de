"""What every first-level processor promises of an edited city, as in `promises_first.py`: identity is by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from hypothesis import strategies as st

from streams.city.registry import City, Sensor, Zone
from streams.domains.schema import load_schemas
from streams.saving.state import decode, encode
from tests.processors import contract

if TYPE_CHECKING:
    from streams.contract.records import Frame
    from tests.processors.promises_first import Subject

LEAVER = 3
"""Place among its zone's sensors of a domain of the one that leaves the edited cities."""


def _edit(*, of_zone: int) -> City:
    """The city with every file in another order, a zone before the others, and in one zone a newcomer for a leaver."""
    hill = Zone("hill", "山", "Hill")
    zones, segments = (hill, *reversed(contract.CITY.zones)), tuple(reversed(contract.CITY.segments))
    zone_code = {zone.id: code for code, zone in enumerate(zones)}
    segment_code = {segment.id: code for code, segment in enumerate(segments)}
    leavers = {f"{domain}-{contract.CITY.zones[of_zone].id}-{LEAVER}" for domain in load_schemas()}
    stay = [
        replace(
            one,
            zone=zone_code[contract.CITY.zones[one.zone].id],
            segment=segment_code[contract.CITY.segments[one.segment].id] if one.segment >= 0 else -1,
        )
        for one in reversed(contract.CITY.sensors)
        if one.id not in leavers
    ]
    home = zone_code[contract.CITY.zones[of_zone].id]
    new = [Sensor(f"{domain}-new", domain, home, -1, 0.0, 0.0, 60.0, "", "") for domain in load_schemas()]
    return replace(
        contract.CITY,
        zones=zones,
        segments=tuple(replace(one, zone=zone_code[contract.CITY.zones[one.zone].id]) for one in segments),
        sensors=(*new, *stay),
    )


ELSEWHERE, HERE = _edit(of_zone=1), _edit(of_zone=0)
"""Edits that do not touch the zone of the logs but for its place in the files, and one that does."""


def _moved(frame: Frame, city: City) -> Frame:
    """The frame as it is in an edited city: the same readings under other numbers; those of who left are not sent."""
    ids = [contract.CITY.sensors[code].id for code in frame.sensor.tolist()]
    stay = np.array([one in city.sensor_code for one in ids], bool)
    codes = np.array([city.sensor_code[one] for one in ids if one in city.sensor_code], np.int32)
    columns = {name: contract.frozen(values[stay]) for name, values in frame.columns.items()}
    return replace(
        frame,
        zone=city.zone_code[contract.CITY.zones[frame.zone].id],
        sensor=contract.frozen(codes),
        at_ms=contract.frozen(frame.at_ms[stay]),
        late=contract.frozen(frame.late[stay]),
        behind_ms=contract.frozen(frame.behind_ms[stay]),
        columns=columns,
    )


def an_edit_of_the_files_moves_nothing(subject: Subject, data: st.DataObject) -> None:
    """Other zones change, every file is sorted anew: nothing goes from one to another, across a restart or not."""
    straight, edited = _before_and_after_an_edit(subject, data, ELSEWHERE)
    assert edited.newest() == straight.newest()
    assert edited.said() == straight.said()
    assert edited.dropped == straight.dropped


BESIDE_OTHERS = {"sensor_silent", "sensor_clock_wrong"}
"""Found by looking at the zone's other sensors: how many are silent, how far ahead their clocks are."""


def who_leaves_and_who_joins_changes_nobody_else(subject: Subject, data: st.DataObject) -> None:
    straight, edited = _before_and_after_an_edit(subject, data, HERE)
    gone, new = f"{subject.domain}-north-{LEAVER}", f"{subject.domain}-new"

    def of_others(entity: str) -> bool:
        return entity not in {gone, new} and not entity.startswith("feed:")

    rows = [{key: row for key, row in one.newest().items() if of_others(key[0])} for one in (straight, edited)]
    assert rows[0] == rows[1]
    said = [
        sorted(
            msgspec.json.encode(found)
            for found in one.detections
            if of_others(found.entity) and found.kind not in BESIDE_OTHERS
        )
        for one in (straight, edited)
    ]
    assert said[0] == said[1]


def _before_and_after_an_edit(
    subject: Subject, data: st.DataObject, city: City
) -> tuple[contract.Outcome, contract.Outcome]:
    """Take a log in, from somewhere on in another city; and the same readings in a city that stays as it is."""
    log = data.draw(contract.logs(subject.domain))
    cut = data.draw(st.integers(0, len(log)))
    leaves = city is HERE
    log = [*log[:cut], *(row for row in log[cut:] if not (leaves and row.sensor == LEAVER))]
    frames = contract.frames_of(
        subject.domain, log, {cut, *data.draw(st.sets(st.integers(0, 60)))}, contract.end_of(log)
    )
    edit = sum(np.cumsum([len(frame) for frame in frames]) <= cut) if cut else 0
    straight = contract.run(subject.name, subject.spec, frames)
    edited = contract.run(subject.name, subject.spec, frames[:edit])
    if data.draw(st.booleans()):
        edited.state = decode(type(edited.state), encode(edited.state))
    for frame in frames[edit:]:
        config = contract.shipped_config(subject.name, subject.spec)
        contract.take(subject.spec, _moved(frame, city), config, edited, city)
    return straight, edited
