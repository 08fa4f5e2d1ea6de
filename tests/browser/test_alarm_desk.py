"""A desk at night in Chromium: what was heard, a pointer left on the list, slow answers, forms and menus by key."""

from __future__ import annotations

import pytest

from tests.browser.alarm_city import drop, focus, orders, row, shown, wait_for_order
from tests.browser.conftest import later, state
from tests.browser.test_wall import LAYOUT, settled, text
from tests.streams.sinks.rows import LOAD
from tests.waiting import until

CLOCK_ON_BY = "(s) => { const now = Date.now.bind(Date); Date.now = () => now() + s * 1000; }"
AGE_S = """(() => { const said = document.querySelector("#fresh span").textContent;
    return said.endsWith(" s") ? parseFloat(said.match(/[0-9.]+/)[0]) : said ? Infinity : NaN; })()"""

POSSIBLE = """async (row) => {
    const { possible } = await import("/assets/wall/actions.js");
    return possible(row).map((action) => action.name);
}"""


def test_fewer_alarms_than_were_silenced_are_no_reason_to_sound(open_page, wall, own):
    names = own(1300, 30)  # more than the stream carries
    page = open_page("lang=en")
    button = page.locator("#sound")
    page.mouse.click(5, 5)
    until(lambda: button.inner_text() == "Silence")
    page.keyboard.press("s")
    until(lambda: button.inner_text() == "Sound: I")
    count = text(page, "#alarm-count")
    drop(wall, names[:3])
    until(lambda: text(page, "#alarm-count") != count)
    assert button.inner_text() == "Sound: I"  # those that came up from beyond were heard with the others
    own(1340)
    until(lambda: button.inner_text() == "Silence")


def test_a_pointer_that_was_left_on_the_list_hides_nothing_for_ever(open_page, wall, own):
    first, second = own(1350, 2)
    page = open_page("lang=en")
    until(lambda: row(page, second).count() == 1)
    row(page, first).hover()
    until(lambda: page.locator("#alarm-rows").get_attribute("data-held") is not None)
    before = orders(wall)
    (new,) = own(900)
    until(lambda: "1 new" in text(page, "#alarm-new"))
    assert shown(page)[0] == first
    later(page, 61)
    until(lambda: shown(page)[:2] == [new, first])
    page.mouse.down()  # without a move: somebody wakes up and presses on what he does not see yet
    page.mouse.up()
    assert page.locator("#drawer").is_hidden()
    assert orders(wall) == before
    until(lambda: page.locator("#alarm-rows").get_attribute("data-held") is not None)


def test_the_offer_to_undo_counts_from_the_command(open_page, wall, own):
    (name,) = own(1360)
    page = open_page("lang=en")
    focus(page, name)
    wall.answers = False
    page.keyboard.press("a")
    wait_for_order(wall, "acknowledge", name)
    later(page, 6)  # the engine was slow: it would refuse to take it back
    wall.run(wall.engine.play(wall.commands[-1]))
    until(lambda: "✓ 李娜" in row(page, name).inner_text())
    until(lambda: row(page, name).get_attribute("data-sending") is None)
    assert page.locator("#undo > div").count() == 0


def test_a_menu_takes_the_keys_that_it_shows_and_gives_the_focus_back(open_page, wall, own):
    (name,) = own(1370)
    page = open_page("lang=en")
    focus(page, name)
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("m")
    until(lambda: page.locator(".menu").count() == 1)
    page.keyboard.press("n")
    until(lambda: page.locator("#action-form").count() == 1)
    page.keyboard.press("Escape")
    until(lambda: page.evaluate("document.activeElement.dataset.alarm") == name)
    page.keyboard.press("a")
    wait_for_order(wall, "acknowledge", name)


def test_what_was_written_while_the_picture_stood_still_is_kept(open_page, wall, own):
    (name,) = own(1380)
    page = open_page("lang=en")
    focus(page, name)
    page.keyboard.press("n")
    page.keyboard.type("pump 2 runs")
    wall.feed.dead.add("alarms")
    until(lambda: state(page) == "stale")
    sent = len(wall.commands)
    page.keyboard.press("Enter")
    until(lambda: "not live" in text(page, "#action-form .error"))
    assert len(wall.commands) == sent
    wall.feed.dead.clear()
    until(lambda: state(page) == "live")
    page.keyboard.press("Enter")
    assert wait_for_order(wall, "note", name)["why"] == "pump 2 runs"


def test_a_card_is_acknowledged_and_given_back_whole_and_says_the_level_that_was_seen(open_page, wall, own):
    first, second = own(1390, 2, level=2, incident="I9")
    of = {"id": "I9", "cause": first, "alarms": [second], "levels": [0, 2, 0, 0], "asking": 2, "count": 2, "level": 2}
    alarm = wall.feed.alarms[first]
    same = {name: alarm[name] for name in ("domain", "kind", "entity", "zone")}
    waits = {"waiting_since_ms": alarm["raised_at_ms"], "presented": True}
    own(1391, level=2, incident="I9", presented=False)
    wall.run(wall.feed.change({"i:I9": of | same | waits}))
    page = open_page("lang=en")
    until(lambda: "+1" in row(page, first).inner_text())
    focus(page, first)
    before = len(wall.commands)
    page.keyboard.press("a")
    order = wait_for_order(wall, "acknowledge", after=before)
    assert (order["incident"], order["seen_level"]) == ("I9", 2)
    seen = {"acknowledged": True, "acknowledged_by": "李娜"}
    wall.run(wall.feed.change({f"a:{first}": alarm | seen, "i:I9": of | same | waits | seen | {"asking": 0}}))
    until(lambda: "✓ 李娜" in row(page, first).inner_text())
    page.keyboard.press("u")
    order = wait_for_order(wall, "unacknowledge", after=before)
    assert (order["incident"], order["alarm"], order["revision"]) == ("I9", "", None)
    wall.run(wall.feed.change({}, ("i:I9",)))


@pytest.mark.parametrize(("cover", "offered"), [("9c1e-77ab", True), ("rule:heat", False)])
def test_only_what_a_person_suppressed_may_be_lifted(open_page, cover, offered):
    """A rule's schedule is nobody's command: the engine would refuse."""
    found = open_page("lang=en").evaluate(POSSIBLE, {"standing": "suppressed", "suppressed_by": cover})
    assert ("lift" in found) is offered


def test_an_alarm_that_moves_far_down_the_list_keeps_its_place_while_it_is_held(open_page, wall, own):
    names = own(3000, 300, level=4)  # more than a page: nothing that has been read has it any more
    page = open_page("lang=en")
    until(lambda: len(shown(page)) > 1)
    page.locator("#alarm-rows li").first.hover()
    page.locator("#levels [data-level='4']").focus()
    page.keyboard.press("Enter")
    until(lambda: shown(page)[:1] == [names[0]])
    assert page.locator("#alarm-rows [data-gone]").count() == 0  # narrowed while it was held: nothing has left,
    assert page.locator("#alarm-new").is_hidden()  # and nothing is new
    focus(page, names[1])
    page.keyboard.press("a")
    wait_for_order(wall, "acknowledge", names[1])
    until(lambda: "✓ 李娜" in row(page, names[1]).inner_text())
    drop(wall, names[:1])
    until(lambda: row(page, names[0]).get_attribute("data-gone") is not None)
    assert row(page, names[1]).get_attribute("data-gone") is None
    page.keyboard.press("u")
    wait_for_order(wall, "unacknowledge", names[1])
    until(lambda: row(page, names[1]).get_attribute("data-waiting") is not None)


def test_what_comes_late_does_not_look_new(open_page):
    page = open_page("lang=en")
    settled(page)
    page.evaluate(CLOCK_ON_BY, 8)  # as if the line held every message for so long
    until(lambda: page.evaluate(AGE_S) >= 8)
    assert state(page) == "live"
    page.evaluate(
        CLOCK_ON_BY, 60
    )  # too long to be a line that follows: another one is opened, by whose clock it counts
    until(lambda: page.evaluate(AGE_S) < 8)
    until(lambda: state(page) == "live")


@pytest.mark.parametrize(("language", "width", "height"), [("zh", 1920, 1080), ("en", 1920, 1080), ("en", 3840, 2160)])
def test_of_the_load_a_number_stands_whole_or_not_at_all(open_page, wall, language, width, height):
    load = LOAD | {"now_count": 9, "worst_count": 54_321, "average_count": 1234.5}
    wall.run(wall.feed.change({"b:alarms:journal:0": {"counts": {}, "load": load}}))
    page = open_page(f"lang={language}", width, height)
    settled(page)
    until(lambda: "9" in text(page, "#alarm-load"))
    said = page.locator("#alarm-load").get_attribute("title").split("\n")[0]
    assert said in ("10 min: 9 · max 54,321 · avg 1,234.5", "10 分钟 9 条 · 峰 54,321 · 均 1,234.5")
    assert page.evaluate(LAYOUT)["problems"] == []
    page.locator('#levels [role="button"], #levels button').first.click()  # the filter's chip takes room
    until(lambda: page.locator("#alarm-chip").is_visible())
    assert page.evaluate(LAYOUT)["problems"] == []
