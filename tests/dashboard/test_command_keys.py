"""A key names one command: at the wall that was asked, at another, and at two at once, where the engine tells."""

import msgspec
import pytest

from alerts.commands import Command
from tests.alerts.living import live
from tests.dashboard.asking import Wall


@pytest.fixture
def wall(config) -> Wall:
    return Wall(config)


def refusal(command: str, reason: str) -> dict:
    said = {"id": command, "state": "refused", "alarm": "a1", "reason": reason, "revision": 0, "at_ms": 2_000}
    return {f"o:{command}": said}


def test_a_key_names_one_command(wall, config):
    given = wall.give(key="k")
    refused = wall.give(key="k", why="something else")
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:citywall:problem:key-used")
    assert len(wall.sent) == 1
    another = Wall(config)
    another.change(refusal(given.json()["id"], "changed"))  # it knows the key by what became of the command
    assert another.give(key="k", why="something else").status_code == 422
    assert another.sent == []


def test_a_key_names_one_command_at_two_walls_at_once_too(wall, config):
    """Neither has heard of the other's: the engine tells."""
    other = Wall(config)
    ids = [one.give(key="k", why=why).json()["id"] for one, why in ((wall, "first"), (other, "second"))]
    assert len(set(ids)) == 2
    _, did = live(*(msgspec.convert(one.sent[0], Command) for one in (wall, other)))
    assert did == ["unknown_alarm", "key_used"]
    wall.change(refusal(ids[1], "key_used"))
    said = wall.ask("GET", f"/api/v1/commands/{ids[1]}", headers={"accept-language": "en"}).json()
    assert said["sentence"] == "Its key has named another command already."


def test_without_a_key_each_request_is_a_command(wall):
    assert wall.give().json()["id"] != wall.give().json()["id"]
    assert len(wall.sent) == 2
