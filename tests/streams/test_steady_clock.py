"""A wall clock that is set back puts nothing off that waits."""

from streams.broker.arrivals import Steady


def test_a_steady_clock_goes_on_where_the_wall_is_set_back_and_follows_it_ahead():
    wall, gone = [1_000_000], [5.0]
    steady = Steady(lambda: wall[0], lambda: gone[0])
    for wall_ms, seconds, expected in [
        (1_002_000, 2.0, 1_002_000),
        (400_000, 3.0, 1_005_000),  # set back by ten minutes: the seconds that passed
        (401_000, 1.0, 1_006_000),
        (2_000_000, 1.0, 2_000_000),
        (2_000_500, 1.0, 2_001_000),  # slewed: never slower than the seconds
    ]:
        wall[0], gone[0] = wall_ms, gone[0] + seconds
        assert steady() == expected
