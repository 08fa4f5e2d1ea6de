"""The notifiers are killed while a receiver answers 500, hangs, cuts off or is back: a real endpoint, a mail server."""

import email
import json
from collections import Counter
from contextlib import contextmanager

import msgspec
import pytest

from alerts.notifiers.routes import Route
from deploy.supervision.process import free_ports
from streams.broker.topics import NOTIFICATIONS
from tests.receiving import CUT_OFF, endpoint, smtp_server
from tests.small_city import write_small_city
from tests.streams.alarms.notify_room import Room, lived, webhook
from tests.waiting import until_async

FAILS, HANGS, CUTS_OFF, IS_BACK = "answers 500", "hangs", "cuts off", "is back"
PATIENT_S, IMPATIENT_S = 60, 0.5
HOUR_MS = 3_600_000


class Hook:
    """An HTTP endpoint, seen from the letters that it is asked to take."""

    def __init__(self, receiver):
        self._receiver = receiver
        self.route = webhook(receiver.address, timeout_s=PATIENT_S)

    def become(self, phase):
        answers = {FAILS: (500, {}, 0), HANGS: (500, {}, 60), CUTS_OFF: (CUT_OFF, {}, 0), IS_BACK: (200, {}, 0)}
        self._receiver.usual = answers[phase]

    def asked(self):
        return [body["message"] for _, body, _ in self._receiver.posted]

    def taken(self):
        return [body["message"] for _, body, status in self._receiver.posted if status == 200]


class Mail:
    """A mail server, seen from the letters that it is asked to take."""

    def __init__(self, mailbox, port):
        self._mailbox = mailbox
        url = f"mailto://127.0.0.1:{port}?from=wall@city.example&to=duty@city.example"
        self.route = Route(name="mail", channel="email", url=url, group_wait_s=0, end_wait_s=0, timeout_s=PATIENT_S)

    def become(self, phase):
        self._mailbox.refuses = "554 it fails" if phase == FAILS else ""
        self._mailbox.hangs, self._mailbox.cuts_off = phase == HANGS, phase == CUTS_OFF

    def asked(self):
        return [email.message_from_bytes(one)["X-CityWall-Message"] for one in self._mailbox.given]

    def taken(self):
        return [email.message_from_bytes(one)["X-CityWall-Message"] for one in self._mailbox.mails]


@contextmanager
def hook():
    with endpoint() as receiver:
        yield Hook(receiver)


@contextmanager
def mail():
    (port,) = free_ports(1)
    with smtp_server(port) as mailbox:
        yield Mail(mailbox, port)


@pytest.fixture
def city(tmp_path):
    return write_small_city(tmp_path / "city", segments=1)


def confirmed(room):
    """Return each alarm that a confirmed letter named → how many did, and the letters."""
    notes = [json.loads(one.value) for one in room.bus.log(NOTIFICATIONS)]
    delivered = [one for one in notes if one["state"] == "delivered"]
    return Counter(alarm for one in delivered for alarm in one["alarms"]), [one["message"] for one in delivered]


def become(room, receiver, phase):
    """Let a receiver be like that; only where it hangs it is not waited for, however busy the machine is."""
    route, timeout_s = receiver.route, IMPATIENT_S if phase == HANGS else PATIENT_S
    room.routes[route.name] = msgspec.structs.replace(route, timeout_s=timeout_s)
    receiver.become(phase)


async def killed(room, receiver):
    """Start the notifiers again; of what was confirmed before, the receiver must hear no more."""
    before = set(confirmed(room)[1]), len(receiver.asked())
    await room.begin()
    return before


@pytest.mark.parametrize("phase", [FAILS, HANGS, CUTS_OFF, IS_BACK])
@pytest.mark.parametrize("receiving", [hook, mail])
@lived
async def test_killed_while_it_is_like_that_they_repeat_nothing_confirmed_and_forget_nothing(city, receiving, phase):
    with receiving() as receiver:
        room, kills = Room(city, receiver.route), []
        await room.begin()
        room.give(number=1)
        await room.wait(lambda: room.notes() == ["delivered"])
        become(room, receiver, phase)
        room.give(number=2, level=1)
        await room.turn()
        await until_async(lambda: len(receiver.asked()) == 2)
        kills.append(await killed(room, receiver))  # it was asked, and nobody knows what came of it
        room.give(number=3)
        room.close(1)
        await room.wait(lambda: len(room.notes()) >= 3)
        kills.append(await killed(room, receiver))  # that is known, and something waits behind it
        become(room, receiver, IS_BACK)
        room.clock.ahead_ms += HOUR_MS
        await room.wait(lambda: confirmed(room)[0] == {"a1": 2, "a2": 1, "a3": 1})
        kills.append(await killed(room, receiver))  # all is confirmed
        room.close(2)
        room.close(3)
        room.clock.ahead_ms += HOUR_MS
        await room.wait(lambda: confirmed(room)[0] == {"a1": 2, "a2": 2, "a3": 2})
        taken = Counter(receiver.taken())
        assert set(receiver.asked()) == set(taken) == set(confirmed(room)[1])  # each try of a letter has its id
        assert (max(taken.values()) > 1) == (phase == IS_BACK)  # only then it took one, and nobody heard it
        for letters, count in kills:
            assert letters.isdisjoint(receiver.asked()[count:])
