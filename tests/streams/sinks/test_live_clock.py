"""The field `clock` holds the settings of before, too: what happened then is told by the clock of then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.broker import topics
from streams.sinks import live
from tests.fakes import FakeClock
from tests.streams.sinks.test_live import Wall, _publish_at_every_tick, on_valkey, settle  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from deploy.embedded import valkey as embedded_valkey


def test_settings_of_before_stay_as_they_came_the_oldest_go(
    valkey: embedded_valkey.Valkey, unique: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "CLOCKS", 2)

    async def story(wall: Wall) -> None:
        host = await wall.host()
        for second, speed in enumerate((1.0, 60.0, 4.0, 1.0)):
            wall.bus.clock.now_ms = FakeClock().now_ms + second * 1000
            wall.say(topics.CLOCK, wall.city_id, {"at_ms": second, "wall_ms": 6, "speed": speed, "until_ms": None})
        await settle(host)
        begun_ms = FakeClock().now_ms
        assert (await wall.fields())["clock"] == {
            **{"at_ms": 3, "wall_ms": begun_ms + 3000, "speed": 1.0},
            "earlier": [
                {"at_ms": 1, "wall_ms": begun_ms + 1000, "speed": 60.0},
                {"at_ms": 2, "wall_ms": begun_ms + 2000, "speed": 4.0},
            ],
        }

    on_valkey(valkey.address, unique, story)
