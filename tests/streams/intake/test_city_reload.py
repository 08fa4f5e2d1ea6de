"""The city folder changes while intake runs: a good one is taken, any other leaves the old one in force."""

import asyncio
import json

import pytest

from streams.broker import topics
from streams.city.folder import read_folder
from streams.city.kept import keep
from streams.contract.stage import Message
from streams.errors import CityFileError
from streams.intake.intake_stage import IntakeStage
from tests.city_edits import HEAD, feature, sensor, whole
from tests.fakes import FakeBus, FakeClock, FakeHost

NOW_MS = 1_700_000_000_000
INBOX = topics.inbox("traffic")
ONE = {INBOX: 1, topics.readings("traffic"): 1, topics.state("intake", "traffic"): 1}


class Place:
    """An intake that looks at the folder in each of its ticks."""

    def __init__(self, folder, **options):
        self.bus = FakeBus(ONE, FakeClock(NOW_MS))
        self.host = FakeHost(IntakeStage(folder, look_every_s=0, **options), self.bus)
        asyncio.run(self.host.start())

    def ticks(self, count):
        for _ in range(count):
            asyncio.run(self.host.stage.tick(self.bus))

    def read(self, sensor_id):
        """Send a reading → what the counters say of all so far: sent, unknown sensors."""
        record = {"sensor": sensor_id, "at": NOW_MS - 1000, "speed_km_h": 50}
        self.bus.put(Message(INBOX, b"", json.dumps(record).encode(), 0))
        asyncio.run(self.host.drain())
        book = self.host.stage.books()["intake:traffic:0"]
        return book["counts"]["sent"], book["counts"]["dead_lettered"].get("unknown_sensor", 0)


def test_a_sensor_that_joins_is_heard_after_two_looks(city_folder):
    place = Place(city_folder)
    sensor("d9,traffic,z0,s0,0,0,1,,")(city_folder)
    place.ticks(1)
    assert place.read("d9") == (0, 1)
    place.ticks(1)
    assert place.read("d9") == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        whole("sensors.csv", HEAD + "\n"),
        feature("segments", 3, lambda one: one.update(geometry=None)),
        lambda folder: (folder / "city.toml").unlink(),
    ],
    ids=["header only", "null geometry", "file gone"],
)
def test_a_folder_that_is_no_city_leaves_the_old_one_and_is_said_once(city_folder, change, caplog):
    place = Place(city_folder)
    change(city_folder)
    place.ticks(5)
    assert place.read("d1") == (1, 0)
    assert [one.message.split(":")[0] for one in caplog.records] == [
        "the city folder was changed and cannot be used, going on with the old one"
    ]


def test_a_restart_beside_a_broken_folder_goes_on_with_the_kept_copy(city_folder, tmp_path):
    copies = tmp_path / "copies"
    options = {"edited": city_folder, "copies": copies}
    link = keep(read_folder(city_folder), copies)
    place = Place(link, **options)
    sensor("d9,traffic,z0,s0,0,0,1,,")(city_folder)
    place.ticks(2)
    whole("sensors.csv", "{")(city_folder)
    again = Place(link, **options)
    again.ticks(3)
    assert again.read("d9") == (1, 0)
    with pytest.raises(CityFileError):
        IntakeStage(city_folder)
