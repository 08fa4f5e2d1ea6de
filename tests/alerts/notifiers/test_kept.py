"""What is kept, and how a start goes on from it: nothing confirmed twice, nothing forgotten."""

import json

from alerts.notifiers.dispatch import Dispatch
from alerts.notifiers.verdicts import Failed, Retry, Sent
from tests.alerts.notifiers.telling import SETTING, Telling, route, row


def test_a_restart_repeats_nothing_confirmed_and_forgets_nothing():
    telling = Telling(route(group_wait_s=0))
    telling.alarm(number=1)
    telling.wait(1)
    telling.verdict = lambda one: Retry("unreachable")
    telling.alarm(number=2, level=1)
    telling.turn()
    tried = telling.sent[-1][1].id
    telling.alarm(number=3)  # waits for company
    telling.keep()
    telling.restart()
    telling.verdict = lambda one: Sent()
    for number in (1, 2, 3):  # the rows are read again
        telling.alarm(number=number, level=1 if number == 2 else 3)
    telling.wait(10)
    assert sorted(telling.told()) == [("raised", "a1"), ("raised", "a2"), ("raised", "a3")]
    assert next(one.id for _, one, _ in reversed(telling.sent) if one.items[0].face.alarm == "a2") == tried


def test_a_crash_between_the_letter_and_what_it_was_made_of_sends_it_once():
    telling = Telling(route(group_wait_s=0))
    telling.alarm()
    telling.keep()
    telling.dispatch.due(telling.now_ms)
    (key, value), *_ = telling.dispatch.changes()
    assert key.startswith(b"letter/")
    telling.kept[key] = value  # the process ended here
    telling.restart()
    telling.wait(5)
    assert telling.told() == [("raised", "a1")]


def test_a_new_route_is_told_what_stands_and_one_that_is_gone_leaves_nothing():
    telling = Telling(route("a"))
    telling.alarm()
    telling.wait(6)
    telling.routes = {"b": route("b")}
    telling.restart(row())
    telling.keep()
    assert [key for key in telling.kept if b"/a/" in key] == []
    telling.wait(6)
    telling.restart(row())
    telling.wait(6)
    assert telling.told("b") == [("raised", "a1")]


def test_an_alarm_whose_rows_are_all_gone_has_closed_and_its_end_is_told():
    telling = Telling(route())
    telling.alarm(number=1)
    telling.alarm(number=2)
    telling.wait(6)
    telling.dispatch = Dispatch(telling.routes.values(), lambda: SETTING)
    telling.dispatch.begin(telling.kept)
    telling.dispatch.stood({"a2": json.dumps(row(number=2)).encode()}, [], telling.now_ms)
    telling.wait(6)
    assert telling.told()[2:] == [("ended", "a1")]


def test_what_is_passed_on_is_kept_with_the_next_before_it_goes_from_the_first():
    telling = Telling(route("a", group_wait_s=0, fallback="b"), route("b", standby=True, group_wait_s=0))
    telling.alarm()
    (one,) = telling.dispatch.due(telling.now_ms)
    telling.keep()
    telling.dispatch.done(one, Failed("refused"), telling.now_ms)
    keys = [(key.split(b"/")[:2], value is None) for key, value in telling.dispatch.changes()]
    assert keys.index(([b"queue", b"b"], False)) < keys.index(([b"letter", b"a"], True))


def test_a_restart_in_the_midst_of_flapping_changes_nothing():
    telling = Telling(route(end_wait_s=15))
    for _ in range(5):
        telling.alarm()
        telling.wait(6)
        telling.restart()
        telling.alarm(state="cleared", standing="returned_unacknowledged")
        telling.wait(6)
        telling.restart()
    telling.close()
    telling.wait(30)
    assert telling.told() == [("raised", "a1"), ("ended", "a1")]


def test_a_letter_stays_small_enough_to_be_kept():
    telling = Telling(route())
    for number in range(20_001):
        telling.alarm(number=number, incident="i1")
    telling.now_ms += 6_000
    telling.dispatch.due(telling.now_ms)
    sizes = [len(value) for key, value in telling.dispatch.changes() if key.startswith(b"letter/")]
    assert len(sizes) == 3
    assert max(sizes) < 8 * 2**20
