"""Who sits at a browser: asked once, shown at once, and the work goes on where it was."""

import json

from tests.browser.test_wall import settled, text
from tests.waiting import until


def test_a_browser_asks_once_who_sits_there(open_page, wall):
    page = open_page("lang=en", operator=False)
    settled(page)
    name = page.locator("[data-alarm][data-waiting]").first.get_attribute("data-alarm")
    page.locator(f'[data-alarm="{name}"] [data-action="acknowledge"]').click()
    page.locator("#operator-save").click()
    until(lambda: "Please give a name" in text(page, "#operator-error"))
    page.locator("#operator-who").fill("Wu Gang")
    page.locator("#operator-desk").fill("7")
    page.locator("#operator-desk").press("Tab")
    page.locator("#operator-save").click()
    until(lambda: wall.commands and json.loads(wall.commands[-1])["alarm"] == name)
    assert json.loads(wall.commands[-1])["who"] == "Wu Gang"
    until(lambda: page.locator("#operator-form").is_hidden())
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("a")  # nobody is asked again
    until(lambda: json.loads(wall.commands[-1])["alarm"] != name)
    assert page.locator("#operator-form").is_hidden()


def test_who_signs_on_over_a_command_is_in_the_header_at_once_and_back_at_the_row(open_page, wall):
    wall.commands.clear()
    page = open_page("lang=en", operator=False)
    settled(page)
    page.keyboard.press("j")
    focused = "document.activeElement.closest('[data-alarm]')?.dataset.alarm"
    row = page.evaluate(focused)
    for keys in ("a", "Wu Gang", "Tab", "7", "Enter"):
        (page.keyboard.press if keys in ("a", "Tab", "Enter") else page.keyboard.type)(keys)
    until(lambda: text(page, "#person") == "Wu Gang · 7")
    until(lambda: wall.commands)
    assert (page.evaluate(focused), json.loads(wall.commands[-1])["alarm"]) == (row, row)
    page.locator("#person").click()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "person"
