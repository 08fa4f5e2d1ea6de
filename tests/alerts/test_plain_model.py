"""Whatever comes in whatever order, the engine does as a plain slow model: none is lost, and each can be ended."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.apply import apply
from alerts.commands import Acknowledge, End, Reset, Shelve, Unacknowledge, Unshelve
from alerts.events import Done
from alerts.judge import judge_detection, judge_time
from alerts.judge_commands import judge_command
from alerts.state import State
from streams.city.scope import Scope
from streams.city.windows import Window
from tests.alerts.plain_model import UNDO_MS, Plain
from tests.alerts.writing import commanded, detection, suppress

SECOND_MS, MINUTE_MS = 1_000, 60_000
BEGUN_MS = 1_000_000

FOR_MS = st.sampled_from([3 * SECOND_MS, MINUTE_MS])
STEPS = st.one_of(
    st.tuples(st.just("find"), st.sampled_from([0, 0, 1, 2, 3, 3, 4])),
    st.tuples(st.just("find"), st.sampled_from([0, 3])),
    st.tuples(st.just("acknowledge"), st.none() | FOR_MS),
    st.tuples(st.sampled_from(["unacknowledge", "end", "reset", "unshelve"]), st.none()),
    st.tuples(st.just("shelve"), FOR_MS),
    st.tuples(st.just("suppress"), FOR_MS),
    st.tuples(st.just("wait"), st.sampled_from([SECOND_MS, UNDO_MS, 2 * MINUTE_MS, 11 * MINUTE_MS])),
)
KINDS = {
    "acknowledge": Acknowledge,
    "unacknowledge": Unacknowledge,
    "end": End,
    "reset": Reset,
    "shelve": Shelve,
    "unshelve": Unshelve,
}


class Real:
    """The engine, as far as one condition is concerned."""

    def __init__(self, latches: bool) -> None:
        self.state = State()
        self.scope = Scope(0, "c", latching=frozenset({"slow_traffic"} if latches else ()))
        self.count = 0

    def pass_until(self, now: int) -> None:
        while (due := judge_time(self.state, now)) is not None:
            apply(self.state, due, due.at_ms)

    def find(self, level: int, now: int) -> None:
        event = judge_detection(self.state, detection(level, now), self.scope, now)
        apply(self.state, event, now)

    def act(self, what: str, for_ms: int | None, now: int) -> bool:
        self.count += 1
        if what == "suppress":
            command = suppress(f"k{self.count}", Window(until_ms=now + for_ms), zone="z1")
        else:
            alarm = next(iter(self.state.open), "none")
            more = {} if what not in {"shelve", "acknowledge"} else {"for_ms": for_ms}
            command = commanded(KINDS[what], alarm, f"k{self.count}", **more)
        event = judge_command(self.state, command, now, self.scope)
        apply(self.state, event, now)
        return isinstance(event, Done)

    def told(self) -> tuple:
        if not self.state.open:
            return ("normal",)
        (one,) = self.state.open.values()
        return one.shown, one.level, one.waiting_since_ms, one.closing is not None, one.calm_at_ms


def act(plain: Plain, what: str, for_ms: int | None, now: int) -> bool:
    if what == "acknowledge":
        return plain.acknowledge("李敏", now, for_ms)
    if what == "shelve":
        return plain.shelve(now, for_ms)
    if what == "suppress":
        return plain.suppress(now, for_ms)
    return getattr(plain, what)(now)


def told(plain: Plain) -> tuple:
    one = plain.one
    if one is None:
        return ("normal",)
    return plain.shown(), one.level, one.waiting, one.closing is not None, one.calm


@pytest.mark.parametrize("latches", [False, True])
@settings(max_examples=400, deadline=None)
@given(st.lists(STEPS, min_size=5, max_size=40))
def test_the_engine_does_as_a_plain_slow_model(latches, steps):
    plain, real, now = Plain(latches), Real(latches), BEGUN_MS
    for what, how in steps:
        now += how if what == "wait" else SECOND_MS
        plain.pass_until(now)
        real.pass_until(now)
        if what == "find":
            plain.find(how, now)
            real.find(how, now)
        elif what == "suppress" and plain.window is not None:
            continue  # the model has one window; several are tests/alerts/test_covers.py's
        elif what != "wait":
            assert act(plain, what, how, now) == real.act(what, how, now), (what, how)
        assert real.told() == told(plain)
    a_person_can_end(real, now)


def a_person_can_end(real: Real, now: int) -> None:
    """Whatever state it is in: nobody is left with an alarm that will not go."""
    real.pass_until(now + UNDO_MS)
    if real.state.open:
        assert real.act("end", None, now + UNDO_MS)
        real.pass_until(now + 2 * UNDO_MS)
    assert not real.state.open


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=30), st.booleans())
def test_no_level_i_is_lost(steps, latches):
    """After any of these a new condition of level I calls somebody, unless level I itself was shelved or suppressed."""
    real, now = Real(latches), BEGUN_MS
    for what, how in steps:
        now += how if what == "wait" else SECOND_MS
        real.pass_until(now)
        if what == "find":
            real.find(how or 2, now)
        elif what != "wait":
            real.act(what, how, now)
    now += SECOND_MS
    real.pass_until(now)
    before = [one.level for one in real.state.open.values()]
    muted_level = min((one.level for one in real.state.muted.values()), default=None)
    real.find(1, now)
    if before == [1] or muted_level == 1:
        return  # it was there, and somebody was told of it or has ended it
    (one,) = real.state.open.values()
    assert (one.level, one.taken, one.closing) == (1, None, None)
    shelved = [of.level for of in real.state.covers.values() if of.what == "shelved"]
    assert one.shown == "unacknowledged" or one.shown == "suppressed" or shelved == [1]
