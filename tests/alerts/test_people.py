"""What people do to an alarm, and when it takes effect, worked out by hand from `alerts/transitions.py`."""

import pytest

from alerts.commands import End, Note, Unacknowledge, Warn
from alerts.moving import UNDO_MS
from tests.alerts.living import live, standing
from tests.alerts.writing import acknowledge, commanded, detection, opened_at, undo

AT_10 = opened_at(10)
AT_40 = opened_at(40)

raise_3 = detection(3, 10)
end_20 = detection(0, 20)
end_40 = detection(0, 40)
by_li = acknowledge(AT_10)

by_all = commanded(Warn, AT_10, "w1", message="c-1", status="Exercise")

CASES = {
    "acknowledged for a whole shift, and for longer": (
        [raise_3, acknowledge(AT_10, "k1", for_ms=12 * 3_600_000 + 1), acknowledge(AT_10, "k2", for_ms=12 * 3_600_000)],
        ["raised", "too_long", "acknowledge"],
        [(AT_10, "active", 3, True, 1)],
    ),
    "a warning of the public: in its course, and no change of it": (
        [raise_3, by_all],
        ["raised", "warn"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "a warning that no supervisor gives": (
        [raise_3, commanded(Warn, AT_10, "w1", message="c-1", status="Actual", role="dispatcher")],
        ["raised", "role_may_not"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "a warning that is called off when all is over": (
        [raise_3, end_20, by_li, UNDO_MS, by_all],
        ["raised", "cleared", "acknowledge", "closed", "warn"],
        [],
    ),
    "returned, then acknowledged: closed when nobody can undo it any more": (
        [raise_3, end_20, by_li, UNDO_MS],
        ["raised", "cleared", "acknowledge", "closed"],
        [],
    ),
    "until then it is closing": (
        [raise_3, end_20, by_li, UNDO_MS - 1],
        ["raised", "cleared", "acknowledge"],
        [(AT_10, "returned", 3, True, 1)],
    ),
    "back while it closes: acknowledged still": (
        [raise_3, end_20, by_li, detection(3, 30), UNDO_MS],
        ["raised", "cleared", "acknowledge", "returned"],
        [(AT_10, "active", 3, True, 2)],
    ),
    "an undo of it": (
        [raise_3, end_20, by_li, undo("k1", "k2"), UNDO_MS],
        ["raised", "cleared", "acknowledge", "undo"],
        [(AT_10, "returned", 3, False, 1)],
    ),
    "too late for an undo": (
        [raise_3, by_li, UNDO_MS, undo("k1", "k2")],
        ["raised", "acknowledge", "too_late"],
        [(AT_10, "active", 3, True, 1)],
    ),
    "an undo of what another did": (
        [raise_3, by_li, undo("k1", "k2", who="王强")],
        ["raised", "acknowledge", "not_yours"],
        [(AT_10, "active", 3, True, 1)],
    ),
    "an undo of what has changed since": (
        [raise_3, by_li, detection(1, 20), undo("k1", "k2")],
        ["raised", "acknowledge", "risen", "changed"],
        [(AT_10, "active", 1, False, 2)],
    ),
    "an undo of a note, which stays": (
        [raise_3, commanded(Note, AT_10, "k1", why="已派警"), undo("k1", "k2")],
        ["raised", "note", "no_undo"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "an undo twice": (
        [raise_3, by_li, undo("k1", "k2"), undo("k1", "k3")],
        ["raised", "acknowledge", "undo", "changed"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "an acknowledgement that is given back": (
        [raise_3, by_li, commanded(Unacknowledge, AT_10, "k2")],
        ["raised", "acknowledge", "unacknowledge"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "one that nobody gave": (
        [raise_3, commanded(Unacknowledge, AT_10, "k2")],
        ["raised", "not_acknowledged"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "an acknowledgement for a minute": (
        [raise_3, acknowledge(AT_10, for_ms=60_000), 60_000],
        ["raised", "acknowledge", "lapsed"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "ended by a person: nothing new until it was normal once": (
        [raise_3, commanded(End, AT_10, "k2"), UNDO_MS, detection(3, 20), detection(0, 30), detection(3, 40)],
        ["raised", "end", "closed", "ended", "normal", "raised"],
        [(AT_40, "active", 3, False, 1)],
    ),
    "ended by a person, then worse than it was": (
        [raise_3, commanded(End, AT_10, "k2"), UNDO_MS, detection(2, 40)],
        ["raised", "end", "closed", "raised"],
        [(AT_40, "active", 2, False, 1)],
    ),
    "it rises while a person's end waits": (
        [raise_3, commanded(End, AT_10, "k2"), detection(1, 20), UNDO_MS],
        ["raised", "end", "risen"],
        [(AT_10, "active", 1, False, 2)],
    ),
    "what is closing is not for others": (
        [raise_3, commanded(End, AT_10, "k2"), acknowledge(AT_10, "k3", who="王强")],
        ["raised", "end", "closing"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "notes conflict with nothing": (
        [raise_3, commanded(Note, AT_10, "k2", revision=1), commanded(Note, AT_10, "k3", revision=9)],
        ["raised", "note", "note"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "two people at one revision: the first wins": (
        [
            raise_3,
            acknowledge(AT_10, "k1", None, revision=1, for_ms=1),
            acknowledge(AT_10, "k2", None, revision=1, who="王强"),
        ],
        ["raised", "acknowledge", "lapsed", "changed"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "risen since the revision that was on screen": (
        [raise_3, detection(1, 20), acknowledge(AT_10, "k1", None, revision=1)],
        ["raised", "risen", "level_risen"],
        [(AT_10, "active", 1, False, 2)],
    ),
    "one key, another command, as two walls may send them": (
        [raise_3, *(commanded(Note, AT_10, one, key="q") for one in ("q-1", "q-2", "q-1"))],
        ["raised", "note", "key_used", None],
        [(AT_10, "active", 3, False, 1)],
    ),
    "the key of a command that was refused": (
        [raise_3, commanded(Note, "nobody", "q-1", key="q"), commanded(Note, AT_10, "q-2", key="q")],
        ["raised", "unknown_alarm", "key_used"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "no key": (
        [raise_3, commanded(Note, AT_10, "k1"), commanded(Note, AT_10, "k2")],
        ["raised", "note", "note"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "findings leave the revision as it is": (
        [raise_3, detection(3, 20), detection(4, 30), end_40, acknowledge(AT_10, "k1", None, revision=1)],
        ["raised", "updated", "lowered", "cleared", "acknowledge"],
        [(AT_10, "returned", 4, True, 3)],
    ),
}


@pytest.mark.parametrize(("inputs", "did", "stands"), CASES.values(), ids=CASES)
def test_what_people_do(inputs, did, stands):
    state, happened = live(*inputs)
    assert happened == did
    assert standing(state) == stands
