"""A command counts when the wall has signed it: every other one is refused, and says so."""

import asyncio
import hashlib
import hmac
import json

import pytest

from alerts.commands import Note, Tick
from alerts.moving import UNDO_MS
from alerts.signing import is_signed, signed
from streams.broker.topics import COMMANDS, OUTCOMES
from streams.contract.stage import Message
from tests.alerts.staging import go_on, journal, lived, projected
from tests.alerts.writing import KEY, acknowledge, commanded, detection, encoded, names, opened_at
from tests.fakes import FakeBus

AT_10 = opened_at(10)
MINE = encoded(acknowledge(AT_10))


def by_hand(said: dict, key: bytes = KEY) -> bytes:
    """As docs/alarms.md tells it."""
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return json.dumps({**said, "signature": hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}).encode()


FORGED = {
    "no signature": json.dumps({**json.loads(MINE), "signature": ""}).encode(),
    "of another key": by_hand({key: value for key, value in json.loads(MINE).items() if key != "signature"}, b"guess"),
    "another name": MINE.replace("李敏".encode(), "王强".encode()),
    "another level": MINE.replace(b'"seen_level":3', b'"seen_level":4'),
    "a field more": MINE[:-1] + b',"for_ms":5}',
    "signature of another shape": json.dumps({**json.loads(MINE), "signature": "ä"}).encode(),
}


def outcomes(bus: FakeBus) -> dict[str, dict]:
    return {key.decode(): json.loads(value) for key, value in bus.newest(OUTCOMES).items()}


async def after(*values: bytes) -> FakeBus:
    """An alarm, then these bytes as commands."""
    bus = FakeBus()
    host = await lived(bus, detection(3, 10))
    for value in values:
        bus.clock.advance(0.001)
        bus.put(Message(COMMANDS, b"k", value))
        await host.drain()
    return bus


@pytest.mark.parametrize("value", FORGED.values(), ids=FORGED)
def test_what_the_wall_did_not_sign_changes_nothing_and_is_answered(value):
    bus = asyncio.run(after(value))
    assert projected(bus)[AT_10]["acknowledged"] is False
    assert names(journal(bus)) == ["raised", "unsigned"]
    assert outcomes(bus)["k1"]["state"] == "refused"
    assert outcomes(bus)["k1"]["reason"] == "unsigned"


def test_a_stranger_who_names_its_id_first_does_not_stop_a_persons_command():
    bus = asyncio.run(after(FORGED["another name"], MINE, FORGED["no signature"]))
    assert projected(bus)[AT_10]["acknowledged_by"] == "李敏"
    assert outcomes(bus)["k1"]["state"] == "done"
    assert names(journal(bus)) == ["raised", "unsigned", "acknowledge"]


def test_whoever_holds_the_key_may_sign_by_the_description():
    said = {"action": "acknowledge", "id": "k1", "city": "c", "alarm": AT_10, "who": "李敏", "desk": "2", "new": [1.5]}
    said["role"] = "operator"
    assert projected(asyncio.run(after(by_hand(said))))[AT_10]["acknowledged"] is True


def test_an_engine_without_a_key_takes_nothing():
    assert not is_signed(signed(MINE, b""), b"")


def test_the_engines_own_tick_is_signed():
    bus = FakeBus()

    async def scene() -> None:
        host = await lived(bus, detection(3, 10), acknowledge(AT_10, for_ms=1000))
        await go_on(host, UNDO_MS)

    asyncio.run(scene())
    ticks = [one.value for one in bus.log(COMMANDS) if b'"tick"' in one.value]
    assert ticks
    assert all(is_signed(one, KEY) for one in ticks)
    assert names(journal(bus)) == ["raised", "acknowledge", "lapsed"]


@pytest.mark.parametrize(("tick_id", "told"), [("t1", "unsigned"), ("", "bad_command")])
def test_a_strangers_tick_is_journaled(tick_id, told):
    value = json.dumps({"action": "tick", "id": tick_id}).encode()
    assert names(journal(asyncio.run(after(value)))) == ["raised", told]


def test_a_signature_covers_all_but_itself():
    one = signed(encoded(Tick(id="t")), KEY)
    assert signed(one, KEY) == one
    assert json.loads(one)["signature"] == json.loads(by_hand({"action": "tick", "id": "t"}))["signature"]
    assert is_signed(encoded(commanded(Note, AT_10, "k1")), KEY)
