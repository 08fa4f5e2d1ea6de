"""Official signals when the city, or the settings of their source, change: placed anew, exactly, also after a kill."""

import msgspec
import pytest

from streams.broker.topics import DETECTIONS
from streams.contract.records import Detection
from streams.contract.stage import Message
from streams.feeds.signals.stage import STATE
from streams.feeds.signals.standing import Signal
from tests.alerts import staging
from tests.streams.feeds.signals.issuing import alert, authority, info
from tests.streams.feeds.signals.room import MINUTE_MS, Room, lived

STATION = "<areaDesc>the station</areaDesc><circle>0.4,0.5 1</circle>"
"""Where the city's station is: of zone z1 alone, or elsewhere where the city has none."""
CODED = "<areaDesc>one</areaDesc><geocode><valueName>code</valueName><value>1</value></geocode>"


def stood(room):
    """Return what stands, and what has ended, in the order of the findings."""
    return [
        (one.entity, one.level)
        for one in (msgspec.json.decode(record.value, type=Detection) for record in room.bus.log(DETECTIONS))
    ]


@lived
async def test_when_the_city_is_edited_a_signal_is_placed_anew_also_one_that_was_elsewhere(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        served.pages["/A.xml"] = alert("A", room.at(0), info(area=STATION))
        served.lists("A")
        await room.begin()
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z1", 2)])
        (other_zone,) = staging.city_parts(2, ["w1"], at="z0,,0.5,0.4")
        room.bus.put(other_zone)
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z0", 2)])
        room.bus.put(*staging.city_parts(3, ["w1"], at="z0,,0.9,0.9"))
        await room.wait(lambda: room.rows() == [])
        await room.begin()
        room.bus.put(staging.city_version(4, ["w1"]))
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z1", 2)])
        assert stood(room)[:6] == [
            *[("zone:z1", 2), ("zone:z0", 2), ("zone:z1", 0), ("zone:z0", 0)],
            *[("zone:z1", 0), ("zone:z0", 0)],  # told again at the start
        ]
        assert stood(room)[6:] == [("zone:z1", 2)]


@lived
async def test_an_edit_that_moves_no_signal_tells_nothing(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        served.pages["/A.xml"] = alert("A", room.at(0), info(area=STATION))
        served.lists("A")
        await room.begin()
        await room.wait(room.rows)
        kept = len(room.bus.log(STATE))
        room.bus.put(staging.city_version(2, ["w1", "w2"]))
        await room.polled(served)
        assert (stood(room), len(room.bus.log(STATE))) == ([("zone:z1", 2)], kept)


@lived
async def test_killed_at_the_edit_it_places_them_after_the_start_by_the_settings_of_then(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address, geocodes=("1=z1", "2=z0"))
        served.pages["/A.xml"] = alert("A", room.at(0), info(area=CODED))
        served.lists("A")
        await room.begin()
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z1", 2)])
        served.pages["/alerts.xml"] = 503
        room.source = msgspec.structs.replace(room.source, geocodes=("1=z0",))
        staging.crash_at(room.bus, DETECTIONS, stored=False)
        await room.begin()
        with pytest.raises(staging.Crash):
            await room.turn(1.1)
        await room.begin()
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z0", 2)])


@lived
async def test_what_an_earlier_citywall_kept_stays_where_it_was_and_is_placed_anew_once_its_list_shows_it(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        sent = room.start_ms
        signal = Signal(
            kind="signal_rainstorm",
            entity="zone:z3",
            zone="z3",
            level=2,
            sent_ms=sent,
            expires_ms=sent + 60 * MINUTE_MS,
            evidence={"basis": "official"},
        )
        held = {"sent_ms": sent, "until_ms": sent + 90 * MINUTE_MS, "signals": (signal,), "over": False}
        room.bus.put(Message(STATE, b"held/nmc,A", msgspec.json.encode(held)))
        served.pages["/A.xml"] = alert("A", room.at(0), info(area=STATION))
        served.lists()
        await room.begin()
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z3", 2)])
        served.lists("A")
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z1", 2)])
