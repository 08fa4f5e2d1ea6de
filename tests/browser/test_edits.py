"""A city that is edited while pages show it."""

from __future__ import annotations

import dataclasses

from tests.browser.conftest import state
from tests.browser.test_wall import LAYOUT, settled, text
from tests.waiting import until


def test_an_edited_city_is_drawn_anew_without_loading_the_page_again(open_page, wall):
    page = open_page("lang=en")
    settled(page)
    page.evaluate("window.loadedOnce = true")
    city = wall.config.city
    gone, kept = city.segments[0].id, city.segments[7].id
    fewer = dataclasses.replace(
        city,
        name_en="Elsewhere",
        segments=city.segments[1:],
        sensors=tuple(dataclasses.replace(one, segment=one.segment - 1) for one in city.sensors if one.segment != 0),
    )
    wall.edit(fewer)
    until(lambda: text(page, "#city-name") == "Elsewhere" and state(page) == "live")
    assert page.title() == "Elsewhere CityWall"
    until(lambda: page.locator("[data-segment]").count() == len(fewer.segments))
    assert page.locator(f'[data-segment="{gone}"]').count() == 0
    at_ms = wall.feed.now_ms() + 1000
    wall.run(wall.feed.change({f"s:{kept}": [at_ms, 3.9, 12.0, 0]}))
    segment = page.locator(f'[data-segment="{kept}"]')  # a place further up than before
    until(lambda: int(segment.get_attribute("data-at") or 0) >= at_ms)
    settled(page)
    assert page.evaluate(LAYOUT)["problems"] == []
    assert page.evaluate("window.loadedOnce") is True
