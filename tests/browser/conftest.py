"""A wall on the sample city, and pages that watch for all that a strict policy or a careful browser complains about."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.dashboard.fake_wall import FakeWall
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

OPERATOR = '{"who":"李娜","desk":"2 号台"}'


@pytest.fixture(scope="module")
def wall() -> Iterator[FakeWall]:
    with FakeWall() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, wall: FakeWall) -> Iterator[Callable[..., Page]]:
    """Open the wall live, in a browser of its own; at the end, nothing may have been complained about."""
    contexts, complaints = [], []

    def open_(query: str = "lang=zh", width: int = 1920, height: int = 1080, operator: bool = True) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda request: complaints.append(request.url) if not request.url.startswith(wall.url) else None
        )
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        if operator:
            page.add_init_script(f"localStorage.setItem('citywall-operator', '{OPERATOR}')")
        page.goto(f"{wall.url}/?{query}")
        until(lambda: state(page) == "live")
        return page

    yield open_
    for context in contexts:
        with contextlib.suppress(Exception):
            context.close()
    wall.as_at_first()
    assert [one for one in complaints if "WebSocket" not in one] == []


@pytest.fixture
def own(wall: FakeWall) -> Iterator[Callable[..., list[str]]]:
    """Raise alarms of this test, which are gone behind it."""
    from tests.browser.alarm_city import drop, put  # that module needs this one

    made: list[str] = []

    def raise_(number: int, count: int = 1, **changed: object) -> list[str]:
        names = put(wall, number, count, **changed)
        made.extend(names)
        return names

    yield raise_
    wall.answers = True
    drop(wall, made)


def state(page: Page) -> str:
    return page.evaluate("document.documentElement.dataset.state")


def later(page: Page, seconds: int) -> None:
    """Have so much time pass on the page's clock at once."""
    page.evaluate(
        "(ms) => { const now = performance.now.bind(performance); performance.now = () => now() + ms; }", seconds * 1000
    )
