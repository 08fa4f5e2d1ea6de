"""A road whose free flow is edited while its city runs: a late reading leaves old minutes graded as they were."""

import asyncio
from pathlib import Path

import pytest

from streams.intake import followed_city
from tests.city_edits import properties
from tests.small_city import write_small_city
from tests.streams.moving import MINUTE_MS, START_MS, Life

EDITED_MS = START_MS + 630_000
LATE_MS = START_MS + 15 * MINUTE_MS + 5
ALL = 10_000


def reading(sensor: int, at_ms: int) -> dict[str, object]:
    return {"sensor": f"d{sensor}", "at": at_ms, "speed_km_h": 40, "flow_veh_h": 600}


async def lived(life: Life, *, restart: bool) -> None:
    """Three readings a minute of each detector, one more of d1 for the minutes 5 and 11 at 15:00; s1 is edited."""
    times_ms = range(START_MS, START_MS + 17 * MINUTE_MS, 20_000)
    sent = [(at_ms + sensor, reading(sensor, at_ms)) for at_ms in times_ms for sensor in range(4)]
    sent += [(LATE_MS, reading(1, START_MS + minute * MINUTE_MS + 7_000)) for minute in (5, 11)]
    edits = {EDITED_MS: properties("segments", 1, free_flow_km_h=90)}
    if not restart:
        await life.run(sent, edits)
        return
    await life.run([one for one in sent if one[0] < LATE_MS], edits)
    await life.run([one for one in sent if one[0] >= LATE_MS], {})


@pytest.mark.parametrize("cut", [1, ALL])
@pytest.mark.parametrize("restart", [False, True], ids=["while it runs", "started anew before the late reading"])
def test_a_late_reading_does_not_grade_an_old_minute_by_todays_road(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int, restart: bool
):
    monkeypatch.setattr(followed_city, "LOOK_EVERY_S", 0.0)
    folder = write_small_city(tmp_path / "city", segments=4, stations=(), intervals_s=(10, 10))
    life = Life(folder, "traffic", cut=cut)
    asyncio.run(lived(life, restart=restart))

    def told(entity: str, metric: str, minute: int) -> list[tuple[int, int, float]]:
        return [*dict.fromkeys(row[1:] for row in life.of(entity, metric)[minute])]

    for metric, value in (("tti_ratio", 1.5), ("delay_s", 15.0)):
        for entity, others in (("s1", 0), ("zone:z1", 0), ("city:small", 9)):
            assert told(entity, metric, 5) == [(0, 3 + others, value), (1, 4 + others, value)]
    assert told("zone:z1", "tpi", 5) == [(0, 3, 2.333333), (1, 4, 2.333333)]
    assert told("city:small", "tpi", 5) == [(0, 12, 2.333333), (1, 13, 2.333333)]
    assert told("s1", "tti_ratio", 9) == [(0, 3, 1.5)]
    assert told("s1", "tti_ratio", 10) == [(0, 3, 2.25)]  # it was open when the road was edited
    assert told("s1", "tti_ratio", 11) == [(0, 3, 2.25), (1, 4, 2.25)]
    assert told("zone:z1", "tpi", 11)[-1] == (1, 4, 5.111111)
