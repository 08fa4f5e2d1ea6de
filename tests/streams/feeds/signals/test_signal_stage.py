"""Official signals from a real web server, or a folder, to alarms: on topics in memory, with the real alarm engine."""

import pytest

from streams.broker.topics import ALARMS, CLOCK, DEAD_LETTERS, DETECTIONS
from streams.city.clock import ClockSetting
from streams.contract.stage import Message
from streams.feeds.signals.stage import STATE
from tests.alerts import staging
from tests.streams.feeds.signals.issuing import alert, authority, info
from tests.streams.feeds.signals.room import BOTH, MINUTE_MS, ROAD, Room, lived


@lived
async def test_alert_update_cancel_are_one_one_and_none_in_force_and_the_alert_again_is_none(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        first = alert("A", room.at(0), info("暴雨黄色预警", ROAD, room.at(600)))
        served.pages |= {"/A.xml": first}
        served.lists("A")
        await room.begin()
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z0", 3)])
        served.pages["/B.xml"] = alert(
            "B", room.at(1), info("暴雨橙色预警", ROAD, room.at(600)), kind="Update", refs=[("A", room.at(0))]
        )
        served.lists("A", "B")
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z0", 2)])
        assert len(staging.projected(room.bus)) == 1
        served.pages["/C.xml"] = alert("C", room.at(2), kind="Cancel", refs=[("B", room.at(1))])
        served.lists("A", "B", "C")
        await room.wait(lambda: room.rows() == [])
        served.pages["/again.xml"] = first
        served.lists("again")
        await room.polled(served)
        assert room.rows() == []


@lived
async def test_a_cancellation_that_comes_before_what_it_cancels_still_does(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        update = alert("B", room.at(1), info(area=ROAD), kind="Update", refs=[("A", room.at(0))])
        served.pages |= {
            "/A.xml": alert("A", room.at(0), info(area=ROAD)),
            "/B.xml": update,
            "/C.xml": alert("C", room.at(2), kind="Cancel", refs=[("B", room.at(1))]),
        }
        served.lists("A", "C")
        await room.begin()
        await room.wait(lambda: len(room.rows()) == 1)  # nothing says yet that A is over
        served.lists("A", "B", "C")
        await room.wait(lambda: room.rows() == [])


@lived
async def test_what_is_missing_in_a_list_or_cannot_be_fetched_holds_until_it_expires(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        served.pages["/A.xml"] = alert("A", room.at(0), info(area=ROAD, expires=room.at(600)))
        served.lists("A")
        await room.begin()
        await room.wait(lambda: len(room.rows()) == 1)
        served.lists()
        await room.polled(served)
        assert (len(room.rows()), room.stage.notices()) == (1, [])
        served.pages["/alerts.xml"] = 503
        await room.wait(lambda: room.stage.notices())
        [notice] = room.stage.notices()
        assert notice.degraded
        assert "nmc cannot be fetched: it answers with status 503" in notice.en
        assert "topsecret" not in notice.en
        assert len(room.rows()) == 1
        room.bus.clock.advance(600 * 60)
        await room.wait(lambda: room.rows() == [])
        served.lists()
        await room.wait(lambda: not room.stage.notices())


@lived
async def test_an_empty_list_is_no_alarm_and_no_error(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        served.lists()
        await room.begin()
        await room.polled(served)
        assert (room.rows(), room.stage.notices(), room.bus.log(DETECTIONS)) == ([], [], [])


@lived
@pytest.mark.parametrize("status", ["Exercise", "Test", "Draft", "System"])
async def test_what_is_not_meant_raises_nothing_and_cancels_nothing(tmp_path, status):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        served.pages |= {
            "/A.xml": alert("A", room.at(0), info("大风蓝色预警", ROAD)),
            "/B.xml": alert("B", room.at(1), info("台风红色预警", ROAD), status=status),
            "/C.xml": alert("C", room.at(1), kind="Cancel", refs=[("A", room.at(0))], status=status),
        }
        served.lists("A", "B", "C")
        await room.begin()
        await room.wait(lambda: room.rows())
        assert room.rows() == [("signal_gale", "zone:z0", 4)]


@lived
async def test_a_bad_document_is_said_kept_once_and_stops_no_other(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        served.pages |= {
            "/A.xml": alert("A", "soon", info(area=ROAD)),
            "/B.xml": alert("B", room.at(0), info("大雾红色预警", BOTH)),
        }
        served.lists("A", "B")
        await room.begin()
        await room.wait(lambda: room.rows())
        assert room.rows() == [("signal_fog", "city:c", 1)]
        await room.polled(served)
        [letter] = room.bus.log(DEAD_LETTERS)
        said = dict(letter.headers)
        assert (said["reason"], letter.value.decode()) == (b"bad_signal", served.pages["/A.xml"])
        [notice] = room.stage.notices()
        assert (notice.degraded, "sent: a time with its offset is needed, not 'soon'" in notice.en) == (False, True)
        served.lists("B")
        await room.polled(served)
        assert room.stage.notices() == []


@lived
async def test_killed_before_it_told_what_it_kept_it_tells_it_and_ends_what_expired_meanwhile(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        served.pages |= {
            "/A.xml": alert("A", room.at(0), info("暴雨橙色预警", ROAD, room.at(60))),
            "/alerts.xml": 503,
        }
        await room.begin()
        staging.crash_at(room.bus, DETECTIONS, stored=False)
        served.lists("A")
        with pytest.raises(staging.Crash):
            await room.wait(lambda: room.rows())
        assert (room.rows(), len(room.bus.log(STATE)) > 0) == ([], True)
        served.pages["/alerts.xml"] = 503
        await room.begin()
        await room.wait(lambda: room.rows() == [("signal_rainstorm", "zone:z0", 2)])
        room.bus.clock.advance(61 * 60)
        await room.begin()
        await room.wait(lambda: room.rows() == [])


@lived
async def test_a_start_tells_nothing_anew(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        served.pages["/A.xml"] = alert("A", room.at(0), info(area=ROAD))
        served.lists("A")
        await room.begin()
        await room.wait(lambda: room.rows())
        [before] = staging.projected(room.bus).values()
        await room.begin()
        await room.polled(served)
        [after] = staging.projected(room.bus).values()
        assert after == before


@lived
async def test_of_two_signals_of_one_kind_and_place_the_worse_counts_and_its_end_leaves_the_other(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        served.pages |= {
            "/A.xml": alert("A", room.at(0), info("暴雨红色预警", ROAD, room.at(60))),
            "/B.xml": alert("B", room.at(1), info("暴雨蓝色预警", ROAD, room.at(600))),
        }
        served.lists("A", "B")
        await room.begin()
        await room.wait(lambda: [level for *_, level in room.rows()] == [1])
        room.bus.clock.advance(61 * 60)
        await room.wait(lambda: [level for *_, level in room.rows()] == [4])


@lived
async def test_the_alarm_says_that_it_is_official_whose_and_until_when(tmp_path):
    (tmp_path / "box").mkdir()
    room = Room(tmp_path, folder=str(tmp_path / "box"))
    text = alert("A", room.at(-5), info("高温橙色预警", ROAD, room.at(60), more="<senderName>气象台</senderName>"))
    (tmp_path / "box" / "a.xml").write_text(text, encoding="utf-8")
    await room.begin()
    await room.wait(lambda: room.rows())
    [row] = staging.projected(room.bus).values()
    assert (row["basis"], row["domain"], row["kind"]) == ("official", "weather", "signal_heat")
    assert row["raised_at_ms"] == room.start_ms - 5 * MINUTE_MS
    assert row["evidence"] | {"until": ""} == {
        "basis": "official",
        "headline": "高温橙色预警",
        "sender": "气象台",
        "area": "a road",
        "message": "nmc,A",
        "until": "",
    }
    assert row["evidence"]["until"] == "2023-11-15 07:13"  # 2023-11-14 22:13:20 UTC + 1 h, in Shanghai


@lived
async def test_findings_are_of_the_city_clock(tmp_path):
    with authority() as served:
        room = Room(tmp_path, url=served.address)
        behind = ClockSetting(at_ms=room.start_ms - 60 * MINUTE_MS, wall_ms=room.start_ms, speed=1.0)
        staging.given_to(room.bus, behind)
        served.pages["/A.xml"] = alert("A", room.at(0), info(area=ROAD))
        served.lists("A")
        await room.begin()
        await room.wait(lambda: room.rows())
        [row] = staging.projected(room.bus).values()
        assert row["raised_at_ms"] < room.start_ms - 59 * MINUTE_MS
        assert len(room.bus.log(CLOCK)) == 1


@lived
async def test_a_folder_that_is_away_is_said(tmp_path):
    room = Room(tmp_path, folder=str(tmp_path / "nowhere"))
    await room.begin()
    await room.wait(lambda: room.stage.notices())
    assert "No such file or directory" in room.stage.notices()[0].en
    assert room.bus.log(ALARMS) == []
    room.bus.put(Message(CLOCK, b"c", b"nonsense"))
    await room.turn()
