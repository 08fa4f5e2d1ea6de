"""Times that cannot be meant are refused with the value and what would do, in both languages; nothing is sent."""

from __future__ import annotations

import pytest

from tests.dashboard.asking import Wall

NOW_MS = 1_800_000_000_000
"""Friday 2027-01-15T08:00:00Z, 16:00 in Duo."""
ACK = {"action": "acknowledge", "why": None}
SHELVE = {"action": "shelve"}
SUPPRESS = {"action": "suppress", "alarm": None, "scope": {"zone": "east"}}
NOW = "2027-01-15T08:00:00.000Z"


@pytest.fixture
def wall(config, monkeypatch) -> Wall:
    monkeypatch.setattr("dashboard.commands_api.wall_clock_ms", lambda: NOW_MS)
    return Wall(config)


def week(since: str, until: str) -> dict[str, dict[str, str]]:
    return {"schedule": {"from": since, "until": until}}


@pytest.mark.parametrize(
    ("order", "pointer", "en", "zh"),
    [
        (ACK | {"for": "999999d"}, "for",
         "999999d is too long: acknowledge takes at most 12h from now on; without it, it holds until the alarm rises",
         "999999d 过长：acknowledge 自此刻起至多 12h；不写时长即直到升级为止"),
        (ACK | {"until": "2027-01-15T20:00:01Z"}, "until",
         "2027-01-15T20:00:01+00:00 is too long: acknowledge takes at most 12h from now on; "
         "without it, it holds until the alarm rises",
         "2027-01-15T20:00:01+00:00 过长：acknowledge 自此刻起至多 12h；不写时长即直到升级为止"),
        (SHELVE | {"for": "0m"}, "for", "0m is no time: write how long, as 30m", "0m 没有长度：请写时长，如 30m"),
        (SHELVE | {"until": "2027-01-15T08:00:00Z"}, "until",
         f"2027-01-15T08:00:00+00:00 is over: it is {NOW} in the city; name a later time",
         f"2027-01-15T08:00:00+00:00 已过：城市当前时间为 {NOW}，请写之后的时间"),
        (SUPPRESS | {"until": "2027-01-15T07:00:00Z"}, "until",
         f"2027-01-15T07:00:00+00:00 is over: it is {NOW} in the city; name a later time",
         f"2027-01-15T07:00:00+00:00 已过：城市当前时间为 {NOW}，请写之后的时间"),
        (SUPPRESS | {"for": "367d"}, "for",
         "367d is too long: suppress takes at most 366d from now on; take what is not in use out of service (take_out)",
         "367d 过长：suppress 自此刻起至多 366d；长期不用请停用（take_out）"),
        (SUPPRESS | {"until": "2028-01-16T08:00:01Z"}, "until",
         f"2028-01-16T08:00:01+00:00 is too far off: it is {NOW} in the city; name a time within 366d of it",
         f"2028-01-16T08:00:01+00:00 过远：城市当前时间为 {NOW}，请写相距 366d 以内的时间"),
        (SUPPRESS | {"from": "1969-01-01T00:00:00Z", "until": "2027-01-16T08:00:00Z"}, "from",
         f"1969-01-01T00:00:00+00:00 is too far off: it is {NOW} in the city; name a time within 366d of it",
         f"1969-01-01T00:00:00+00:00 过远：城市当前时间为 {NOW}，请写相距 366d 以内的时间"),
        (SUPPRESS | {"from": "2027-02-01T00:00:00Z", "until": "2027-02-01T00:00:00Z"}, "from",
         "2027-02-01T00:00:00+00:00 is not before the end, 2027-02-01T00:00:00.000Z: begin earlier or end later",
         "2027-02-01T00:00:00+00:00 不早于结束时间 2027-02-01T00:00:00.000Z：请提前开始或推迟结束"),
        (SUPPRESS | {"from": "2027-01-15T09:00:00Z", "for": "1h"}, "from",
         "2027-01-15T09:00:00+00:00 is not before the end, 2027-01-15T09:00:00.000Z: begin earlier or end later",
         "2027-01-15T09:00:00+00:00 不早于结束时间 2027-01-15T09:00:00.000Z：请提前开始或推迟结束"),
        (SUPPRESS | week("fri 18:00", "fri 18:00"), "schedule",
         "`from` and `until` are both fri 18:00, with no time between: name two moments, or take_out for all day",
         "`from` 与 `until` 同为 fri 18:00，其间没有时间：请写两个不同的时刻；全天不用请停用（take_out）"),
        (SUPPRESS | week("fri 18:00", "20:00"), "schedule",
         "Of fri 18:00 and 20:00 one names a day: name one in both or in none",
         "fri 18:00 与 20:00 只有一个写了星期：请都写或都不写"),
        (SUPPRESS | week("mon 08:00", "mon 09:00") | {"until": "2027-01-18T00:00:00Z"}, "schedule",
         "mon 08:00 until mon 09:00 never comes between the two ends: widen `from`, `until` or `for`",
         "mon 08:00 至 mon 09:00 在给定的起止之间从不出现：请放宽 `from`、`until` 或 `for`"),
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_meant_is_refused_and_told_why(wall, order, pointer, en, zh):
    for language, said in (("en", en), ("zh", zh)):
        answer = wall.give(language=language, **order)
        assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": f"/body/{pointer}", "detail": said}])
    assert wall.sent == []


@pytest.mark.parametrize(
    "order",
    [
        ACK | {"for": "12h"},
        ACK | {"until": "2027-01-15T20:00:00Z"},
        SHELVE | {"for": "720m"},
        SUPPRESS | {"for": "366d"},
        SUPPRESS | {"until": "2028-01-16T08:00:00Z"},
        SUPPRESS | {"from": "2027-01-14T00:00:00Z", "until": "2027-01-15T08:00:01Z"},
        SUPPRESS | week("22:00", "06:00"),
        SUPPRESS | week("fri 18:00", "sun 18:00") | {"from": "2027-02-01T00:00:00Z"},
        # Monday 08:00 in Duo is Monday 00:00 UTC
        SUPPRESS | week("mon 08:00", "mon 09:00") | {"until": "2027-01-18T00:00:01Z"},
    ],
)
def test_what_is_just_within_the_bounds_is_sent(wall, order):
    answer = wall.give(**order)
    assert (answer.status_code, len(wall.sent)) == (202, 1), answer.text


def test_a_shelf_that_no_role_may_put_up_is_refused_with_the_longest_that_one_may(wall):
    for order in ({"for": "13h"}, {"until": "2027-01-15T21:00:00Z"}):
        answer = wall.give(**SHELVE, **order)
        assert (answer.status_code, answer.json()["type"], wall.sent) == (403, "urn:citywall:problem:role", [])
        given = order.get("for") or "2027-01-15T21:00:00+00:00"
        assert answer.json()["detail"] == (
            f"{given} is too long: shelve takes at most 12h from now on; "
            "take what is not in use out of service (take_out). No role may do it for longer."
        )


@pytest.mark.parametrize("field", ["who", "desk", "to", "alarm", "key", "why"])
def test_a_text_with_what_nobody_can_see_is_refused(wall, field):
    said = {"en": "It holds characters that nobody can see: leave them out", "zh": "含有看不见的字符，请去掉"}
    for text in ("Li\u0000", "\u200bLi", "\u202eiL", "a\u2028b"):
        for language, detail in said.items():
            answer = wall.give(language=language, **{"action": "escalate", "to": "3"} | {field: text})
            assert answer.json()["errors"] == [{"pointer": f"/body/{field}", "detail": detail}]
    assert wall.sent == []


def test_an_id_of_blanks_is_refused_and_a_note_may_have_lines(wall):
    assert wall.give(alarm="  ").json()["errors"] == [
        {"pointer": "/body/alarm", "detail": "It is blank: write something"}
    ]
    for text in ("\u2800", "\u3164 \uffa0"):  # letters without a shape
        assert wall.give(who=text).json()["errors"][0]["pointer"] == "/body/who"
    assert wall.give(why="pump 2 runs\n\tsince 08:00").status_code == 202
