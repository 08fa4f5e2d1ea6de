"""A full disk is named before a start and while a city runs."""

from pathlib import Path

import pytest

from deploy.supervision import disk
from streams.errors import ConfigError

DATA = Path("/data")


def test_a_start_on_a_full_disk_is_refused_with_path_room_and_cure():
    with pytest.raises(ConfigError) as refused:
        disk.refuse_full(DATA, disk.NONE_BYTES - 1, print)
    assert str(refused.value) == (
        "the disk of /data is full: 64 MiB (67,108,863 bytes) are left; make room, or move the city to a larger disk "
        "with --data DIR"
    )


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (disk.NONE_BYTES, ["the disk of /data is nearly full: 64 MiB (67,108,864 bytes) are left; "]),
        (disk.LOW_BYTES, []),
        (None, []),
    ],
)
def test_a_start_with_little_room_is_warned_of(free, said):
    lines = []
    disk.refuse_full(DATA, free, lines.append)
    assert [line[: len(said[0])] for line in lines] == said


def test_the_room_is_asked_of_the_system_and_may_be_unknown(tmp_path):
    assert (disk.free_bytes(tmp_path) or 0) > 0
    assert disk.free_bytes(tmp_path / "not" / "there") is None
