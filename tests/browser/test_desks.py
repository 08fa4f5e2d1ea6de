"""A wall of a city with several desks: whoever signs on at one sees, counts and hears its own, and can see all."""

from __future__ import annotations

import dataclasses

import pytest

from streams.city.parts import Desk
from tests.browser.alarm_city import focus, row, shown, wait_for_order
from tests.browser.conftest import state
from tests.browser.test_wall import LAYOUT, settled, text
from tests.waiting import until

DESKS = (
    Desk("traffic", "交通席", "Traffic desk", domains=("traffic",)),
    Desk("rest", "公用事业席", "Utilities"),
)


@pytest.fixture
def desks(wall):
    """The city has two desks as long as the test runs."""
    city = wall.config.city
    wall.edit(dataclasses.replace(city, desks=DESKS))
    until(lambda: wall.hub.screen.view.desks)
    yield
    wall.edit(city)
    until(lambda: not wall.hub.screen.view.desks)


def sign_on(page, desk):
    page.locator("#tools .person").click()
    until(lambda: page.locator("#operator-form").is_visible())
    page.locator("#operator-who").fill("Wu Gang")
    page.locator("#operator-who").press("Tab")
    page.locator("#operator-desks").select_option(desk)
    page.locator("#operator-save").click()
    until(lambda: page.locator("#operator-form").is_hidden())


def is_shown(page, name):
    return row(page, name).count() == 1


def is_own_list(page, mine, worst):
    """A desk's own alarms, and of the others those of level I alone."""
    seen = shown(page)
    others = page.locator("#alarm-rows [data-alarm]:not([data-level='1'])").evaluate_all(
        "(all) => all.map((one) => one.dataset.alarm)"
    )
    return worst in seen and sorted(others) == sorted(mine)


def test_whoever_signs_on_at_a_desk_sees_its_list_and_every_level_i_and_may_see_all(open_page, wall, own, desks):
    mine = own(1400, 2, level=3, desk="traffic")
    own(1410, 3, level=3, desk="rest")
    (worst,) = own(1420, desk="rest")
    page = open_page("lang=en", operator=False)
    until(lambda: is_shown(page, worst))
    all_of_them = text(page, "#levels")
    assert page.locator("#operator-desk").is_hidden()
    sign_on(page, "traffic")
    until(lambda: is_own_list(page, mine, worst))
    assert text(page, "#tools .person") == "Wu Gang · Traffic desk"
    assert "2 / 2" in text(page, "#alarm-count").replace("\n", " ")
    assert "Utilities" in row(page, worst).inner_text()
    elsewhere = page.locator('#alarm-aside [data-state="elsewhere"]')
    assert elsewhere.inner_text().startswith("Other desks:")
    elsewhere.click()
    until(lambda: text(page, "#alarm-chip") == "All desks ✕")
    until(lambda: text(page, "#levels") == all_of_them)
    page.locator("#alarm-chip").click()
    until(lambda: is_own_list(page, mine, worst))
    assert text(page, "#levels") != all_of_them


def test_a_desk_hears_its_own_and_a_text_is_looked_for_at_all_desks(open_page, wall, own, desks):
    (theirs,) = own(1430, desk="rest")
    page = open_page("lang=en", operator=False)
    sign_on(page, "traffic")
    until(lambda: is_shown(page, theirs))
    page.mouse.click(5, 5)
    button = page.locator("#sound")
    until(lambda: button.inner_text() == "Sound: I")
    own(1440, desk="traffic")
    until(lambda: button.inner_text() == "Silence")
    (quiet,) = own(1450, level=4, desk="rest")
    page.locator("#filter-open").click()
    page.locator("#alarm-filter input").fill(quiet)
    until(lambda: shown(page) == [quiet])


def test_an_alarm_is_assigned_to_one_of_the_desks(open_page, wall, own, desks):
    (name,) = own(1460, level=2, desk="traffic")
    page = open_page("lang=en", operator=False)
    sign_on(page, "traffic")
    focus(page, name)
    page.keyboard.press("g")
    choice = page.locator('#action-form select[name="to"]')
    until(lambda: choice.is_visible())
    assert choice.locator("option").all_inner_texts() == ["Utilities"]
    page.locator('#action-form button[type="submit"]').click()
    sent = wait_for_order(wall, "assign", name)
    assert (sent["to"], sent["who"], sent["desk"]) == ("rest", "Wu Gang", "traffic")


@pytest.mark.parametrize(("language", "width", "height"), [("zh", 1920, 1080), ("en", 1920, 1080), ("zh", 3840, 2160)])
def test_nothing_is_cut_off_on_a_desks_wall(open_page, wall, own, desks, language, width, height):
    own(1470, 4, level=2, desk="traffic")
    own(1480, 2, desk="rest")
    page = open_page(f"lang={language}", width, height, operator=False)
    sign_on(page, "traffic")
    settled(page)
    until(lambda: state(page) == "live")
    page.locator("#filter-open").click()
    assert page.locator("#alarm-filter select").first.is_visible()
    page.locator("#filter-open").click()
    assert page.evaluate(LAYOUT)["problems"] == []
