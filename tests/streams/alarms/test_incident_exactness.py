"""Whatever happens to the processes of the alarm engine, the incidents and what the desk was shown are the same."""

import asyncio
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.commands import Acknowledge, Fold, Split
from alerts.incidents import RELEASE_MS
from alerts.judge import alarm_id
from alerts.load import IN_MS
from alerts.moving import UNDO_MS
from streams.broker.topics import INCIDENTS
from streams.city.folder import Folder, read_folder
from streams.city.versions import Opened, to_messages
from streams.contract.stage import Message
from tests.alerts.staging import journal, lived, projected, started
from tests.alerts.writing import Wait, acknowledge, commanded, detection
from tests.fakes import FakeBus
from tests.small_city import write_small_city
from tests.streams.alarms.test_alarm_exactness import ACTIONS, NUMBERS, REPEATS, plain, repeated, wild

SENSORS = ("feeder", "lift", "pump", "w1", "w2")
RELATIONS = ("feeder,powers,lift", "feeder,powers,pump", "pump,drains,w1")


@cache
def _folder() -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        files = dict(read_folder(write_small_city(Path(folder), segments=1)).files)
    return files | {"city.toml": files["city.toml"].replace(b'"small"', b'"c"')}


def tied_city(number: int, relations: Sequence[str] = RELATIONS) -> Message:
    """A version of the city `c` whose sensors hang on each other as these lines say."""
    lines = ["sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en"]
    lines += [f"{one},weather,z1,,0.5,0.4,60,," for one in SENSORS]
    files = {
        **_folder(),
        "sensors.csv": "\n".join(lines).encode(),
        "relations.csv": "\n".join(["from,relation,to", *relations]).encode(),
    }
    (message,) = to_messages("c", number, Opened(Folder("c", files), {}, None))
    return message


def found(level: int, at_ms: int, entity: str, kind: str) -> object:
    return detection(level, at_ms, entity=entity, kind=kind, domain="weather", version=1)


ENTITIES = st.sampled_from([*SENSORS, "feed:weather:z1"])
KINDS = st.sampled_from(["noise_high", "sensor_silent", "feed_silent"])
TIMES = st.integers(1, 4)
DETECTED = st.builds(found, st.sampled_from([0, 0, 1, 2, 3, 3, 4]), TIMES, ENTITIES, KINDS)
TARGETS = st.builds(lambda *one: alarm_id(found(3, *one)), TIMES, ENTITIES, KINDS)
COMMANDED = st.one_of(
    st.builds(lambda one, number: acknowledge(one, f"k{number}", None), TARGETS, NUMBERS),
    st.builds(lambda one, into, number: commanded(Fold, one, f"f{number}", into=into), TARGETS, TARGETS, NUMBERS),
    st.builds(lambda one, number: commanded(Split, one, f"s{number}"), TARGETS, NUMBERS),
)
WAITED = st.builds(Wait, st.sampled_from([1, 1000, RELEASE_MS, IN_MS]))
CROWD = [found(3, 1, "w1", f"crowd_{number}") for number in range(12)]
INPUTS = st.lists(DETECTED | COMMANDED | WAITED, max_size=25)
CROWDS = st.sampled_from([[], CROWD])


def incidents(bus: FakeBus) -> dict[str, dict]:
    return {key.decode(): json.loads(value) for key, value in bus.newest(INCIDENTS).items()}


@settings(max_examples=150, deadline=None)
@given(CROWDS, INPUTS, REPEATS, ACTIONS, st.integers(1, 2), st.sampled_from([1, 3, 500]))
def test_no_cut_repeat_restart_crash_or_second_writer_changes_an_incident(
    crowd, inputs, repeats, actions, writers, run
):
    inputs = [tied_city(1), *crowd, *inputs]
    expected = asyncio.run(plain(inputs))
    got = asyncio.run(wild(repeated(inputs, repeats), actions, writers, run))
    assert incidents(got) == incidents(expected)
    assert projected(got) == projected(expected)
    rows, cards = projected(got).values(), incidents(got)
    assert {one["incident"] for one in rows if one["incident"]} == set(cards)
    for card in cards.values():
        members = [one for one in rows if one["incident"] == card["id"]]
        assert (card["count"], card["level"]) == (len(members), min(one["level"] for one in members))
        assert set(card["alarms"]) == {one["id"] for one in members}


FEED = found(3, 10, "feed:weather:z1", "feed_silent")
SILENT = [found(4, 11, one, "sensor_silent") for one in SENSORS]


def test_a_new_process_has_the_incident_that_was_with_its_acknowledgement_and_tells_nothing_anew():
    async def scene() -> None:
        bus = FakeBus()
        await lived(bus, tied_city(1), FEED, *SILENT)
        (before,) = incidents(bus).values()
        assert (before["count"], before["because"], before["entity"]) == (6, "feed", "feed:weather:z1")
        fields = {"city": "c", "who": "李敏", "desk": "2", "role": "operator"}
        await lived(bus, Acknowledge(id="k1", incident=before["id"], **fields))
        (taken,) = incidents(bus).values()
        sent = len(bus.log(INCIDENTS)), len(journal(bus))
        await started(bus)
        assert (len(bus.log(INCIDENTS)), len(journal(bus))) == sent
        assert incidents(bus) == {before["id"]: taken}
        assert (taken["acknowledged"], taken["acknowledged_by"]) == (True, "李敏")

    asyncio.run(scene())


def test_what_the_newest_version_of_the_city_ties_counts():
    async def scene() -> None:
        bus = FakeBus()
        feeder, lift = (found(3, 10, entity, "noise_high") for entity in ("feeder", "lift"))
        await lived(bus, tied_city(1, ()), feeder, lift)
        assert incidents(bus) == {}
        await lived(bus, tied_city(2), found(3, 12, "pump", "noise_high"))
        (card,) = incidents(bus).values()
        assert (card["because"], card["entity"], card["count"]) == ("powers", "feeder", 2)
        assert card["why"]["en"].endswith("which powers this place.")

    asyncio.run(scene())


def test_an_incident_that_ended_leaves_a_tombstone_that_says_how():
    async def scene() -> None:
        bus = FakeBus()
        feeder, lift = (found(3, 10, entity, "noise_high") for entity in ("feeder", "lift"))
        await lived(bus, tied_city(1), feeder, lift)
        (card,) = incidents(bus).values()
        ends = [found(0, 20, entity, "noise_high") for entity in ("feeder", "lift")]
        takes = [acknowledge(alarm_id(one), f"k {one.entity}", None) for one in (feeder, lift)]
        await lived(bus, *takes, UNDO_MS, *ends)
        last = bus.log(INCIDENTS)[-1]
        assert (last.key.decode(), last.value) == (card["id"], None)
        ((_, how),) = last.headers
        assert (json.loads(how)["count"], json.loads(how)["cause"]) == (0, card["cause"])

    asyncio.run(scene())
