"""The table of an alarm's life: complete, and nothing that must not happen stands in it."""

import pytest

from alerts.transitions import TABLE, Effect, Happening, No, Standing, Step
from alerts.transitions_page import PAGE, page

PAIRS = [(standing, happening) for standing in Standing for happening in Happening]
OPEN = [one for one in Standing if one is not Standing.NORMAL]
ACKNOWLEDGED = {Standing.ACKNOWLEDGED, Standing.LATCHED_ACKNOWLEDGED}


@pytest.mark.parametrize(("standing", "happening"), PAIRS)
def test_every_pair_is_there_and_agrees_with_itself(standing, happening):
    step = TABLE[standing][happening]
    if isinstance(step, No):
        assert step.reason
        return
    closes = step.effects & {Effect.CLOSE, Effect.CLOSE_LATER}
    assert bool(closes) == (step.to is Standing.NORMAL)
    assert not (Effect.WAIT in step.effects and Effect.REVISE not in step.effects)
    if step.to is not Standing.NORMAL:
        was, is_now = standing in ACKNOWLEDGED, step.to in ACKNOWLEDGED
        assert (Effect.TAKE in step.effects) == (is_now and not was)
        assert not was or is_now or Effect.RELEASE in step.effects


@pytest.mark.parametrize("standing", OPEN)
def test_whatever_rises_waits_for_somebody_again(standing):
    step = TABLE[standing][Happening.RISE]
    assert step.to is Standing.UNACKNOWLEDGED
    assert {Effect.RELEASE, Effect.WAIT, Effect.REVISE} <= step.effects


@pytest.mark.parametrize("standing", OPEN)
def test_a_person_can_end_each(standing):
    assert TABLE[standing][Happening.END] == Step(Standing.NORMAL, frozenset({Effect.REVISE, Effect.CLOSE_LATER}))


def test_each_state_is_reached_and_left():
    reached, ahead = {Standing.NORMAL}, [Standing.NORMAL]
    while ahead:
        steps = TABLE[ahead.pop()].values()
        new = {step.to for step in steps if isinstance(step, Step)} - reached
        reached |= new
        ahead += new
    assert reached == set(Standing)


def test_the_page_is_that_of_the_table():
    assert PAGE.read_text(encoding="utf-8") == page(), "renew it: python -m alerts.transitions_page"
