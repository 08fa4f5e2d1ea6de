"""What became of commands, in the live state: the newest, and no more than its bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.broker import topics
from streams.sinks import live_outcomes
from tests.streams.sinks.test_live import Wall, on_valkey, settle

if TYPE_CHECKING:
    import pytest

    from deploy.embedded.valkey import Valkey


def outcome(number: int, state: str = "done") -> dict:
    return {"id": f"k{number}", "state": state, "alarm": "a1", "at_ms": number}


def test_the_newest_are_shown_and_older_ones_go(valkey: Valkey, unique: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_outcomes, "SHOWN", 3)

    async def story(wall: Wall) -> None:
        host = await wall.host()
        for number in range(4):
            wall.say(topics.OUTCOMES, f"k{number}", outcome(number))
        wall.say(topics.OUTCOMES, "k1", outcome(1, "superseded"))
        wall.say(topics.OUTCOMES, "other", outcome(9))  # its id is another
        await settle(host)
        assert await shown(wall) == {"k1": "superseded", "k2": "done", "k3": "done"}
        again = await wall.host()  # it goes on from what Redis holds
        wall.say(topics.OUTCOMES, "k4", outcome(4))
        await settle(again)
        assert await shown(wall) == {"k2": "done", "k3": "done", "k4": "done"}

    async def shown(wall: Wall) -> dict[str, str]:
        fields = await wall.fields()
        return {value["id"]: value["state"] for name, value in fields.items() if name.startswith("o:")}

    on_valkey(valkey.address, unique, story)
