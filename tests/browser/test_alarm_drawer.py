"""The drawer of an alarm in Chromium: it follows its alarm, and commands nothing from a picture that stands still."""

from __future__ import annotations

import pytest

from alerts.rules.record import RECORD
from alerts.rules.shipped import shipped
from streams.contract.alarm_events import AlarmEvent
from tests.browser.alarm_city import drop, focus, row, shown
from tests.browser.conftest import state
from tests.browser.test_wall import text
from tests.waiting import until


def test_enter_opens_the_drawer_which_follows_its_alarm(open_page, wall, own):
    (name,) = own(1130)
    page = open_page("lang=en")
    focus(page, name)
    page.keyboard.press("Enter")
    until(lambda: "What to do" in text(page, "#drawer-facts"))
    assert page.locator("#drawer").is_visible()
    for word in ("Cause", "Consequence", "Action", "Respond within", "Owner", "Course"):
        assert word in text(page, "#drawer-facts")
    page.locator("#drawer [data-command=acknowledge]").click()
    until(lambda: "acknowledged" in text(page, "#drawer-facts") and "李娜" in text(page, "#drawer-facts"))
    until(lambda: page.locator("#drawer [data-command=acknowledge]").count() == 0)
    until(page.locator("#drawer [data-command=unacknowledge]").is_enabled)
    drop(wall, [name])
    until(lambda: "No longer in the list" in text(page, "#drawer-head"))
    assert page.locator("#drawer [data-command]").count() == 0
    assert "What to do" in text(page, "#drawer-facts")


@pytest.mark.parametrize(
    ("lang", "other", "words"),
    [
        ("en", "zh", ("It has ended", "end · 王强 · 3 · nothing there", "What to do", "Level")),
        ("zh", "en", ("已结束", "人工结束 · 王强 · 3 · nothing there", "处置规程", "级别")),
    ],
)
def test_a_drawer_whose_alarm_ends_can_be_read_on(open_page, wall, own, lang, other, words):
    (name,) = own(1135 if lang == "en" else 1136)
    page = open_page(f"lang={lang}")
    focus(page, name)
    page.keyboard.press("Enter")
    until(lambda: words[2] in text(page, "#drawer-facts"))
    until(lambda: page.locator("#drawer-chart path.line").count() > 0)
    lines = page.locator("#drawer-chart path.line").count()
    alarm = wall.feed.alarms[name]
    at_ms = alarm["raised_at_ms"] + 60_000
    drop(wall, [name])
    of = {name: alarm[name] for name in ("kind", "entity", "zone", "domain")}
    by = {"who": "王强", "desk": "3"}
    steps = (("closed", {}), ("end", by | {"why": "nothing there", "outcome": "done"}), ("raised", {}))
    history = wall.config.history
    history.events = [
        AlarmEvent(alarm=name, seq=9 - one, place=0, at_ms=at_ms - one, what=what, **of, **more)
        for one, (what, more) in enumerate(steps)
    ]
    changed_by = by | {"what": "end", "at_ms": at_ms - 1}
    history.ended = [alarm | {"closed": True, "ended_by": by["who"], "changed_by": changed_by}]
    until(lambda: words[0] in text(page, "#drawer-head"))
    for one in words[1:]:
        assert one in text(page, "#drawer-facts"), one
    assert page.locator("#drawer .course dt").count() == len(steps)
    assert page.locator("#drawer [data-command]").count() == 0
    assert page.locator("#drawer-chart path.line").count() == lines > 0
    seen, below = (page.locator(one).bounding_box() for one in ("#drawer-facts .course dd >> nth=-1", "#drawer"))
    assert seen["y"] + seen["height"] <= below["y"] + below["height"]  # the chart leaves room for all of it
    page.locator("#tools button").last.click()
    until(lambda: {"zh": "已结束", "en": "It has ended"}[other] in text(page, "#drawer-head"))
    until(lambda: {"zh": "人工结束", "en": "end · 王强"}[other] in text(page, "#drawer-facts"))


def test_the_drawer_follows_an_alarm_that_is_far_down_the_list(open_page, wall, own):
    names = own(1400, 30)
    page = open_page("lang=zh")
    page.locator("#filter-open").click()
    page.keyboard.type(names[-1])
    until(lambda: shown(page) == [names[-1]])
    page.keyboard.press("Enter")
    focus(page, names[-1])
    page.keyboard.press("Enter")
    until(lambda: "处置规程" in text(page, "#drawer-facts"))
    wall.feed.alarms[names[-1]] |= {"assigned_to": "7 号台", "revision": 2}  # no count and no row of the head changes
    wall.run(wall.feed.change({f"a:{names[-1]}": wall.feed.alarms[names[-1]]}))
    until(lambda: "7 号台" in text(page, "#drawer-facts"))
    until(lambda: "7 号台" in row(page, names[-1]).inner_text())


def test_nothing_is_commanded_from_a_picture_that_stands_still(open_page, wall, own):
    name, alike = own(1140, 2)
    page = open_page("lang=en")
    button = page.locator("#drawer [data-command=acknowledge]")
    for one in (alike, name):  # the second offers what the first did
        focus(page, one)
        page.keyboard.press("Enter")
        until(lambda one=one: one in text(page, "#drawer-facts"))
        until(lambda: button.count() == 1 and button.is_enabled())
    wall.feed.dead.add("alarms")
    until(lambda: state(page) == "stale")
    assert "The alarm engine is silent" in text(page, "#strip")
    until(button.is_disabled)
    assert "grayscale" in page.evaluate("getComputedStyle(document.getElementById('drawer')).filter")
    sent = len(wall.commands)
    page.keyboard.press("a")
    assert len(wall.commands) == sent
    wall.feed.dead.clear()
    until(lambda: state(page) == "live" and button.is_enabled())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_record_of_every_rule_fits_the_drawer(open_page, wall, own, lang):
    (name,) = own(1180, evidence={"column": "depth_cm", "sense": "above", "usual_km_h": 40.0, "ratio": 0.4})
    page = open_page(f"lang={lang}")
    until(lambda: row(page, name).count() == 1)
    row(page, name).click()
    until(lambda: page.locator("#drawer-facts dl").count() == 4)
    parts = ("cause", "consequence", "action")
    records = {kind: [rule[RECORD][part][lang] for part in parts] for kind, rule in shipped().items()}
    cut = page.evaluate(
        """(records) => Object.entries(records).filter(([, texts]) => {
            const [, record, , course] = document.querySelectorAll("#drawer-facts dl");
            texts.forEach((text, index) => (record.querySelectorAll("dd")[index].textContent = text));
            const [when, what] = course.children;
            while (course.children.length < 12) course.append(when.cloneNode(true), what.cloneNode(true));
            const facts = document.getElementById("drawer-facts"), drawer = document.getElementById("drawer");
            const [inner, outer] = [facts, drawer].map((one) => one.getBoundingClientRect());
            return facts.scrollHeight > facts.clientHeight + 1 || inner.bottom > outer.bottom;
        }).map(([kind]) => kind)""",
        records,
    )
    assert cut == []
