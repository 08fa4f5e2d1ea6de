"""Alarms of a test's own on a fake wall, first in the order, and what the page shows of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.dashboard.fake_feed import ALARMS
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.dashboard.fake_wall import FakeWall

LONG_AGO_MS = 50_000_000
ROWS = "[...document.querySelectorAll('#alarm-rows [data-alarm]')].map((row) => row.dataset.alarm)"


def put(wall: FakeWall, number: int, count: int = 1, **changed: Any) -> list[str]:
    """Raise alarms that stand before all others of their level, in the order of their numbers; level I by default."""
    fields = {}
    for one in range(number, number + count):
        alarm = wall.feed.raise_alarm(ALARMS[1], wall.config.started_ms - LONG_AGO_MS + one, one)
        fields[f"a:{alarm['id']}"] = alarm | changed
        wall.feed.alarms[alarm["id"]] = fields[f"a:{alarm['id']}"]
    for start in range(0, len(fields), 2000):
        wall.run(wall.feed.change(dict(list(fields.items())[start : start + 2000])))
    return [field[2:] for field in fields]


def drop(wall: FakeWall, names: list[str]) -> None:
    """Close alarms: they leave the live state."""
    for name in names:
        wall.feed.alarms.pop(name, None)
    for start in range(0, len(names), 2000):
        wall.run(wall.feed.change({}, tuple(f"a:{name}" for name in names[start : start + 2000])))


def row(page: Page, name: str) -> Locator:
    return page.locator(f'#alarm-rows [data-alarm="{name}"]')


def shown(page: Page) -> list[str]:
    """Return the ids of the rows in sight, from above."""
    found: list[str] = page.evaluate(ROWS)
    return found


def focus(page: Page, name: str) -> None:
    until(lambda: row(page, name).count() == 1)
    row(page, name).focus()


def orders(wall: FakeWall) -> list[dict[str, Any]]:
    """Return the commands that reached the engine."""
    return [json.loads(one) for one in wall.commands]


def wait_for_order(wall: FakeWall, action: str, name: str | None = None, after: int = 0) -> dict[str, Any]:
    """Return the newest such command, once there is one behind so many."""

    def found() -> list[dict[str, Any]]:
        sent = orders(wall)[after:]
        return [one for one in sent if one["action"] == action and (name is None or one.get("alarm") == name)]

    until(lambda: bool(found()))
    return found()[-1]
