"""Routes in the settings: every problem told, no secret shown."""

import pytest

from deploy.config import settings


def written(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


ROUTE = (
    '[[notifiers.routes]]\nname = "duty"\nchannel = "wecom"\nurl = "https://qyapi.weixin.qq.com/send?key=topsecret"\n'
)


def test_nothing_leaves_the_building_by_default():
    assert settings.load(None, {}).notifiers.routes == ()


def test_a_routes_address_and_key_are_shown_nowhere(tmp_path):
    path = written(tmp_path, f'{ROUTE}secret = "alsosecret"\n')
    found = settings.load(path, {})
    assert found.notifiers.routes[0].url.endswith("topsecret")
    shown = settings.masked(found) + repr(found)
    assert "secret" not in shown.replace("secret =", "")
    assert 'name = "duty"' in shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ROUTE + "per_minute = 0\n", "route duty: per_minute: a whole number from 1 is needed, not 0"),
        (ROUTE + "levl = 1\n", "route duty: levl: there is no such key; the nearest is 'level'"),
        (ROUTE + ROUTE, "route duty: there are several of this name"),
        (
            ROUTE.replace("wecom", "wecm"),
            "duty: channel: one of apprise, dingtalk, email, feishu, webhook, wecom is",
        ),
        (
            ROUTE.replace("https:", "htps:"),
            "duty: url: an address that begins with https:// or http:// is needed",
        ),
        (ROUTE.replace('url = "https://qyapi.weixin.qq.com/send?key=topsecret"', "url = 7"), "route duty: url: a text"),
        (ROUTE.replace(".com/", ".com:99999/"), "duty: url: a port of 1 to 65535 is needed"),
        (ROUTE.replace("qyapi.weixin.qq.com", ""), "duty: url: a host is needed"),
        (ROUTE.replace("/send?", "/ send?"), "duty: url: an address without blanks and line ends is needed"),
        (ROUTE + 'fallback = "duty"\n', "route duty: fallback: the name of another route is needed, not 'duty'"),
        (
            ROUTE + 'fallback = "b"\n' + ROUTE.replace('"duty"', '"b"') + 'fallback = "duty"\n',
            "route duty: fallback: it leads back to duty; somebody must be the last",
        ),
        (ROUTE + 'hours = ["06:00-14:00"]\n', "route duty: hours: a fallback is needed"),
        (
            ROUTE + 'hours = ["mon 8-17"]\n',
            "route duty: hours: 'mon 08:00-fri 17:00' or '22:00-06:00' is needed, not 'mon 8-17'",
        ),
    ],
)
def test_what_is_wrong_with_a_route_is_told_without_its_secret(tmp_path, text, told):
    _, problems = settings.examine(written(tmp_path, text), {})
    said = "\n".join(problems)
    assert told in said
    assert "topsecret" not in said
