"""One contract suite for every history store: what is written comes back, and no revision goes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streams.contract.records import ROW_TYPES, Rows
from streams.sinks.history.opening import open_history
from streams.sinks.history.store import History
from tests.streams.sinks.rows import MINUTE_MS, START_MS, row, rows_of, seen


def test_a_row_comes_back_whole(history: History):
    sent = rows_of(row("路 1,=x", 0, 1.5, coverage_ratio=0.25, revision=2))
    history.write(sent)
    got = history.read("tti_ratio")
    for name, kind in ROW_TYPES.items():
        assert getattr(got, name).dtype == kind
        np.testing.assert_array_equal(getattr(got, name), getattr(sent, name), err_msg=name)


def test_an_unknown_number_is_never_zero(history: History):
    history.write(rows_of(row(value=np.nan, coverage_ratio=np.nan), row("S2", value=np.inf)))
    got = history.read("tti_ratio")
    assert np.isnan(got.value).all()
    assert np.isnan(got.coverage_ratio[0])
    assert got.coverage_ratio[1] == 1.0


def test_rows_are_sorted_by_entity_then_time(history: History):
    history.write(rows_of(row("S2", 1), row("S10", 1), row("S2", 0), row("S10", 0)))
    assert [one[:2] for one in seen(history.read("tti_ratio"))] == [("S10", 0), ("S10", 1), ("S2", 0), ("S2", 1)]


@pytest.mark.parametrize(
    ("writes", "stays"),
    [
        ([0, 2], 2),  # a correction replaces the final row
        ([2, 0], 2),  # a repeat of the final row does not come back
        ([1, 3, 2], 3),
        ([0, 0], 0),  # the same again is one row
    ],
)
def test_the_highest_revision_stays(history: History, writes: list[int], stays: int):
    for revision in writes:
        history.write(rows_of(row(value=10.0 + revision, revision=revision)))
    assert seen(history.read("tti_ratio")) == [("S1", 0, 10.0 + stays, stays)]


def test_two_revisions_in_one_write_leave_the_higher(history: History):
    history.write(rows_of(row(value=12.0, revision=2), row(value=11.0, revision=1)))
    assert seen(history.read("tti_ratio")) == [("S1", 0, 12.0, 2)]


def test_provisional_rows_are_shown_only_when_asked_for(history: History):
    history.write(rows_of(row(minute=0), row(minute=1, value=2.0, revision=-1)))
    assert seen(history.read("tti_ratio")) == [("S1", 0, 1.5, 0)]
    assert seen(history.read("tti_ratio", provisional=True)) == [("S1", 0, 1.5, 0), ("S1", 1, 2.0, -1)]
    assert seen(history.read("tti_ratio", "S1", provisional=True))[1] == ("S1", 1, 2.0, -1)


def test_the_newest_provisional_row_stays(history: History):
    history.write(rows_of(row(value=2.0, revision=-1)))
    history.write(rows_of(row(value=np.nan, revision=-1)))
    got = history.read("tti_ratio", provisional=True)
    assert len(got) == 1
    assert np.isnan(got.value[0])


def test_a_provisional_row_never_follows_the_final_one(history: History):
    history.write(rows_of(row(value=2.0, revision=-1)))
    history.write(rows_of(row(value=3.0)))
    history.write(rows_of(row(value=4.0, revision=-1)))
    assert seen(history.read("tti_ratio", provisional=True)) == [("S1", 0, 3.0, 0)]


def test_range_entity_and_window_select(history: History):
    history.write(rows_of(*(row(entity, minute) for entity in ("S1", "S2") for minute in range(4))))
    history.write(rows_of(row(window_s=3600, value=9.0), row(metric="speed_km_h", value=40.0)))
    from_ms, until_ms = START_MS + MINUTE_MS, START_MS + 3 * MINUTE_MS
    assert [one[:2] for one in seen(history.read("tti_ratio", "S2", from_ms, until_ms))] == [("S2", 1), ("S2", 2)]
    assert [one[:2] for one in seen(history.read("tti_ratio", None, until_ms, None))] == [("S1", 3), ("S2", 3)]
    assert seen(history.read("tti_ratio", window_s=3600)) == [("S1", 0, 9.0, 0)]
    assert len(history.read("tti_ratio", "S3")) == 0
    assert len(history.read("no_such")) == 0
    assert len(history.read("tti_ratio", None, until_ms, from_ms)) == 0
    assert history.metrics() == ["speed_km_h", "tti_ratio"]


def test_entities_and_windows_of_a_metric_are_listed(history: History):
    history.write(rows_of(row("S2", 0), row("路 1,=x", 0), row("S2", 0, window_s=3600), row("S9", 0, window_s=86_400)))
    history.write(rows_of(row("S3", 0, metric="delay_s", window_s=900)))
    assert history.entities("tti_ratio") == ["S2", "S9", "路 1,=x"]
    assert history.windows("tti_ratio") == [60, 3600, 86_400]
    assert (history.entities("delay_s"), history.windows("delay_s")) == (["S3"], [900])
    assert (history.entities("none"), history.windows("none")) == ([], [])


def test_names_that_look_like_a_query_are_only_names(history: History):
    strange = "a\" or 1=1 ${x} \\ ' --"
    history.write(rows_of(row(strange), row("S1")))
    assert seen(history.read("tti_ratio", strange)) == [(strange, 0, 1.5, 0)]


def test_no_rows_are_no_work(history: History):
    history.write(Rows.empty())
    assert history.metrics() == []


def test_the_last_books_of_a_key_stay(history: History):
    history.write_books({"intake:traffic:0": '{"offset": 1}', "zone:traffic:0": '{"text": "区 \\"x\\" \\\\n"}'})
    history.write_books({"intake:traffic:0": '{"offset": 2}'})
    assert history.books() == {"intake:traffic:0": {"offset": 2}, "zone:traffic:0": {"text": '区 "x" \\n'}}


def test_clear_leaves_nothing(history: History):
    history.write(rows_of(row(), row(minute=1, revision=-1)))
    history.write_books({"k": "{}"})
    history.clear()
    assert (history.metrics(), history.books(), len(history.read("tti_ratio", provisional=True))) == ([], {}, 0)
    history.write(rows_of(row(value=5.0)))
    assert seen(history.read("tti_ratio")) == [("S1", 0, 5.0, 0)]


def test_what_was_written_is_there_after_opening_again(history: History, address: str | Path):
    history.write(rows_of(row()))
    history.close()
    again = open_history(address, read_only=True)
    assert seen(again.read("tti_ratio", "S1")) == [("S1", 0, 1.5, 0)]
    again.close()


def test_counts_of_the_latest_revisions_are_summed_by_series(history: History):
    history.write(rows_of(row(minute=59), row(minute=60), row(minute=61), row("S2", 60)))
    history.write(rows_of(row(minute=60, revision=2), row(minute=60, revision=1)))
    history.write(rows_of(row(minute=60, window_s=3600), row(minute=62, revision=-1)))  # an hour, and an open window
    from_ms, until_ms = START_MS + 60 * MINUTE_MS, START_MS + 120 * MINUTE_MS
    assert history.counts(from_ms, until_ms) == {("tti_ratio", "S1"): 14, ("tti_ratio", "S2"): 7}
    assert history.counts(until_ms, until_ms + 1) == {}


def test_books_of_settled_hours_stand_apart(history: History):
    key = f"hour:{START_MS}:zone:traffic:1"
    history.write_books({key: '{"in_frames": 1}', "zone:traffic:1": '{"offset": 3}', "pulse:zone": '{"pid": 2}'})
    history.write_books({key: '{"in_frames": 2}'})
    assert history.hours() == {key: {"in_frames": 2}}
    assert sorted(history.books()) == ["pulse:zone", "zone:traffic:1"]
    assert history.metrics() == []
