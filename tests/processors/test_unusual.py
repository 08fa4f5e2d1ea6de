"""What is unusual of a series: known late, told once, for a reason, and the same however the values come."""

from __future__ import annotations

import numpy as np
import pytest

from processors.maths import unusual
from processors.maths.unusual import REASONS, Judged, Unusual
from streams.saving import state

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
INTERVAL_MS = 5 * MINUTE_MS
DAY = DAY_MS // INTERVAL_MS
NEWS = 0.5


def road(days: int = 6, seed: int = 1, interval_ms: int = INTERVAL_MS) -> tuple[np.ndarray, np.ndarray]:
    """Times from a midnight on, and speeds about 60 that fall to 40 each morning."""
    at_ms = np.arange(days * DAY_MS // interval_ms) * interval_ms
    hour = at_ms % DAY_MS / HOUR_MS
    noise = np.random.default_rng(seed).normal(0, 3, len(at_ms))
    return at_ms, 60 - 20 * np.exp(-(((hour - 8) / 1.5) ** 2)) + noise


def judged(at_ms: np.ndarray, value: np.ndarray, of: Unusual | None = None) -> Judged:
    of = of or Unusual()
    unusual.grow(of, 1)
    one = np.zeros(1, np.int64)
    found = [
        unusual.take(of, one, at_ms[row : row + 1], (value[row : row + 1], at_ms[row : row + 1] % DAY_MS / HOUR_MS))
        for row in range(len(at_ms))
    ]
    return Judged(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def reasons(found: Judged, rows: np.ndarray) -> list[str]:
    return [REASONS[number] for number in found.reason[rows]]


def test_the_first_day_is_not_yet_known():
    found = judged(*road(2))
    assert np.isnan(found.ratio[:DAY]).all()
    assert np.isnan(found.deviation[:DAY]).all()
    assert np.isfinite(found.ratio[DAY:]).all()
    assert ((found.ratio[DAY:] >= 0) & (found.ratio[DAY:] < 1)).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_common_day_is_hardly_ever_news(seed: int):
    found = judged(*road(12, seed))
    assert np.count_nonzero(found.ratio[5 * DAY :] >= NEWS) <= 4


@pytest.mark.parametrize(("value", "sign"), [(15.0, -1), (110.0, 1)])
def test_a_jump_is_told_at_once_and_once(value: float, sign: int):
    at_ms, speed = road()
    speed[5 * DAY + 180 : 5 * DAY + 186] = value
    found = judged(at_ms, speed)
    there = np.flatnonzero(found.ratio[5 * DAY + 170 : 5 * DAY + 190] >= NEWS)
    assert there.tolist() == [10]
    assert reasons(found, np.array([5 * DAY + 180])) == ["level"]
    assert np.sign(found.deviation[5 * DAY + 180]) == sign
    assert abs(found.deviation[5 * DAY + 180]) > 4


def test_what_becomes_much_worse_is_news_again():
    at_ms, speed = road()
    speed[5 * DAY + 180 : 5 * DAY + 184] = 38.0
    speed[5 * DAY + 184 : 5 * DAY + 190] = 3.0
    told = np.flatnonzero(judged(at_ms, speed).ratio[5 * DAY + 170 : 5 * DAY + 195] >= NEWS) + 170
    assert told.tolist()[:2] == [180, 184]


def test_the_same_speed_is_usual_in_the_morning_and_news_at_night():
    at_ms, speed = road(11)
    at_ms, speed = at_ms[: 10 * DAY + 97], speed[: 10 * DAY + 97]
    night, morning = speed.copy(), speed.copy()
    night[10 * DAY + 36], morning[10 * DAY + 96] = 38.0, 38.0
    assert judged(at_ms, night).ratio[10 * DAY + 36] >= NEWS
    assert judged(at_ms, morning).ratio[10 * DAY + 96] < 0.25


def test_a_slow_slide_is_a_trend_and_noise_a_spread():
    at_ms, speed = road()
    slide, noise = speed.copy(), speed.copy()
    slide[5 * DAY + 180 : 5 * DAY + 200] -= 8
    noise[5 * DAY + 180 : 5 * DAY + 210 : 2] += 8.5
    noise[5 * DAY + 181 : 5 * DAY + 210 : 2] -= 8.5
    for values, reason in ((slide, "trend"), (noise, "spread")):
        found = judged(at_ms, values)
        rows = np.arange(5 * DAY + 180, 5 * DAY + 210)
        assert reason in reasons(found, rows[found.ratio[rows] >= 0.2])


def test_silence_is_told_in_three_intervals_and_coming_back_is_no_news():
    at_ms, speed = road(6, interval_ms=MINUTE_MS)
    begins, ends = 5 * DAY_MS + 970 * MINUTE_MS, 5 * DAY_MS + 995 * MINUTE_MS
    of = Unusual()
    before, back = at_ms < begins, (at_ms >= ends) & (at_ms < ends + HOUR_MS)
    judged(at_ms[before], speed[before], of)
    last_ms = begins - MINUTE_MS
    assert not unusual.silent(of, last_ms + 2 * MINUTE_MS).any()
    assert unusual.silent(of, begins + 3 * MINUTE_MS).all()
    assert judged(at_ms[back], speed[back], of).ratio[0] < NEWS
    assert not unusual.silent(of, ends + HOUR_MS).any()


def test_one_value_for_an_hour_is_frozen_once_though_a_reading_is_missing():
    at_ms, speed = road(6, interval_ms=MINUTE_MS)
    first = 5 * DAY_MS // MINUTE_MS + 430
    speed[first : first + 60] = 54.0
    there = np.delete(np.arange(len(at_ms)), first + 29)
    found = judged(at_ms[there], speed[there])
    frozen = np.array(reasons(found, np.arange(len(there)))) == "frozen"
    assert np.flatnonzero(frozen).size == 1
    at = int(np.flatnonzero(frozen)[0])
    assert first + 29 <= there[at] <= first + 35
    assert found.ratio[at] >= NEWS


def test_a_night_without_cars_is_not_frozen():
    at_ms, flow = road(6, interval_ms=MINUTE_MS)
    flow[at_ms % DAY_MS < 5 * HOUR_MS] = 0.0
    assert "frozen" not in reasons(judged(at_ms, flow), np.arange(len(at_ms)))


def test_what_is_no_number_is_not_judged_and_teaches_nothing():
    at_ms, speed = road(3)
    holed = np.insert(speed, 2 * DAY, np.nan), np.insert(at_ms, 2 * DAY, at_ms[2 * DAY])
    found, plain = judged(holed[1], holed[0]), judged(at_ms, speed)
    assert np.isnan(found.ratio[2 * DAY])
    np.testing.assert_array_equal(np.delete(found.ratio, 2 * DAY), plain.ratio)


def test_saving_and_company_change_not_a_bit():
    at_ms, first = road(4, 1)
    _, second = road(4, 2)
    both = np.array([first, second])
    alone = [judged(at_ms, one) for one in both]
    of = Unusual()
    unusual.grow(of, 2)
    for row, at in enumerate(at_ms):
        if row in {7, DAY + 30, 3 * DAY}:
            of = state.decode(Unusual, state.encode(of))
        hour = np.full(2, at % DAY_MS / HOUR_MS)
        found = unusual.take(of, np.array([1, 0]), np.full(2, at), (both[::-1, row], hour))
        for place, number in enumerate((1, 0)):
            np.testing.assert_array_equal(found.ratio[place], alone[number].ratio[row])
            np.testing.assert_array_equal(found.deviation[place], alone[number].deviation[row])


def test_a_series_needs_less_than_800_bytes():
    of = Unusual()
    unusual.grow(of, 1000)
    assert len(state.encode(of)) <= 800 * 1000


def test_a_series_that_never_moves_and_one_with_a_step_back_in_time_do_no_harm():
    at_ms, speed = road(3)
    still = judged(at_ms, np.full(len(at_ms), 7.0))
    assert np.isfinite(still.ratio[DAY:]).all()
    at_ms[2 * DAY + 10] = at_ms[2 * DAY + 5]
    assert np.isfinite(judged(at_ms, speed).ratio[DAY + 1 :]).all()
