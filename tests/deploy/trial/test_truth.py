"""How alarms stand to what really happened, counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.trial import truth
from deploy.trial.firing import Fired
from deploy.trial.truth import Score, Truth
from streams.errors import SettingError

if TYPE_CHECKING:
    from pathlib import Path

MINUTE_MS, DAY_MS = 60_000, 86_400_000


def at(minute: float, entity: str = "a") -> Fired:
    return Fired(entity, round(minute * MINUTE_MS), None, 3)


def truths(*spans: tuple[float, float], entity: str = "a") -> list[Truth]:
    return [Truth(entity, round(first * MINUTE_MS), round(last * MINUTE_MS)) for first, last in spans]


@pytest.mark.parametrize(
    ("alarms", "happened", "found", "false", "mean_s"),
    [
        ([at(103)], truths((100, 200)), 1, 0, 180.0),
        ([at(98), at(97.9, "b")], truths((100, 200)), 1, 1, -120.0),  # two minutes before are in time
        ([at(97.9)], truths((100, 200)), 0, 1, None),
        ([at(120)], truths((100, 200)), 1, 0, 1200.0),
        ([at(120.1)], truths((100, 200)), 0, 1, None),
        ([at(106)], truths((100, 105)), 0, 1, None),  # it was over
        ([at(101), at(102)], truths((100, 200)), 1, 1, 60.0),  # each serves once
        ([at(101), at(111)], truths((100, 105), (110, 200)), 2, 0, 60.0),
        ([], [], 0, 0, None),
    ],
)
def test_found_and_false(alarms, happened, found, false, mean_s):
    got = truth.score(alarms, happened, (0, DAY_MS), 2)
    assert got == Score(
        truths_count=len(happened), found_count=found, detection_ratio=found / len(happened) if happened else None,
        false_count=false, false_ratio=round(false / len(alarms), 4) if alarms else None,
        false_per_detector_day=false / 2, time_to_detect_s=mean_s,
    )  # fmt: skip


def test_what_began_at_another_time_is_not_asked_for():
    assert truth.score([], truths((1439, 1500), (1440, 1500)), (0, DAY_MS), 1).truths_count == 1


def test_rows_of_a_place_that_overlap_are_one():
    assert truth.merged([*truths((5, 9), (0, 5), (20, 21)), *truths((1, 2), entity="b")]) == [
        *truths((0, 9)), *truths((1, 2), entity="b"), *truths((20, 21)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "entity,start_at,end_at\na,1970-01-01T00:01Z,1970-01-01T08:02+08:00\n",
        '{"id": "x", "what": "pump_stopped", "where": "a", "from_ms": 60000, "until_ms": 120000}\n',
    ],
)
def test_both_forms_of_a_truth(tmp_path: Path, text: str):
    (tmp_path / "truth").write_text(text)
    assert truth.read(tmp_path / "truth") == truths((1, 2))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("entity,start_at\na,1970-01-01\n", "record 1: 'end_at'"),
        ("entity,start_at,end_at\na,1970-01-01,1970-01-02\nb,never,1970-01-02\n", "record 2: 'never' is no ISO"),
        ("{}\n", "record 1: 'where'"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, said: str):
    (tmp_path / "truth").write_text(text)
    with pytest.raises(SettingError, match="--truth") as refused:
        truth.read(tmp_path / "truth")
    assert said in str(refused.value)
