"""The spill gives back what it acknowledged, in order, after any end of the process, and never more than its limit."""

from __future__ import annotations

import logging
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams.errors import UnreachableError
from streams.sinks.history.spill import MAGIC, Spill


def payload(number: int) -> bytes:
    """Each differs in length and content."""
    return f"{number}:".encode() * (number % 7 + 1)


def everything(spill: Spill, at_most_bytes: int = 1) -> list[bytes]:
    found = []
    while spill:
        found += spill.oldest(at_most_bytes)
        spill.drop_oldest()
    return found


@pytest.mark.parametrize("at_most_bytes", [1, 40, 2**20])
@pytest.mark.parametrize("limit_bytes", [4_000, 2**20], ids=["many segments", "one segment"])
def test_what_goes_in_comes_out_in_order(tmp_path: Path, at_most_bytes: int, limit_bytes: int):
    spill = Spill(tmp_path, limit_bytes)
    for number in range(100):
        spill.append(payload(number))
    assert everything(spill, at_most_bytes) == [payload(number) for number in range(100)]
    assert not spill
    assert spill.size_bytes == 0
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    spill.close()


def test_reading_appending_and_restarts_may_alternate(tmp_path: Path):
    chance = random.Random(7)
    spill, sent, dropped = Spill(tmp_path, 8_000), 0, 0
    for _ in range(2_000):
        if chance.random() < 0.5 and spill.size_bytes < 4_000:
            spill.append(payload(sent))
            sent += 1
        elif spill:
            found = spill.oldest(chance.randrange(1, 100))
            assert found == [payload(number) for number in range(dropped, dropped + len(found))]
            spill.drop_oldest()
            dropped += len(found)
        if chance.random() < 0.05:
            spill.close()
            spill = Spill(tmp_path, 8_000)
            again = int(spill.oldest(1)[0].split(b":")[0]) if spill else sent
            assert again <= dropped  # a segment that was read in part comes again, whole
            dropped = again
    assert sent > 500
    assert everything(spill) == [payload(number) for number in range(dropped, sent)]
    spill.close()


def test_a_torn_end_is_cut_wherever_it_is_torn(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    whole = tmp_path / "whole"
    spill = Spill(whole)
    ends = [len(MAGIC)]
    for number in range(3):
        spill.append(payload(number))
        ends.append(spill.size_bytes)
    spill.close()
    (segment,) = whole.glob("*.segment")
    for size in range(ends[-1] + 1):
        torn = tmp_path / f"torn{size}"
        shutil.copytree(whole, torn)
        with (torn / segment.name).open("rb+") as file:
            file.truncate(size)
        spill = Spill(torn)
        kept = sum(end <= size for end in ends[1:])
        spill.append(payload(9))
        spill.close()
        spill = Spill(torn)
        assert everything(spill) == [payload(number) for number in range(kept)] + [payload(9)]
        assert not list(torn.glob("*.damaged"))
        spill.close()
    assert "never acknowledged" in caplog.text


@pytest.mark.parametrize("while_open", [True, False])
def test_damage_in_the_middle_is_set_aside_and_said(tmp_path: Path, while_open: bool, caplog: pytest.LogCaptureFixture):
    spill = Spill(tmp_path, 600)  # segments of some 75 bytes
    for number in range(15):
        spill.append(payload(number))
    first = min(tmp_path.glob("*.segment"))
    data = bytearray(first.read_bytes())
    second_entry = len(MAGIC) + 8 + len(payload(0))
    data[second_entry + 8] ^= 1
    first.write_bytes(data)
    if not while_open:
        spill.close()
        spill = Spill(tmp_path, 600)
    with caplog.at_level(logging.ERROR, "citywall"):
        found = everything(spill)
    assert found[0] == payload(0)
    assert found[1:] == [payload(number) for number in range(15 - len(found) + 1, 15)]
    assert len(found) > 5
    assert first.with_suffix(".damaged").read_bytes() == data[second_entry:]
    assert "cannot be read" in caplog.text
    spill.close()


def test_the_limit_is_kept_and_a_segment_that_is_dropped_makes_room(tmp_path: Path):
    spill = Spill(tmp_path, 1_000)
    for _ in range(8):
        spill.append(b"x" * 100)
    assert spill.size_bytes == 4 * (8 + 2 * 108)  # a segment ends beyond 1,000 / 8; one more entry would make 1,012
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == spill.size_bytes
    for _ in range(2):
        with pytest.raises(OSError, match="limit"):
            spill.append(b"y" * 100)
        spill.oldest(1)
        spill.drop_oldest()
    spill.append(b"y" * 100)
    assert everything(spill) == [b"x" * 100] * 6 + [b"y" * 100]
    spill.close()


FULL = """
import resource, sys
from pathlib import Path
from streams.sinks.history.spill import Spill
spill = Spill(Path(sys.argv[1]))
spill.append(b"first" * 100)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for _ in range(3):
    try:
        spill.append(b"no room" * 200)
    except OSError as exc:
        print(exc.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spill.append(b"last" * 500)
"""


def test_a_full_disk_leaves_what_is_there_and_nothing_of_what_was_refused(tmp_path: Path):
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["File too large"] * 3
    assert done.stderr == ""
    spill = Spill(tmp_path)
    assert everything(spill) == [b"first" * 100, b"last" * 500]
    assert not list(tmp_path.glob("*.damaged"))
    spill.close()


def test_a_folder_has_one_owner(
    tmp_path: Path,
):
    spill = Spill(tmp_path)
    with pytest.raises(UnreachableError, match="in use"):
        Spill(tmp_path)
    spill.close()
    Spill(tmp_path).close()
