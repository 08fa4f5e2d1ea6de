"""Each promise of the contract catches a processor that breaks it, and lets a healthy one pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.processors import promises_edits, promises_first, promises_second, promises_stage, stages, toys, toys_second
from tests.processors.test_contract import DECLARED, FIRST, promises

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streams.contract.spec import Spec

FIRST_BROKEN: dict[str, Callable[[], Spec]] = {
    "config_refuses_unknown_keys": lambda: replace(toys.HEALTHY, config=toys.Loose),
    "config_has_a_default_for_everything": lambda: replace(toys.HEALTHY, config=toys.Demanding),
    "config_is_described_and_named_in_lower_case": lambda: replace(toys.HEALTHY, config=toys.Shouting),
    "empty_state_survives_its_bytes": lambda: toys.with_step(toys.healthy, toys.Bagged),
    "domains_exist": lambda: replace(toys.HEALTHY, domains=("gossip",)),
    "no_cut_of_the_log_decides": lambda: toys.with_step(toys.takes_one_reading_a_frame),
    "a_replay_gives_the_same_bytes": lambda: toys.with_step(toys.adds_a_little_chance),
    "a_state_that_went_through_its_bytes_goes_on_the_same": lambda: toys.with_step(toys.hides_its_state, toys.Hollow),
    "a_killed_process_goes_on_from_its_last_bytes": lambda: toys.with_step(toys.hides_its_state, toys.Hollow),
    "what_it_counted_stands_in_a_row_was_decided_or_waits": lambda: toys.with_step(toys.counts_one_too_many),
    "late_readings_change_no_final": lambda: toys.with_step(toys.folds_late_ones_as_if_on_time),
    "a_final_comes_once_and_revisions_rise": lambda: toys.with_step(toys.says_everything_twice),
    "the_order_of_punctual_readings_does_not_matter": lambda: toys.with_step(
        toys.takes_the_first_of_a_minute, toys.Kept
    ),
    "no_reading_vanishes": lambda: toys.with_step(toys.drops_in_silence),
    "a_reading_from_elsewhere_changes_nothing": lambda: toys.with_step(toys.takes_strangers_for_its_own),
    "a_sensor_that_joins_later_is_taken_up": lambda: toys.with_step(toys.knows_no_newcomers, toys.Kept),
    "an_edit_of_the_files_moves_nothing": lambda: toys.with_step(toys.knows_sensors_by_their_line, toys.Kept),
    "who_leaves_and_who_joins_changes_nobody_else": lambda: toys.with_step(toys.knows_sensors_by_their_line, toys.Kept),
    "readings_that_observed_nothing_are_no_error": lambda: toys.with_step(toys.takes_nothing_for_zero),
    "columns_that_a_frame_leaves_out_are_not_observed": lambda: toys.with_step(toys.needs_every_column),
    "a_frame_without_rows_changes_nothing_while_the_watermark_stands": lambda: toys.with_step(
        toys.counts_its_steps, toys.Kept
    ),
    "only_declared_metrics_appear": lambda: replace(toys.HEALTHY, metrics=()),
    "the_state_does_not_grow_with_time": lambda: toys.with_step(toys.keeps_all_there_ever_was, toys.Kept),
    "provisional_rows_leave_the_state_alone": lambda: replace(toys.HEALTHY, live=toys.live_that_says_final),
}
"""Promise → the processor that breaks it."""
ANY_RUN = {
    "a reason that is not declared": toys.drops_under_a_reason_of_its_own,
    "more dropped than there is": toys.drops_more_than_there_is,
    "a frame that is written to": toys.writes_into_its_frame,
}
"""Mistakes that show whenever a processor runs."""
STAGE_BROKEN: dict[str, Callable[[], Spec]] = {
    "any_spread_over_partitions_gives_the_same": lambda: toys.with_step(toys.takes_the_first_of_a_minute, toys.Kept),
    "copies_are_taken_once": lambda: toys.with_step(toys.takes_one_reading_a_frame),
    "what_nobody_knows_changes_nothing": lambda: toys.with_step(toys.takes_one_reading_a_frame),
    "kills_between_any_two_sends_change_nothing": lambda: toys.with_step(toys.hides_its_state, toys.Hollow),
}
SECOND_BROKEN: dict[str, Callable[[], Spec]] = {
    "no_cut_and_no_order_of_the_zones_decides": lambda: toys_second.broken(waits=False),
    "a_repeat_changes_nothing": lambda: toys_second.broken(once=False),
    "a_replay_gives_the_same_bytes": toys_second.counts_beside_its_state,
    "a_state_that_went_through_its_bytes_goes_on_the_same": toys_second.hides_its_state,
    "a_killed_process_goes_on_from_its_last_bytes": toys_second.hides_its_state,
    "kills_between_any_two_sends_change_nothing": toys_second.hides_its_state,
    "a_final_comes_once_and_revisions_rise": lambda: toys_second.broken(quiet=False),
    "what_the_city_does_not_know_changes_nothing": lambda: toys_second.broken(forgiving=False),
    "frames_without_rows_are_no_error": lambda: toys_second.broken(looks=False),
    "values_that_are_not_known_stay_so": lambda: toys_second.broken(knows=False),
    "nothing_closes_before_all_zones_have_passed": lambda: toys_second.broken(waits=False),
    "only_declared_metrics_appear": lambda: replace(toys_second.HEALTHY, metrics=()),
    "the_state_does_not_grow_with_time": lambda: toys_second.broken(forgets=False),
}
SEEDS, EACH = 10, 60
"""Until a mistake must have shown, so many searches of so many examples; the first that shows it ends them. One search
alone may go where it does not show: where it goes depends on the constants of all modules that are loaded, too."""
SEARCH = settings(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
"""Look for a log that shows the mistake, and do not spend time to make it small."""
BROKEN = (AssertionError, KeyError, IndexError, TypeError, ValueError, pytest.fail.Exception)


def named(*modules: Any) -> dict[str, Callable[..., None]]:
    found = [one for module in modules for generated in (True, False) for one in promises(module, generated=generated)]
    return {one.__name__: one for one in found}


def keep(promise: Callable[..., None], subject: Any, examples: int = EACH, seeds: int = SEEDS) -> None:
    """Hold a processor to a promise."""
    if "data" not in promise.__annotations__:
        promise(subject)
        return
    for number in range(seeds):

        @seed(number)
        @settings(SEARCH, max_examples=examples)
        @given(data=st.data())
        def attempt(data: st.DataObject) -> None:
            promise(subject, data)

        attempt()


def first(spec: Spec) -> promises_first.Subject:
    return promises_first.Subject("toy", spec, "traffic")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stages.write_city(tmp_path_factory.mktemp("city"))


def test_every_promise_has_a_processor_that_breaks_it():
    assert FIRST_BROKEN.keys() == named(promises_first, promises_edits).keys()
    assert STAGE_BROKEN.keys() == {one.__name__ for one in promises(promises_stage, generated=True)}
    assert SECOND_BROKEN.keys() == named(promises_second).keys()
    assert all(name in named(promises_first, promises_edits) for name in FIRST_BROKEN if name.startswith(DECLARED))


@pytest.mark.parametrize("name", FIRST_BROKEN)
def test_a_mistake_of_the_first_level_is_caught(name: str):
    keep(named(promises_first, promises_edits)[name], first(toys.HEALTHY), examples=3, seeds=1)
    with pytest.raises(BROKEN):
        keep(named(promises_first, promises_edits)[name], first(FIRST_BROKEN[name]()))


@pytest.mark.parametrize("mistake", ANY_RUN)
def test_a_mistake_shows_in_any_run(mistake: str):
    with pytest.raises((AssertionError, ValueError)):
        keep(promises_first.no_cut_of_the_log_decides, first(toys.with_step(ANY_RUN[mistake])))


@pytest.mark.parametrize("name", STAGE_BROKEN)
def test_a_mistake_that_shows_in_the_stage_is_caught(name: str, city: Path):
    keep(named(promises_stage)[name], stages.Hosting("toy", toys.HEALTHY, "traffic", city), examples=2, seeds=1)
    with pytest.raises(BROKEN):
        keep(named(promises_stage)[name], stages.Hosting("toy", STAGE_BROKEN[name](), "traffic", city))


@pytest.mark.parametrize("name", SECOND_BROKEN)
def test_a_mistake_of_the_second_level_is_caught(name: str, city: Path):
    whole = {"congestion": FIRST["congestion"]}
    keep(
        named(promises_second)[name], promises_second.Subject("toy", toys_second.HEALTHY, "traffic", whole, city), 2, 1
    )
    broken = promises_second.Subject("toy", SECOND_BROKEN[name](), "traffic", whole, city)
    with pytest.raises(BROKEN):
        keep(named(promises_second)[name], broken)
