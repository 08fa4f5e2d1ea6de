"""Alarms in Chromium: which one a key acts on, what becomes of a command, what is never out of reach."""

from __future__ import annotations

import pytest

from tests.browser.alarm_city import drop, focus, orders, row, shown, wait_for_order
from tests.browser.test_wall import text
from tests.waiting import until

ASIDE = {"shelve": "shelved", "suppress": "suppressed", "take_out": "out_of_service"}


def test_a_key_acts_on_the_row_in_focus_whatever_happens_above_it(open_page, wall, own):
    first, second = own(1000, 2)
    page = open_page("lang=en")
    focus(page, second)
    place = shown(page).index(second)
    drop(wall, [first])
    until(lambda: row(page, first).get_attribute("data-gone") is not None)
    assert shown(page).index(second) == place
    page.keyboard.press("a")
    wait_for_order(wall, "acknowledge", second)
    page.keyboard.press("k")
    sent = len(wall.commands)
    page.keyboard.press("a")  # on the place of what has left
    page.keyboard.press("j")
    until(lambda: page.evaluate("document.activeElement.dataset.alarm") == second)
    assert len(wall.commands) == sent


def test_without_focus_no_key_acts(open_page, wall, own):
    (name,) = own(1010)
    before = len(wall.commands)
    page = open_page("lang=en")
    until(lambda: row(page, name).count() == 1)
    page.keyboard.press("a")
    focus(page, name)
    page.keyboard.press("a")
    wait_for_order(wall, "acknowledge", name)
    assert [one["alarm"] for one in orders(wall)[before:]] == [name]


def test_the_row_under_a_held_pointer_stays_what_it_is(open_page, wall, own):
    first, second, third = own(1020, 3)
    page = open_page("lang=en")
    until(lambda: row(page, third).count() == 1)
    row(page, second).hover()
    before = shown(page)
    new = own(900)[0]  # stands above all
    drop(wall, [second])
    until(lambda: row(page, second).get_attribute("data-gone") is not None)
    until(lambda: "1 new" in text(page, "#alarm-new"))
    assert shown(page) == before
    assert row(page, second).locator("[data-action=acknowledge]").is_hidden()
    page.mouse.move(5, 5)
    until(lambda: shown(page)[:3] == [new, first, third])


def test_acknowledging_shows_sending_then_who_and_can_be_undone(open_page, wall, own):
    (name,) = own(1030)
    page = open_page("lang=en")
    until(lambda: row(page, name).count() == 1)
    wall.answers = False
    row(page, name).locator("[data-action=acknowledge]").click()
    until(lambda: "Sending" in row(page, name).inner_text())
    order = wait_for_order(wall, "acknowledge", name)
    assert (order["who"], order["desk"], order["revision"]) == ("李娜", "2 号台", 1)
    wall.answers = True
    wall.run(wall.engine.play(wall.commands[-1]))
    until(lambda: "✓ 李娜" in row(page, name).inner_text())
    undo = page.locator("#undo [data-action=undo]")
    until(lambda: undo.count() == 1)
    undo.click()
    assert wait_for_order(wall, "undo")["command"] == order["id"]
    until(lambda: row(page, name).get_attribute("data-waiting") is not None)


def test_the_offer_to_undo_goes_after_five_seconds(open_page, wall, own):
    (name,) = own(1040)
    page = open_page("lang=en")
    focus(page, name)
    page.keyboard.press("a")
    undo = page.locator("#undo > div")
    until(lambda: undo.count() == 1)
    assert "acknowledged" in undo.inner_text()
    until(lambda: undo.count() == 0)


def test_of_two_at_once_the_second_is_told_who_was_first(open_page, wall, own):
    (name,) = own(1050)
    page = open_page("lang=en")
    until(lambda: row(page, name).count() == 1)
    taken = {"what": "acknowledge", "who": "Li", "desk": "2", "at_ms": wall.feed.now_ms() - 3000}
    wall.feed.alarms[name] |= {"acknowledged": True, "changed_by": taken}  # not on the page yet
    row(page, name).locator("[data-action=acknowledge]").click()
    until(lambda: "Li at desk 2: acknowledged" in row(page, name).inner_text())
    assert "before you" in text(page, "#toast")
    assert row(page, name).get_attribute("data-sending") is None


def test_a_command_that_nobody_answers_is_not_sent_for_ever(open_page, wall, own):
    (name,) = own(1060)
    page = open_page("lang=en")
    focus(page, name)
    wall.answers = False
    page.keyboard.press("n")
    page.keyboard.type("seen on camera 4")
    page.keyboard.press("Enter")
    until(lambda: row(page, name).get_attribute("data-sending") is not None)
    until(lambda: "no answer" in row(page, name).inner_text())
    assert row(page, name).get_attribute("data-sending") is None


@pytest.mark.parametrize(
    ("key", "action", "said"),
    [
        ("n", "note", {"why": "pump 2 runs"}),
        ("g", "assign", {"to": "pump 2 runs"}),
        ("h", "shelve", {"why": "pump 2 runs"}),
        ("e", "end", {"why": "pump 2 runs"}),
        ("p", "suppress", {"why": "pump 2 runs"}),
        ("o", "take_out", {"why": "pump 2 runs"}),
    ],
)
def test_a_form_asks_for_what_a_command_needs(open_page, wall, own, key, action, said):
    (name,) = own(1070)
    before = len(wall.commands)
    page = open_page("lang=zh")
    focus(page, name)
    page.keyboard.press(key)
    until(lambda: page.locator("#action-form").count() == 1)
    page.keyboard.press("Enter")  # nothing goes without a reason, or without a desk
    assert page.locator("#action-form").count() == 1
    page.keyboard.type("pump 2 runs")
    page.keyboard.press("Enter")
    order = wait_for_order(wall, action, after=before)
    assert said.items() <= order.items()
    until(lambda: page.locator("#action-form").count() == 0)
    until(lambda: page.locator("#toast, #undo > div").count() > 0)


@pytest.mark.parametrize(("action", "standing"), ASIDE.items())
def test_what_is_set_aside_is_off_the_list_counted_and_comes_back(open_page, wall, own, action, standing):
    (name,) = own(1080)
    page = open_page("lang=en")
    until(lambda: row(page, name).count() == 1)
    row(page, name).locator("[data-action=menu]").click()
    page.locator(f".menu [data-command={action}]").click()
    page.keyboard.type("works until noon")
    page.keyboard.press("Enter")
    page.mouse.move(5, 5)
    until(lambda: row(page, name).count() == 0)
    chip = page.locator(f"#alarm-aside [data-state={standing}]")
    until(chip.is_visible)
    assert chip.inner_text()[-1].isdigit()
    chip.click()
    until(lambda: name in shown(page))
    back = {"shelved": "unshelve", "suppressed": "lift", "out_of_service": "restore"}[standing]
    row(page, name).locator("[data-action=menu]").click()
    page.locator(f".menu [data-command={back}]").click()
    wait_for_order(wall, back)
    until(lambda: chip.is_hidden())
    page.locator("#alarm-chip").click()
    page.mouse.move(5, 5)
    until(lambda: row(page, name).count() == 1)


def test_every_alarm_can_be_reached_and_the_page_stays_small(open_page, wall, own):
    own(2000, 3000, level=4)
    page = open_page("lang=en")
    until(lambda: "3,0" in text(page, "#alarm-range"))
    page.mouse.move(1700, 500)
    before = shown(page)
    page.mouse.wheel(0, 300)
    until(lambda: shown(page) != before)
    page.mouse.move(5, 5)
    page.locator("#filter-open").click()
    page.keyboard.type("A04999")
    until(lambda: shown(page) == ["A04999"])
    page.locator("#alarm-filter input").fill("")
    page.keyboard.press("Escape")
    until(lambda: len(shown(page)) > 1)
    page.keyboard.press("j")
    page.keyboard.press("End")  # of all, not of those that have been read
    until(lambda: "–3,0" in text(page, "#alarm-range"))
    until(lambda: "A00" in shown(page)[-1])
    until(lambda: page.evaluate("document.activeElement.dataset.alarm") in shown(page))
    assert page.locator("#alarm-new").is_hidden()  # what has only been read is not new
    assert {len(number) > 2 for number in page.locator("#alarm-rows .n").all_inner_texts()} == {False}
    assert page.locator("#alarm-rows li").count() < 12
    page.keyboard.press("Escape")
    until(lambda: text(page, "#alarm-range").startswith("1–"))


def test_filters_by_level_box_matrix_cell_and_state(open_page, wall, own):
    own(1090, 2, level=3)
    page = open_page("lang=en")
    until(lambda: len(shown(page)) > 3)
    page.locator("#levels [data-level='3']").click()
    until(lambda: {one.get_attribute("data-level") for one in page.locator("#alarm-rows li").all()} == {"3"})
    assert "level III" in text(page, "#alarm-chip")
    page.locator("#levels [data-level='3']").click()
    until(lambda: page.locator("#alarm-chip").is_hidden())
    page.locator("#matrix [data-level]").first.click()
    until(lambda: page.locator("#alarm-chip").is_visible())
    until(lambda: 0 < page.locator("#alarm-rows li").count() < 9)
    page.locator("#alarm-chip").click()
    page.locator("#filter-open").click()
    page.locator("#alarm-filter select").nth(3).select_option("acknowledged")
    until(lambda: page.locator("#alarm-rows li:not([data-waiting])").count() > 0)
    until(lambda: page.locator("#alarm-rows li[data-waiting]").count() == 0)


def test_acknowledged_ones_of_level_i_stay_in_sight(open_page, wall, own):
    (name,) = own(1100, acknowledged=True, standing="acknowledged", acknowledged_by="Li")
    own(1200, 60, level=2)
    page = open_page("lang=en")
    until(lambda: row(page, name).count() == 1)
    assert row(page, name).get_attribute("data-pinned") is not None


def test_the_bar_counts_from_when_somebody_had_to_look(open_page, wall, own):
    (name,) = own(1110, waiting_since_ms=wall.feed.now_ms())
    page = open_page("lang=en")
    until(lambda: row(page, name).count() == 1)
    assert row(page, name).get_attribute("data-overdue") is None
    wall.feed.alarms[name] |= {"waiting_since_ms": wall.feed.now_ms() - 3_600_000}
    wall.run(wall.feed.change({f"a:{name}": wall.feed.alarms[name]}))
    until(lambda: row(page, name).get_attribute("data-overdue") is not None)


@pytest.mark.parametrize(("lang", "said"), [("zh", "电梯困人\n2 秒"), ("en", "People trapped in lift\n2 s")])
def test_a_reading_is_said_as_a_person_says_it(open_page, wall, own, lang, said):
    lift = {"kind": "lift_trapped", "domain": "safety", "value": 1.5, "limit": 1.0, "unit": "s"}
    (name,) = own(1120, **lift, evidence={"column": "trapped_s"})
    page = open_page(f"lang={lang}")
    until(lambda: row(page, name).count() == 1)
    assert said in row(page, name).inner_text()


def test_a_sound_for_each_incident_until_it_is_silenced(open_page, wall, own):
    own(1150, 2, incident="I1")
    page = open_page("lang=en")
    button = page.locator("#sound")
    until(lambda: button.inner_text() == "Sound: click to allow")
    page.mouse.click(5, 5)
    until(lambda: button.inner_text() == "Silence")
    until(lambda: int(page.locator("#wall").get_attribute("data-sounded") or 0) > 0)
    other = page.context.new_page()  # of the same desk
    other.goto(page.url)
    until(lambda: other.locator("#sound").count() == 1)
    other.mouse.click(5, 5)
    until(lambda: other.locator("#sound").inner_text() == "Silence")
    page.keyboard.press("s")
    until(lambda: button.inner_text() == "Sound: I")
    until(lambda: other.locator("#sound").inner_text() == "Sound: I")
    other.close()
    (third,) = own(1160, incident="I1")
    until(lambda: row(page, third).count() == 1)
    assert button.inner_text() == "Sound: I"  # of an incident that was heard
    own(1170, incident="I2")
    until(lambda: button.inner_text() == "Silence")


@pytest.mark.parametrize(("lang", "title"), [("zh", "键盘操作"), ("en", "Keys")])
def test_the_keys_are_told(open_page, lang, title):
    page = open_page(f"lang={lang}")
    page.keyboard.press("?")
    until(lambda: title in text(page, "#help"))
    assert page.locator("#help dt").count() > 15
    page.keyboard.press("Escape")
    until(lambda: page.locator("#help").count() == 0)
