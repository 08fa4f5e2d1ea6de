"""A combination knows what stands although it has not heard how it came: Kafka has deleted that, or it begins anew."""

import asyncio
from dataclasses import replace

from processors import threshold
from processors.combination import State, step
from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import LevelChange
from tests.fakes import FakeBus, FakeClock
from tests.processors import stages
from tests.processors.contract import CITY, START_MS, frame_of
from tests.processors.test_absence import MISSING, row
from tests.processors.test_combination import BOTH, CONFIG, NORTH, RAIN, STORY, at, frame, put_readings, stack, told


def standing(until, *levels):
    stands = tuple(LevelChange(kind, entity, at(minute), level) for kind, entity, minute, level in levels)
    return replace(frame("weather", NORTH, until), stands=stands)


def after(*frames):
    """What is found once all zones have passed minute 30, water from 5 to 20; of weather these frames came before."""
    state, found = State(), []
    rest = [frame(*place, 30, *(levels if place[0] == "water" else ())) for place, levels in STORY.items()]
    for one in (*frames, *rest):
        found += [told(each)[:4] for each in step(state, one, CITY, CONFIG).detections]
    return found


FROM_TEN = [("zone:north", 5, 4, 3), ("zone:north", 10, 9, 2), ("zone:north", 21, 19, 3)]
"""Water alone from 5 on, both from 10 on, rain alone from 20 on."""


def test_what_stands_counts_from_the_time_up_to_which_it_is_judged():
    assert after(standing(10, (*RAIN, 10, 3))) == FROM_TEN


def test_told_again_it_changes_nothing_and_its_end_is_its_end():
    again = [standing(minute, (*RAIN, minute, 3)) for minute in (10, 20)]
    assert after(*again) == FROM_TEN
    ended = frame("weather", NORTH, 26, (*RAIN, 25, 0))
    assert after(*again, ended) == [*FROM_TEN, ("zone:north", 26, 24, 0)]


def test_an_old_frame_that_comes_once_more_wakes_nothing():
    """Rain stood when minute 10 had passed and ended at 11; a zone stage that starts again sends minute 10 again."""
    first, ended = standing(10, (*RAIN, 10, 3)), frame("weather", NORTH, 25, (*RAIN, 11, 0))
    assert after(first, ended, first) == after(first, ended)


async def by_the_minute(intake, zone, domains):
    """A reading and its mark at a time."""
    await intake.start()
    while any([await intake.deliver(topics.inbox(one), 0, at_most=2) for one in domains]):
        pass
    await zone.start()
    await zone.drain()


def test_the_zone_stage_tells_what_stands_each_ten_minutes_of_event_time(tmp_path):
    """Hot from minute 4 to 14, low from 6 to 17; ten minutes of the clock end with 6 and 16. All before 6 is lost."""
    folder, domains = stages.write_city(tmp_path), ("weather", "water")
    logs = {topics.state(stage, domain): 1 for stage in ("intake", "zone") for domain in domains}
    logs |= {of(domain): 1 for of in (topics.inbox, topics.readings) for domain in domains}
    bus = FakeBus(logs, FakeClock(START_MS + 10**8))
    put_readings(bus)
    asyncio.run(by_the_minute(*stack(folder, bus)[:2], domains))
    frames = [decode_metrics(one.value) for one in bus.log(topics.METRICS)]
    again = {(*level, one.zone_id) for one in frames for level in one.stands}
    hot, low = ("hot", "weather-north-1"), ("low", "water-north-1")
    assert again == {(*of, at(minute), 4, "north") for of, minute in ((hot, 6), (low, 6), (low, 16))}
    state, found = State(), []
    for one in frames:
        if one.watermark_ms >= at(6):
            found += step(state, replace(one, zone=CITY.zone_code[one.zone_id], lag_ms=0), CITY, BOTH).detections
    assert [told(one)[:4] for one in found] == [("zone:north", 6, 5, 2), ("zone:north", 15, 13, 0)]


def test_what_a_processor_says_stands_is_what_it_has_told():
    """Chlorine is missed from minute 1 on: IV at 6, III at 11; the minutes up to 12 are judged."""
    state, absence = threshold.State(), threshold.Config(rules=(MISSING,))
    frame_at_12 = frame_of("water", [row(minute, "b" if minute == 0 else "p") for minute in range(12)], at(12))
    threshold.step(state, frame_at_12, CITY, absence)
    assert list(threshold.SPEC.stands(state)) == [("chlorine_missing", "water-north-0", at(12), 3)]
