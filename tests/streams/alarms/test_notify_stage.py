"""The notifiers' stage against a real HTTP endpoint and a real SMTP server, on topics in memory."""

import asyncio
import email.policy
import json
import logging

import pytest

from alerts.notifiers.routes import Route
from deploy.supervision.process import free_ports
from streams.alarms.notify_stage import STATE
from streams.broker.topics import ALARMS, NOTIFICATIONS
from streams.city.windows import Window
from tests.alerts import staging as engine
from tests.alerts.writing import detection, opened_at, suppress
from tests.receiving import endpoint, smtp_server
from tests.small_city import write_small_city
from tests.streams.alarms.notify_room import Room, lived, webhook, whats

SIGNING = "alsosecret"


@pytest.fixture
def city(tmp_path):
    return write_small_city(tmp_path / "city", segments=1)


@lived
async def test_500_then_a_hang_then_429_then_it_comes_back_once_and_in_order(city):
    with endpoint() as receiver:
        receiver.answers = [(500, {}, 0), (200, {}, 60), (429, {"Retry-After": "2"}, 0)]
        room = Room(city, webhook(receiver.address, timeout_s=0.5))
        await room.begin()
        room.give()
        await room.wait(lambda: len(receiver.posted) == 2)
        room.give(state="cleared", standing="returned_unacknowledged")
        room.close()
        await room.wait(lambda: "delivered" in room.notes())
        await room.wait(lambda: room.notes().count("delivered") == 2)
        ids = [(headers["Idempotency-Key"], body["message"]) for headers, body, _ in receiver.posted]
        assert len(set(ids[:4])) == 1
        assert len(ids) == 5
        assert room.notes() == ["not_confirmed"] * 3 + ["delivered"] * 2
        assert [what for what, _ in whats(receiver)] == ["raised", "raised", "ended"]  # the first of them hung


@lived
async def test_a_hanging_receiver_holds_up_neither_rows_nor_another_receiver_nor_a_level_i(city):
    with endpoint() as slow, endpoint() as quick:
        slow.answers = [(200, {}, 60)] * 3
        other = Route(name="other", channel="webhook", url=quick.address, group_wait_s=0)
        room = Room(city, webhook(slow.address, timeout_s=60), other)
        await room.begin()
        room.give(number=1)
        await room.wait(lambda: len(slow.posted) == 1)
        for number in range(2, 50):
            room.give(number=number)
        room.give(number=99, level=1, zone="z9")
        await room.wait(lambda: len(slow.posted) == 2 and len(whats(quick)) == 50)
        assert [one["alarm"] for one in slow.posted[1][1]["alarms"]] == ["a99"]
        assert room.host.behind() == []
        assert room.host.committed


@lived
async def test_nothing_is_sent_before_it_is_kept(city):
    with endpoint() as receiver:
        room = Room(city, webhook(receiver.address))
        await room.begin()
        room.give()

        def refuse(message):
            if message.topic == STATE:
                raise RuntimeError

        room.bus.before_send = refuse
        await room.host.drain()
        with pytest.raises(RuntimeError):
            await room.host.tick()
        await asyncio.sleep(0)
        assert receiver.posted == []


@lived
async def test_a_secret_stands_in_no_record_notice_or_log(city, caplog):
    caplog.set_level(logging.DEBUG)
    with endpoint() as receiver:
        receiver.answers = [(401, {}, 0)]
        room = Room(city, webhook(receiver.address, secret=SIGNING))
        await room.begin()
        room.give()
        await room.wait(lambda: room.notes() == ["held"])
        (notice,) = room.host.stage.notices()
        kept = b"".join((record.value or b"") for topic in (STATE, NOTIFICATIONS) for record in room.bus.log(topic))
        said = f"{notice} {kept!r} {room.routes}"
        assert "HTTP 401" in said
        assert "secret" not in said
        assert [one for one in caplog.messages if "topsecret" in one or SIGNING in one] == []


@lived
async def test_a_mail_server_that_is_away_and_comes_back_gets_the_mail_once(city):
    (port,) = free_ports(1)
    url = f"mailto://127.0.0.1:{port}?from=wall@city.example&to=duty@city.example"
    room = Room(city, Route(name="mail", channel="email", url=url, group_wait_s=0, timeout_s=2))
    await room.begin()
    room.give()
    await room.wait(lambda: room.notes() == ["not_confirmed"])
    with smtp_server(port) as mailbox:
        mailbox.refuses = "451 later"
        room.clock.ahead_ms += 5_000
        await room.wait(lambda: room.notes() == ["not_confirmed"] * 2)
        mailbox.refuses = ""
        room.clock.ahead_ms += 5_000
        await room.wait(lambda: "delivered" in room.notes())
        (mail,) = mailbox.mails
    read = email.message_from_bytes(mail, policy=email.policy.default)
    assert read["Subject"] == "柳江市报警 / Liujiang alarm"
    text = read.get_body(("plain", "html")).get_content()
    assert "望江路u1下穿" in text
    assert "Underpass flooding at Wangjiang Road underpass u1" in text
    letter = json.loads(room.bus.log(NOTIFICATIONS)[-1].value)["message"]
    assert read["X-CityWall-Message"] == letter
    assert letter in text


@pytest.mark.parametrize("of", ["wecom", "dingtalk", "feishu"])
@lived
async def test_a_robot_that_refuses_with_status_200_is_not_taken_for_delivered(city, of):
    with endpoint(b'{"errcode": 40001, "code": 40001, "errmsg": "no"}') as receiver:
        room = Room(city, Route(name="robot", channel=of, url=receiver.address, group_wait_s=0))
        await room.begin()
        room.give()
        await room.wait(lambda: room.notes() == ["given_up"])
        assert "40001" in room.host.stage.notices()[0].en


@lived
async def test_of_what_the_engine_suppressed_only_what_outlives_the_window_is_told(city):
    with endpoint() as receiver:
        room = Room(city, webhook(receiver.address))
        now_ms = room.bus.clock.now_ms
        window = Window(from_ms=now_ms, until_ms=now_ms + 60_000)
        stays, ends = detection(3, 10), detection(3, 10, entity="s2")
        over = detection(0, 20, entity="s2")
        await engine.lived(room.bus, suppress("w", window, zone="z1"), stays, ends, over)
        await room.begin()
        await room.host.drain()
        await room.host.tick()
        assert room.bus.log(ALARMS)
        assert room.bus.log(STATE)
        assert receiver.posted == []
        await engine.go_on(await engine.started(room.bus), 100_000)
        await room.wait(lambda: room.notes() == ["delivered"])
        assert whats(receiver) == [("raised", opened_at(10))]


@lived
async def test_a_clock_that_is_set_back_puts_nothing_off(city):
    with endpoint() as receiver:
        receiver.answers = [(500, {}, 0), (200, {}, 0)]
        room = Room(city, webhook(receiver.address))
        await room.begin()
        room.give()
        await room.wait(lambda: room.notes() == ["not_confirmed"])
        room.clock.ahead_ms -= 3_600_000
        await room.wait(lambda: room.notes() == ["not_confirmed", "delivered"])  # a second later, not an hour
