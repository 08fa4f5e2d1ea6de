"""Markers of alarms on the map, in Chromium."""

from __future__ import annotations

from tests.dashboard.fake_feed import ALARMS
from tests.waiting import until


def test_an_alarm_at_the_border_of_the_map_has_its_marker_wholly_inside(open_page, wall):
    sensors = wall.config.city.sensors
    ends = [end(sensors, key=key).id for end in (min, max) for key in (lambda one: one.lng, lambda one: one.lat)]
    names = [f"A0091{number}" for number in range(len(ends))]
    page = open_page("lang=en", 1400, 1080)  # a map as wide as its panel
    for number, entity in enumerate(ends):
        alarm = wall.feed.raise_alarm(ALARMS[1], wall.feed.now_ms() - 20_000_000, 910 + number)
        wall.run(wall.feed.change({f"a:{names[number]}": alarm | {"entity": entity}}))
    until(lambda: all(page.locator(f'[data-mark="{one}"]').count() for one in names))
    cut = page.evaluate(
        """(names) => {
            const map = document.getElementById("map-view").getBoundingClientRect();
            const outside = ({ left, top, right, bottom }) =>
                left < map.left || top < map.top || right > map.right || bottom > map.bottom;
            return names.filter((name) => {
                const mark = document.querySelector(`[data-mark="${name}"]`), at = mark.getBoundingClientRect();
                const half = parseFloat(getComputedStyle(mark, "::before").width) / 2;
                const ring = new DOMRect(at.left - half, at.top - half, 2 * half, 2 * half);
                return [ring, ...[...mark.children].map((one) => one.getBoundingClientRect())].some(outside);
            });
        }""",
        names,
    )
    wall.run(wall.feed.change({}, [f"a:{one}" for one in names]))
    assert cut == []
