"""What is unusual of a series: known late, told once, for a reason, and the same however the values come."""

from __future__ import annotations

import numpy as np

from processors.maths import unusual
from processors.maths.unusual import REASONS, Judged, Unusual
from streams.saving import state

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
INTERVAL_MS = 5 * MINUTE_MS
DAY = DAY_MS // INTERVAL_MS
NEWS = 0.5


def road(days: int = 4, seed: int = 1, interval_ms: int = INTERVAL_MS) -> tuple[np.ndarray, np.ndarray]:
    """Times from a midnight on, and speeds about 60 that fall to 40 each morning."""
    at_ms = np.arange(days * DAY_MS // interval_ms) * interval_ms
    hour = at_ms % DAY_MS / HOUR_MS
    noise = np.random.default_rng(seed).normal(0, 3, len(at_ms))
    return at_ms, 60 - 20 * np.exp(-(((hour - 8) / 1.5) ** 2)) + noise


def judged(at_ms: np.ndarray, *values: np.ndarray, of: Unusual | None = None) -> Judged:
    """Return what is said of several series that speak at the same times: (series, values), of one (values,)."""
    of = of or Unusual()
    unusual.grow(of, len(values))
    series, told, hours = np.arange(len(values)), np.array(values), at_ms % DAY_MS / HOUR_MS
    found = [
        unusual.take(of, series, np.full(len(series), at), (told[:, row], np.full(len(series), hours[row])))
        for row, at in enumerate(at_ms)
    ]
    return Judged(*(np.squeeze(np.stack(parts, axis=-1)) for parts in zip(*found, strict=True)))


def reasons(numbers: np.ndarray) -> list[str]:
    return [REASONS[number] for number in numbers]


def test_the_first_day_is_not_yet_known():
    found = judged(*road(2))
    assert np.isnan(found.ratio[:DAY]).all()
    assert np.isnan(found.deviation[:DAY]).all()
    assert np.isfinite(found.ratio[DAY:]).all()
    assert ((found.ratio[DAY:] >= 0) & (found.ratio[DAY:] < 1)).all()


def test_common_days_are_hardly_ever_news():
    days = 4
    at_ms = road(2 + days)[0]
    found = judged(at_ms, *(road(2 + days, seed)[1] for seed in range(8))).ratio[:, 2 * DAY :]
    assert np.count_nonzero(found >= NEWS) <= 1.5 * 8 * days
    assert np.count_nonzero(found >= 0.6) <= 0.2 * 8 * days


def test_a_jump_is_told_at_once_and_once_and_again_when_it_is_much_worse():
    at_ms, speed = road()
    row = 3 * DAY + 180
    falls, rises, worse = speed.copy(), speed.copy(), speed.copy()
    falls[row : row + 6], rises[row : row + 6] = 15.0, 110.0
    worse[row : row + 4], worse[row + 4 : row + 8] = 30.0, 1.0
    found = judged(at_ms, falls, rises, worse)
    told = [np.flatnonzero(one[row - 10 : row + 20] >= NEWS) - 10 for one in found.ratio]
    assert [one.tolist() for one in told] == [[0], [0], [0, 4]]
    assert reasons(found.reason[:, row]) == ["level"] * 3
    assert np.sign(found.deviation[:, row]).tolist() == [-1, 1, -1]
    assert (np.abs(found.deviation[:, row]) > 4).all()


def test_the_same_speed_is_usual_in_the_morning_and_news_at_night():
    at_ms, speed = road(7)
    night, morning = speed.copy(), speed.copy()
    night[6 * DAY + 36], morning[6 * DAY + 96] = 38.0, 38.0
    found = judged(at_ms, night, morning).ratio
    assert found[0, 6 * DAY + 36] >= NEWS
    assert found[1, 6 * DAY + 96] < 0.25


def test_a_slow_slide_is_a_trend_and_noise_a_spread():
    at_ms, speed = road()
    rows = np.arange(3 * DAY + 180, 3 * DAY + 210)
    slide, noise = speed.copy(), speed.copy()
    slide[rows[:20]] -= 8
    noise[rows[::2]] += 8.5
    noise[rows[1::2]] -= 8.5
    found = judged(at_ms, slide, noise)
    for number, reason in enumerate(("trend", "spread")):
        assert reason in reasons(found.reason[number, rows[found.ratio[number, rows] >= 0.2]])


def test_silence_is_told_in_three_intervals_and_coming_back_is_no_news():
    at_ms, speed = road(2, interval_ms=MINUTE_MS)
    begins, ends = DAY_MS + 970 * MINUTE_MS, DAY_MS + 995 * MINUTE_MS
    of = Unusual()
    before, back = at_ms < begins, (at_ms >= ends) & (at_ms < ends + HOUR_MS)
    judged(at_ms[before], speed[before], of=of)
    assert not unusual.silent(of, begins + MINUTE_MS).any()
    assert unusual.silent(of, begins + 3 * MINUTE_MS).all()
    assert judged(at_ms[back], speed[back], of=of).ratio[0] < NEWS
    assert not unusual.silent(of, ends + HOUR_MS).any()


def test_one_value_for_an_hour_is_frozen_once_though_a_reading_is_missing_and_a_night_without_cars_is_not():
    at_ms, speed = road(2, interval_ms=MINUTE_MS)
    first = DAY_MS // MINUTE_MS + 430
    stuck, flow = speed.copy(), speed.copy()
    stuck[first : first + 60] = 54.0
    flow[at_ms % DAY_MS < 5 * HOUR_MS] = 0.0
    there = np.delete(np.arange(len(at_ms)), first + 29)
    found = judged(at_ms[there], stuck[there], flow[there])
    frozen = found.reason == REASONS.index("frozen")
    assert np.count_nonzero(frozen, axis=1).tolist() == [1, 0]
    at = int(np.flatnonzero(frozen[0])[0])
    assert first + 29 <= there[at] <= first + 35
    assert found.ratio[0, at] >= NEWS


def test_what_is_no_number_is_not_judged_and_teaches_nothing():
    at_ms, speed = road(3)
    holed = np.insert(speed, 2 * DAY, np.nan), np.insert(at_ms, 2 * DAY, at_ms[2 * DAY])
    found, plain = judged(holed[1], holed[0]), judged(at_ms, speed)
    assert np.isnan(found.ratio[2 * DAY])
    np.testing.assert_array_equal(np.delete(found.ratio, 2 * DAY), plain.ratio)


def test_saving_and_company_change_not_a_bit():
    at_ms, first = road(3, 1)
    _, second = road(3, 2)
    both = np.array([first, second])
    alone = [judged(at_ms, one) for one in both]
    of = Unusual()
    unusual.grow(of, 2)
    for row, at in enumerate(at_ms):
        if row in {7, DAY + 30, 2 * DAY}:
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
