"""De-duplication against a plain dictionary that does the same row by row."""

from __future__ import annotations

import random

import numpy as np
import pytest

from streams.kernel.verdicts import CONFLICT, DUPLICATE, FORGOTTEN, NEW, REMEMBERED
from streams.zone import dedup
from streams.zone.absorb import Judge
from streams.zone.dedup import Seen, digests

Row = tuple[int, int, int]


def one_by_one(rows: list[Row]) -> list[int]:
    """Judge (sensor, time, digest) rows the plain way: the newest 32 times of each sensor are remembered."""
    memory: dict[int, dict[int, int]] = {}
    verdicts = []
    for sensor, at_ms, digest in rows:
        known = memory.setdefault(sensor, {})
        if at_ms in known:
            verdicts.append(DUPLICATE if known[at_ms] == digest else CONFLICT)
        elif len(known) == REMEMBERED and at_ms < min(known):
            verdicts.append(FORGOTTEN)
        else:
            if len(known) == REMEMBERED:
                del known[min(known)]
            known[at_ms] = digest
            verdicts.append(NEW)
    return verdicts


def in_cuts(judge: Judge, rows: list[Row], cuts: random.Random) -> list[int]:
    seen = Seen.empty()
    seen.grow(5)
    verdicts: list[int] = []
    while len(verdicts) < len(rows):
        part = rows[len(verdicts) : len(verdicts) + cuts.randint(1, 60)]
        sensor, at_ms, digest = (np.array(column) for column in zip(*part, strict=True))
        verdicts += judge(seen, sensor, at_ms, digest.astype(np.uint64)).tolist()
    return verdicts


@pytest.mark.parametrize("judge", [dedup.judge, dedup.compiled_judge()], ids=["numpy", "kernel"])
@pytest.mark.parametrize("seed", range(40))
def test_any_cut_of_the_log_gives_the_verdicts_of_row_by_row(seed: int, judge: Judge) -> None:
    chance = random.Random(seed)
    now = 0
    rows = []
    for _ in range(chance.randint(1, 400)):
        now += chance.choice([0, 1, 1, 2])
        at_ms = now if chance.random() < 0.85 else max(0, now - chance.randint(0, 60))
        rows.append((chance.randint(0, 4), at_ms, chance.randint(0, 1)))
    assert in_cuts(judge, rows, chance) == one_by_one(rows)


def test_a_missing_value_is_no_other_value() -> None:
    # Row 0 has a only, row 1 the same a and an unobserved b, row 2 another a.
    with_gap = {"a": np.array([1.0, 1.0, 2.0]), "b": np.full(3, np.nan)}
    found = digests(with_gap, 3)
    assert found[0] == found[1] == digests({"a": np.array([1.0])}, 1)[0]
    assert found[0] != found[2]


def test_values_in_other_columns_are_other_values() -> None:
    assert digests({"a": np.array([1.0])}, 1)[0] != digests({"b": np.array([1.0])}, 1)[0]


def test_both_judges_remember_the_same() -> None:
    chance = random.Random(3)
    rows = [(chance.randint(0, 2), chance.randint(0, 90), chance.randint(0, 1)) for _ in range(300)]
    sensor, at_ms, digest = (np.array(column) for column in zip(*rows, strict=True))
    memories = []
    for judge in (dedup.judge, dedup.compiled_judge()):
        seen = Seen.empty()
        seen.grow(3)
        judge(seen, sensor, at_ms, digest.astype(np.uint64))
        known = zip(seen.at_ms.tolist(), seen.digest.tolist(), strict=True)
        memories.append([sorted(zip(times, digests_, strict=True)) for times, digests_ in known])
    assert memories[0] == memories[1]
