"""A page or machine that slept, in Chromium: stale at once, live again without a reload; no motion who wants none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.browser.alarm_city import row
from tests.browser.test_wall import settled
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEN_MINUTES_MS = 600_000
WATCH = """(ms) => {
    const real = Date.now.bind(Date), root = document.documentElement;
    window.slept = { states: [], sounded: null };
    window.sleepOn = () => {
        Date.now = () => real() + ms;
        window.slept.sounded = document.getElementById("wall").dataset.sounded ?? "0";
        const seen = new MutationObserver(() => window.slept.states.push(root.dataset.state));
        seen.observe(root, { attributeFilter: ["data-state"] });
    };
}"""
COUNT = "document.getElementById('wall').dataset.sounded ?? '0'"
MOVING = "document.getAnimations().filter((one) => one.playState === 'running').length"


def slept(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("window.slept")
    return found


def awake_again(page: Page) -> None:
    """Wait until the page has said that it was stale, and is live, in the same document."""
    until(lambda: slept(page)["states"][-1:] == ["live"] and "stale" in slept(page)["states"])
    assert slept(page)["states"][0] == "stale"


def test_a_page_that_was_frozen_is_stale_at_once_and_sounds_not_for_what_others_saw_to(open_page, wall, own):
    page = open_page("lang=en")
    settled(page)
    page.mouse.click(5, 5)
    until(lambda: page.locator("#sound").inner_text() == "Silence")
    page.keyboard.press("s")
    (name,) = own(1500)
    until(lambda: row(page, name).count() == 1)
    until(lambda: page.locator("#sound").inner_text() == "Silence")
    page.evaluate(WATCH, TEN_MINUTES_MS)
    line, paused = page.context.new_cdp_session(page), list[dict[str, Any]]()
    line.on("Debugger.paused", lambda event: paused.append(event))
    line.send("Debugger.enable")
    line.send("Debugger.pause")  # a page in sight is never frozen: its timers and messages stand still as well so
    until(lambda: line.send("Runtime.getIsolateId") and paused)
    taken = {"acknowledged": True, "acknowledged_by": "Wu", "standing": "acknowledged", "revision": 2}
    wall.feed.alarms[name] |= taken
    wall.run(wall.feed.change({f"a:{name}": wall.feed.alarms[name]}))
    seq = wall.hub.seq
    until(lambda: wall.hub.seq > seq + 6)
    frame = paused[0]["callFrames"][0]["callFrameId"]
    line.send("Debugger.evaluateOnCallFrame", {"callFrameId": frame, "expression": "window.sleepOn()"})
    line.send("Debugger.disable")
    awake_again(page)
    until(lambda: page.locator("#sound").inner_text() == "Sound: I")
    assert page.evaluate(COUNT) == slept(page)["sounded"]
    assert "Wu" in row(page, name).inner_text()


def test_a_machine_whose_clock_alone_went_on_is_stale_at_once_and_opens_another_line(open_page, wall):
    page = open_page("lang=zh")
    settled(page)
    page.evaluate(WATCH, TEN_MINUTES_MS)
    page.evaluate("window.sleepOn()")
    awake_again(page)
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_nothing_moves_for_those_who_want_no_motion(open_page, wall, own):
    own(1510)
    page = open_page("lang=en")
    until(lambda: page.evaluate(MOVING) > 0)  # the halo of what waits
    page.emulate_media(reduced_motion="reduce")
    until(lambda: page.evaluate(MOVING) == 0)
    halo = "getComputedStyle(document.querySelector('.mark-1[data-waiting]'), '::before')"
    assert page.evaluate(f"{halo}.animationName") == "none"
