"""Logs stay small although their writers know nothing of it."""

from deploy.supervision import logfiles


def test_large_log_moves_and_its_writer_goes_on_at_the_new_end(tmp_path):
    log = tmp_path / "part.log"
    with log.open("ab", buffering=0) as writer:
        for round_number in range(4):
            writer.write(b"%d\n" % round_number * 60)
            logfiles.bound(log, largest_bytes=100)
        writer.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert log.with_name("part.log.1").read_bytes() == b"3\n" * 60
    assert log.with_name("part.log.2").read_bytes() == b"2\n" * 60
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.log", "part.log.1", "part.log.2"]


def test_small_log_stays(tmp_path):
    log = tmp_path / "part.log"
    log.write_bytes(b"x" * 99)
    logfiles.bound(log, largest_bytes=100)
    assert log.stat().st_size == 99


def test_tail_reads_over_the_move(tmp_path):
    log = tmp_path / "part.log"
    log.write_text("c\n")
    log.with_name("part.log.1").write_text("a\nb\n")
    assert logfiles.tail(log, 2) == ["b", "c"]
    assert logfiles.tail(log, 9) == ["a", "b", "c"]
    assert logfiles.tail(tmp_path / "none.log", 3) == []
