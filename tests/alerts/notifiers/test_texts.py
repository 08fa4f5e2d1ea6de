"""What messages say, and that they fit: by each channel, whatever the flood (peer bug A22)."""

import json
from types import SimpleNamespace

import pytest

from alerts.notifiers import channels, texts
from alerts.notifiers.channels import Answer, channel
from alerts.notifiers.dispatch import written
from alerts.notifiers.verdicts import Failed, Retry, Sent
from tests.alerts.notifiers.telling import NOW_MS, SETTING, Telling, route

DOCUMENTED_BYTES = {"wecom": 2_048, "dingtalk": 20_000, "feishu": 20_000}
"""Of the text for WeCom, of the body for the others: as their documentation says."""
SIGNING = "SEC1"
MADE = [name for name in channels.names() if channel(name).request]


def flood(of, **more):
    telling = Telling(route(channel=of, **more))
    for number in range(500):
        telling.alarm(
            number=number,
            incident="i1",
            level=2 if number == 77 else 3,
            under=None if number == 300 else {"of": "a300"},
        )
    telling.wait(6)
    ((_, letter, _),) = telling.sent
    return telling.routes["duty"], letter


@pytest.mark.parametrize("of", channels.names())
@pytest.mark.parametrize("language", ["zh", "en", "both"])
def test_500_alarms_are_one_message_that_fits_worst_and_cause_first(of, language):
    one, letter = flood(of, language=language)
    draft, named = written(one, SETTING, letter)
    assert len(draft.text.encode()) <= channel(of).limit_bytes
    lines = draft.text.splitlines()
    head = f"柳江市：500 条报警，列出 {named} 条" if language != "en" else f"Liujiang: 500 alarms, {named} named"
    assert lines[0] == head
    assert named > 0
    assert ("下穿" if language != "en" else "Wangjiang Road underpass") in lines[1]
    assert "u77" in lines[1]
    assert "u300" in lines[2] or named == 1
    assert "https://wall.example/" in draft.text
    assert draft.id in draft.text
    assert "�" not in draft.text
    assert draft.text.encode().decode() == draft.text


@pytest.mark.parametrize("of", MADE)
def test_what_is_posted_is_within_what_the_service_takes(of):
    one, letter = flood(of, secret=SIGNING)
    draft, _ = written(one, SETTING, letter)
    request = channel(of).request(one, draft, NOW_MS)
    body = json.loads(request.body)
    if of == "wecom":
        assert len(body["text"]["content"].encode()) <= DOCUMENTED_BYTES[of]
    elif of in DOCUMENTED_BYTES:
        assert len(request.body) <= DOCUMENTED_BYTES[of]
    assert draft.text in (body.get("text"), body.get("text", {}) if of == "webhook" else body, *said(body))


def said(body):
    return [one.get("content") or one.get("text") for one in body.values() if isinstance(one, dict)]


def test_more_of_level_i_than_a_message_can_name_are_several_messages_that_name_all():
    telling = Telling(route(channel="wecom"))
    for number in range(60):
        telling.alarm(number=number, level=1, incident="i1")
    telling.wait(1)
    assert len(telling.sent) > 1
    named = 0
    for _, letter, _ in telling.sent:
        _, fits = written(telling.routes["duty"], SETTING, letter)
        assert fits == len(letter.items)
        named += fits
    assert named == 60


def test_a_text_is_never_cut_within_a_character():
    for limit in range(3, 40):
        found = texts.cut("积水𠮷很深" * 3, limit)
        assert len(found.encode()) <= limit
        assert "�" not in found


def test_both_languages_say_the_same_things():
    words = texts._words()
    assert words["zh"].keys() == words["en"].keys()


@pytest.mark.parametrize("of", channels.names())
def test_nothing_of_a_drill_looks_real(of):
    _, letter = flood(of)
    drill = SETTING._replace(drill=True)
    draft, _ = texts.draft(letter, drill, "both", channel(of).limit_bytes)
    assert draft.subject.startswith("【演练】")
    assert "[EXERCISE]" in draft.subject
    zh, en = draft.text.split("\n\n")
    assert [line for line in zh.splitlines()[:-3] if not line.startswith("【演练】")] == []
    assert [line for line in en.splitlines()[:-3] if not line.startswith("[EXERCISE]")] == []
    assert draft.values["exercise"] is True


@pytest.mark.parametrize(
    ("of", "status", "body", "verdict"),
    [
        ("wecom", 200, {"errcode": 0}, Sent()),
        ("wecom", 200, {"errcode": -1}, Retry("server_error", detail="errcode -1")),
        ("wecom", 200, {"errcode": 45009}, Retry("rate_limited", 60.0, "errcode 45009")),
        ("wecom", 200, {"errcode": 45033}, Retry("rate_limited", 60.0, "errcode 45033")),
        ("wecom", 200, {"errcode": 93000}, Failed("not_found", "errcode 93000")),
        ("wecom", 200, {"errcode": 93004}, Failed("not_found", "errcode 93004")),
        ("wecom", 200, {"errcode": 40008}, Failed("refused", "errcode 40008")),
        ("wecom", 502, {"errcode": 0}, Retry("server_error", 0.0, "HTTP 502")),
        ("dingtalk", 200, {"errcode": 310000}, Failed("unauthorised", "errcode 310000")),
        ("dingtalk", 200, {"errcode": 300005}, Failed("unauthorised", "errcode 300005")),
        ("dingtalk", 200, {"errcode": 400102}, Failed("not_found", "errcode 400102")),
        ("dingtalk", 200, {"errcode": 130101}, Retry("rate_limited", 60.0, "errcode 130101")),
        ("dingtalk", 200, {"errcode": 410100}, Retry("rate_limited", 60.0, "errcode 410100")),
        ("dingtalk", 200, {"errcode": 430104}, Failed("refused", "errcode 430104")),
        ("dingtalk", 200, {"status": 1111, "wait": 5, "punish": "deny"}, Retry("not_confirmed")),
        ("feishu", 200, {"code": 19021}, Failed("unauthorised", "code 19021")),
        ("feishu", 400, {"code": 19021}, Failed("unauthorised", "code 19021")),
        ("feishu", 400, {"code": 99991400}, Retry("rate_limited", 60.0, "code 99991400")),
        ("feishu", 429, {"code": 99991400}, Retry("rate_limited", 7.0, "HTTP 429")),
        ("feishu", 400, {"code": 0}, Retry("not_confirmed")),
        ("feishu", 400, "<html>", Failed("refused", "HTTP 400")),
        ("feishu", 200, {"code": 0}, Sent()),
        ("feishu", 200, {"Extra": None, "StatusCode": 0, "StatusMessage": "success"}, Sent()),
        ("feishu", 200, {"code": 9499, "StatusCode": 0}, Failed("refused", "code 9499")),
        ("feishu", 200, {"code": True}, Retry("not_confirmed")),
        ("feishu", 200, {"code": 9499}, Failed("refused", "code 9499")),
        ("feishu", 200, "<html>", Retry("not_confirmed")),
        ("webhook", 204, None, Sent()),
        ("webhook", 404, None, Failed("not_found", "HTTP 404")),
        ("webhook", 403, None, Failed("unauthorised", "HTTP 403")),
        ("webhook", 302, None, Failed("not_found", "HTTP 302")),
        ("webhook", 308, None, Failed("not_found", "HTTP 308")),
        ("webhook", 405, None, Failed("not_found", "HTTP 405")),
        ("webhook", 413, None, Failed("refused", "HTTP 413")),
        ("webhook", 500, None, Retry("server_error", 0.0, "HTTP 500")),
        ("webhook", 429, None, Retry("rate_limited", 7.0, "HTTP 429")),
    ],
)
def test_an_answer_is_taken_for_what_it_means(of, status, body, verdict):
    answer = Answer(status, {"retry-after": "7"} if status == 429 else {}, json.dumps(body).encode())
    assert channel(of).verdict(answer, NOW_MS) == verdict


@pytest.mark.parametrize("status", [400, 429])
def test_feishu_says_in_a_header_of_its_own_how_long_to_wait(status):
    answer = Answer(status, {"X-Ogw-Ratelimit-Reset": "52"}, b'{"code": 99991400}')
    found = channel("feishu").verdict(answer, NOW_MS)
    assert (found.reason, found.after_s) == ("rate_limited", 52.0)


def test_retry_after_may_be_a_date():
    answer = Answer(503, {"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT"}, b"")
    assert channel("webhook").verdict(answer, 1_700_000_000_000) == Retry("server_error", 60.0, "HTTP 503")


@pytest.mark.parametrize("said", ["9" * 400, "31536000", "Mon, 1 Jan 9999 00:00:00 GMT"])
def test_no_receiver_can_keep_messages_back_for_more_than_an_hour(said):
    answer = Answer(429, {"Retry-After": said}, b"")
    assert channel("webhook").verdict(answer, NOW_MS) == Retry("rate_limited", 3600.0, "HTTP 429")


@pytest.mark.parametrize("said", ["", "soon", "Mon, 99999999999999999999 Nov 2023 22:14:20 GMT", "-5"])
def test_a_retry_after_that_nobody_understands_is_none(said):
    answer = Answer(429, {"Retry-After": said}, b"")
    assert channel("webhook").verdict(answer, NOW_MS) == Retry("rate_limited", 0.0, "HTTP 429")


def test_an_answer_of_brackets_is_no_answer_of_a_robot():
    assert channel("wecom").verdict(Answer(200, {}, b"[" * 60_000), NOW_MS) == Retry("not_confirmed")


def test_signatures_are_those_of_the_documentation():
    draft = SimpleNamespace(text="x", id="1", subject="", values={})
    one = route(channel="dingtalk", secret=SIGNING)
    # printf '1700000000000\nSEC1' | openssl dgst -sha256 -hmac SEC1 -binary | base64
    assert channel("dingtalk").request(one, draft, NOW_MS).url.endswith("sign=" + DINGTALK_SIGN)
    body = json.loads(channel("feishu").request(one, draft, NOW_MS).body)
    # printf '' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf '1700000000\nSEC1' | xxd -p) -binary | base64
    assert body["sign"] == FEISHU_SIGN
    assert body["timestamp"] == "1700000000"


DINGTALK_SIGN = "ukR4%2BWoOOBTGaOauYqugxVrMSFyr92q4hPxJxuOkiio%3D"
FEISHU_SIGN = "s3Va4ru9IQUY6HTJcYx7OEVyXl0V0S/y32v4ZbfOHCI="


def test_a_combination_says_which_rules_stand_and_where():
    telling = Telling(route(language="both"))
    telling.alarm(kind="heat", value=2.0, evidence={"stands:rain_heavy": "u1", "stands:underpass_flooding": "u2"})
    telling.wait(6)
    ((_, letter, _),) = telling.sent
    text = written(telling.routes["duty"], SETTING, letter)[0].text
    assert "（望江路u1下穿 强降雨；望江路u2下穿 下穿通道积水），" in text
    assert " (Heavy rain at Wangjiang Road underpass u1; Underpass flooding at Wangjiang Road underpass u2), " in text


@pytest.mark.parametrize(
    ("evidence", "row", "zh", "en"),
    [
        (
            {"column": "chlorine_mg_l", "of": "absence"},
            (600.0, 600.0, "s"),
            "已 10 分钟无读数，限 10 分钟",
            "no reading for 10 min, limit 10 min",
        ),
        (
            {"column": "pressure_mpa", "of": "deviation"},
            (-0.06, -0.05, "MPa"),
            "比常态低 0.06 MPa，限 0.05",
            "0.06 MPa below usual, limit 0.05",
        ),
        ({"column": "load_ratio"}, (1.05, 1.0, ""), "105%，限 100%", "105%, limit 100%"),
        ({"column": "density_per_m2"}, (4.2, 4.0, "1/m²"), "4.2 人/m²，限 4", "4.2 per m², limit 4"),
        (
            {"column": "level_m", "of": "count", "over_s": 600.0},
            (4.0, 3.0, ""),
            "最近 10 分钟内超限 4 分钟，限 3 分钟",
            "beyond it for 4 min of the last 10 min, limit 3 min",
        ),
    ],
)
def test_a_message_says_a_value_as_the_wall_does(evidence, row, zh, en):
    """A duration in minutes, a share in percent, what is counted by name."""
    telling = Telling(route(language="both"))
    telling.alarm(**dict(zip(("value", "limit", "unit"), row, strict=True)), evidence=evidence)
    telling.wait(6)
    ((_, letter, _),) = telling.sent
    text = written(telling.routes["duty"], SETTING, letter)[0].text
    assert f"，{zh}，" in text
    assert f", {en}, " in text
