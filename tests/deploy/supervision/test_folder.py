"""A data folder has one holder, and only an earlier replay's is ever emptied."""

import os

import pytest

from deploy.config import run as runs
from deploy.supervision import folder, launch
from deploy.supervision.folder import Holder
from deploy.terminal import cli
from streams.errors import ConfigError
from tests.runs import run_of

WHO = Holder(os.getpid(), "yunlan", "2026-11-24T08:00:00+00:00")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


def test_second_holder_is_told_who_holds_it(tmp_path):
    lock = folder.take(tmp_path / "d", WHO)
    with pytest.raises(ConfigError, match=rf"held by yunlan, process {os.getpid()}, since 2026-11-24T08.*--data DIR"):
        folder.take(tmp_path / "d", WHO)
    assert folder.holder(tmp_path / "d") == WHO
    lock.release()
    assert folder.holder(tmp_path / "d") is None
    folder.take(tmp_path / "d", WHO).release()


def test_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be written.*--data DIR"):
        folder.take(tmp_path / "file" / "d", WHO)


def test_earlier_replay_is_removed_but_for_the_lock(tmp_path):
    data = tmp_path / "d"
    lock = folder.take(data, WHO)
    assert folder.empty_replay(data) is False
    run_of(data, mode="replay").write()
    (data / "kafka" / "log").mkdir(parents=True)
    (data / "kafka" / "log" / "0.log").write_bytes(b"x")
    assert folder.empty_replay(data) is True
    assert [path.name for path in data.iterdir()] == ["lock"]
    lock.release()


@pytest.mark.parametrize("mode", ["simulated", "live"])
def test_city_of_up_is_never_removed(tmp_path, mode):
    run_of(tmp_path, mode=mode).write()
    with pytest.raises(ConfigError, match="holds the city small of `up`"):
        folder.empty_replay(tmp_path)
    assert (tmp_path / runs.RUN_FILE).exists()


def test_strangers_files_are_never_removed(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="no replay left"):
        folder.empty_replay(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_up_refuses_a_replays_folder_and_another_citys(tmp_path):
    launch.check_same_city(tmp_path, "yunlan")
    run_of(tmp_path, mode="replay").write()
    with pytest.raises(ConfigError, match="holds a replay"):
        launch.check_same_city(tmp_path, "yunlan")
    run_of(tmp_path, city_id="aarhus").write()
    with pytest.raises(ConfigError, match="holds the city aarhus, not yunlan"):
        launch.check_same_city(tmp_path, "yunlan")


def test_last_started_is_remembered(tmp_path):
    with pytest.raises(ConfigError, match="citywall up"):
        folder.last_started()
    folder.remember(tmp_path / "d")
    assert folder.last_started() == tmp_path / "d"


def test_run_is_readable_by_its_owner_alone_and_does_not_show_what_is_secret(tmp_path):
    run = run_of(tmp_path)
    run.write()
    assert (tmp_path / runs.RUN_FILE).stat().st_mode & 0o777 == 0o600
    assert runs.read(tmp_path) == run
    assert "redis" not in repr(run)


def test_disk_counts_blocks_of_all_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 100_000)
    assert 100_000 <= folder.disk_bytes(tmp_path) < 200_000


def test_who_holds_it_and_has_not_said_so_yet_is_not_stopped(tmp_path, monkeypatch, capsys):
    lock = folder.take(tmp_path, WHO)
    (tmp_path / "lock").write_bytes(b"")  # as between holding it and saying so; to stop process 0 is to stop oneself
    monkeypatch.setattr(os, "kill", lambda pid, number: pytest.fail(f"kill {pid}"))
    assert cli.main(["down", "--data", str(tmp_path)]) == cli.MISUSED
    assert f"{tmp_path} is held by a process that has not said yet which it is" in capsys.readouterr().err
    lock.release()
