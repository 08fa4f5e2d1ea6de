"""What the desk is shown: ten items in ten minutes and every alarm of level I at once; nothing is lost meanwhile."""

import pytest

from alerts.commands import Lift
from alerts.figures import DAY_MS, Figures, figures
from alerts.incidents import RELEASE_MS
from alerts.load import IN_MS, MOST
from streams.city.windows import Window
from tests.alerts.grouping import BEGUN_MS, Room
from tests.alerts.writing import acknowledge, detection, of_command, suppress

MINUTE_MS = 60_000


def shares(room):
    """How many alarms are shown, folded, waiting, and kept to the list of equipment."""
    found = {"shown": 0, "folded": 0, "waiting": 0, "equipment": 0}
    for one in room.state.open.values():
        by_itself = one.incident is None or one.level == 1
        place = "waiting" if by_itself else "folded"
        place = "shown" if by_itself and one.presented_at_ms is not None else place
        found["equipment" if one.equipment and place == "waiting" else place] += 1
    return found


def counted(room):
    """The same as the state counts it."""
    return {name: room.state.groups.places.get(name, 0) for name in shares(room)}


def test_the_eleventh_item_waits_for_the_first_of_the_ten_to_be_ten_minutes_old():
    room = Room()
    alarms = [room.find(3, "noise_high", f"n{number}", zone=f"z{number}") for number in range(11)]
    assert set(room.on_the_list()) == set(alarms[:MOST])
    room.wait(IN_MS - 10_000)
    assert alarms[10] not in room.on_the_list()
    room.wait(1)
    assert alarms[10] in room.on_the_list()
    assert room.most_in_ten_minutes() == MOST


def test_the_worst_comes_first_of_those_the_one_that_waits_longest():
    room = Room()
    alarms = [
        room.find(level, "noise_high", f"n{number}", zone=f"z{number}")
        for number, level in enumerate([4] * 10 + [4, 3, 4, 2, 3])
    ]
    room.wait(IN_MS * 2)
    assert [one for _, one in room.shown[MOST:]] == [alarms[place] for place in (13, 11, 14, 10, 12)]


@pytest.mark.parametrize("everywhere", [False, True], ids=["in one zone", "everywhere"])
@pytest.mark.parametrize("count", [500, 5_000])
def test_a_burst_shows_ten_in_ten_minutes_besides_level_i_and_loses_nothing(count, everywhere):
    room = Room(step_ms=MINUTE_MS // count)
    grave = []
    for number in range(count):
        level = 1 if number in (count // 3, count // 2, count - 1) else 3
        zone = f"z{number % 28}" if everywhere else "z1"
        alarm = room.find(level, "noise_high", f"n{number}", zone=zone)
        if level == 1:
            grave.append(alarm)
            assert room.shown[-1] == (room.now_ms, alarm)
        if number % 97 == 0:
            assert counted(room) == shares(room)
            assert sum(counted(room).values()) == number + 1
    assert shares(room)["shown"] <= MOST + len(grave)
    for _ in range(30):
        room.wait(MINUTE_MS)
        assert counted(room) == shares(room)
        assert sum(counted(room).values()) == count
    assert room.most_in_ten_minutes() == MOST
    assert len(room.state.open) == count
    assert counted(room)["waiting"] == 0  # half an hour later all of it can be reached from the list


def test_many_of_a_kind_in_a_zone_are_one_card_once_the_desk_is_full():
    room = Room()
    apart = [room.find(3, "noise_high", f"n{number}") for number in range(8)]
    assert not any(map(room.incident, apart))
    [room.find(3, "heat", f"t{number}", zone=f"z{number}") for number in range(2)]
    last = room.find(3, "noise_high", "n8")
    assert room.incident(last).cause == apart[6]
    assert room.incident(last) == room.incident(apart[7])
    assert room.incident(apart[5]) is None
    assert room.incident(room.find(3, "noise_high", "n9", zone="z2")) is None
    assert room.incident(room.find(3, "heat", "t9")) is None
    why = room.state.open[last].under
    assert (why.because, why.why.en) == ("burst", "Noise high at n6, and many more of its kind in its zone.")


def test_all_that_waits_comes_back():
    room = Room()
    alarms = {room.find(3, "noise_high", f"n{number}", zone=f"z{number}") for number in range(60)}
    room.wait(6 * IN_MS)
    assert set(room.on_the_list()) == alarms
    assert room.most_in_ten_minutes() == MOST


def test_level_i_is_shown_at_once_in_an_incident_too_and_when_it_rises_to_it():
    room = Room()
    for number in range(MOST):
        room.find(4, "noise_high", f"n{number}")
    room.find(3, "voltage_low", "feeder")
    lift = room.find(1, "lift_trapped", "lift")
    waits = room.find(3, "crowd_dense", "square")
    assert room.incident(lift) is not None
    assert lift in room.on_the_list()
    assert waits not in room.on_the_list()
    room.find(1, "crowd_dense", "square")
    assert waits in room.on_the_list()
    assert room.incident(lift).id not in room.on_the_list()  # the card of the others waits as ever


def test_what_somebody_acknowledges_meanwhile_needs_no_showing_until_it_is_let_go():
    room = Room()
    alarms = [room.find(3, "noise_high", f"n{number}", zone=f"z{number}") for number in range(12)]
    assert room.command(acknowledge(alarms[10], for_ms=20 * MINUTE_MS)) == "done"
    room.wait(15 * MINUTE_MS)
    assert set(alarms) - set(room.on_the_list()) == {alarms[10]}
    room.wait(10 * MINUTE_MS)
    assert set(alarms) == set(room.on_the_list())


def test_what_ends_meanwhile_and_nobody_saw_is_shown_all_the_same():
    room = Room()
    alarms = [room.find(3, "noise_high", f"n{number}", zone=f"z{number}") for number in range(11)]
    room.find(0, "noise_high", "n10", zone="z10")
    room.wait(IN_MS)
    assert alarms[10] in room.on_the_list()


def test_an_incident_is_one_item():
    room = Room()
    cause = room.find(3, "voltage_low", "feeder")
    others = [room.find(3, kind, entity) for kind, entity in (("lift_trapped", "lift"), ("lamps_out", "pump"))]
    assert [one for _, one in room.shown] == [cause]
    assert list(room.on_the_list()) == [room.incident(cause).id]
    assert shares(room) == {"shown": 0, "folded": 3, "waiting": 0, "equipment": 0}
    assert not set(others) & set(room.on_the_list())


@pytest.mark.parametrize(
    ("kind", "entity", "shown"),
    [("sensor_silent", "w1", False), ("feed_silent", "feed:water:z1", True), ("feed_silent", "feed:parking:z1", False)],
    ids=["a sensor alone", "a feed that guards against the grave", "a feed that does not"],
)
def test_equipment_has_a_list_of_its_own_unless_it_blinds_somebody(kind, entity, shown):
    room = Room()
    alarm = room.find(4, kind, entity, domain=entity.split(":")[1] if ":" in entity else "water")
    assert (alarm in room.on_the_list()) is shown
    assert shares(room)["equipment"] == (not shown)


@pytest.mark.parametrize(("level", "shown"), [(1, True), (2, True), (3, False)])
@pytest.mark.parametrize(("grave", "device"), [("d2", "u2"), ("underpass", "pump")], ids=["its place", "felt there"])
def test_a_device_that_falls_silent_where_something_grave_stands_is_shown(level, shown, grave, device):
    room = Room()
    room.find(level, "underpass_flooding", grave, "weather")
    assert (room.find(4, "sensor_silent", device, "parking") in room.on_the_list()) is shown


def silenced(room, count):
    """A feed that fell silent, and so many of its sensors."""
    feed = room.find(3, "feed_silent", "feed:water:z1")
    return feed, [room.find(4, "sensor_silent", f"w{number}") for number in range(count)]


def test_when_the_feed_is_back_its_sensors_are_not_told_and_one_that_stays_silent_stands_after_its_own_limit():
    room = Room(step_ms=100)
    feed, sensors = silenced(room, 50)
    incident = room.incident(feed)
    assert incident.count == 51
    room.find(0, "feed_silent", "feed:water:z1")
    back_ms, told = room.now_ms, len(room.shown)
    for number in range(1, 50):
        room.find(0, "sensor_silent", f"w{number}")
    room.wait(RELEASE_MS - (room.now_ms - back_ms) - 1)
    assert room.incident(sensors[0]).cause == feed
    room.wait(1)
    assert (room.incident(sensors[0]).id, room.incident(sensors[0]).cause) == (incident.id, sensors[0])
    assert len(room.shown) == told


def test_a_sensor_that_stays_silent_after_its_feed_and_hides_something_grave_is_shown_once_after_its_own_limit():  # A15
    room = Room(step_ms=100)
    room.find(1, "chlorine_low", "w7")
    feed, _ = silenced(room, 10)
    assert room.incident(feed).id in room.on_the_list()
    room.find(0, "feed_silent", "feed:water:z1")
    back_ms, told = room.now_ms, len(room.shown)
    for number in range(10):
        if number != 7:
            room.find(0, "sensor_silent", f"w{number}")
    room.wait(RELEASE_MS + back_ms - room.now_ms - 1)
    assert len(room.shown) == told
    room.wait(20 * RELEASE_MS)
    assert room.shown[told:] == [(back_ms + RELEASE_MS, room.incident(feed).id)]


def test_what_stays_when_the_cause_is_over_is_shown_once_as_one_incident():
    room = Room()
    cause = room.find(3, "voltage_low", "feeder")
    lift, lamps = room.find(3, "lift_trapped", "lift"), room.find(4, "lamps_out", "pump")
    room.find(0, "voltage_low", "feeder")
    told = len(room.shown)
    room.wait(RELEASE_MS)
    assert room.shown[told:] == [(room.now_ms, room.incident(lift).id)]
    assert room.incident(lamps).cause == lift != cause
    room.wait(10 * RELEASE_MS)
    assert len(room.shown) == told + 1


def test_a_cause_that_comes_back_in_time_keeps_its_incident():
    room = Room()
    cause, lift = room.find(3, "voltage_low", "feeder"), room.find(3, "lift_trapped", "lift")
    room.find(0, "voltage_low", "feeder")
    room.wait(RELEASE_MS // 2)
    room.take(detection(3, room.now_ms + 1, kind="voltage_low", entity="feeder", domain="water"))
    room.wait(RELEASE_MS)
    assert room.incident(lift).cause == cause
    assert room.incident(lift).release_at_ms is None


def test_the_load_is_summed_up_over_windows_of_ten_minutes_empty_ones_too():
    room = Room()
    room.wait(IN_MS - room.now_ms % IN_MS - 1000)
    for number in range(12):
        room.find(4 if number % 3 else 2, "noise_high", f"n{number}")
    room.find(4, "sensor_silent", "w1")
    room.wait(IN_MS)
    room.find(3, "heat", "t1")
    room.wait(IN_MS * 2)
    load = figures(room.state, room.now_ms)
    assert [load[f"{name}_count"] for name in ("now", "last", "worst", "average", "windows")] == [0, 0, 12, 3.25, 4]
    assert load["flood_ratio"] == 0.25  # 12, 1, 0 and 0 alarms
    assert load["top_ratio"] == {"noise_high": 0.9231, "heat": 0.0769}
    assert load["level_ratio"] == {"1": 0.0, "2": 0.3077, "3": 0.0769, "4": 0.6154}
    assert load["standing_24h_count"] == 0
    room.wait(DAY_MS)
    room.find(3, "heat", "t2")
    assert figures(room.state, room.now_ms)["standing_24h_count"] == 14


@pytest.mark.parametrize("back_ms", [1, IN_MS, DAY_MS, BEGUN_MS])
def test_a_clock_that_was_set_back_reads_the_load_as_of_the_newest_event(back_ms):
    room = Room()
    room.wait(IN_MS - room.now_ms % IN_MS)  # a window that just began, and nothing in the one before
    room.find(3, "heat", "t1")
    assert Figures().of(room.state, room.now_ms - back_ms) == Figures().of(room.state, room.now_ms)
    assert Figures().of(room.state, room.now_ms - back_ms)["now_count"] == 1


def test_what_is_covered_from_its_raise_on_is_counted_once_it_is_shown_if_it_ever_is():
    room = Room()
    room.command(suppress("k1", Window(until_ms=BEGUN_MS + DAY_MS), zone="z1"))
    for number in range(3):
        room.find(3, "noise_high", f"n{number}", zone="z1")
    room.find(0, "noise_high", "n0", zone="z1")
    assert figures(room.state, room.now_ms)["worst_count"] == 0
    assert room.command(of_command(Lift, "k1", "k2")) == "done"
    assert figures(room.state, room.now_ms)["worst_count"] == 2
    room.find(3, "noise_high", "n1", zone="z1")
    assert figures(room.state, room.now_ms)["worst_count"] == 2


def test_the_figures_forget_what_is_older_than_thirty_days():
    room = Room()
    for number in range(11):
        room.find(3, "noise_high", f"n{number}")
    room.wait(31 * DAY_MS)
    room.find(3, "heat", "t1")
    load = figures(room.state, room.now_ms)
    assert (load["worst_count"], load["windows_count"]) == (1, 30 * 144)
    assert load["top_ratio"] == {"heat": 1.0}
