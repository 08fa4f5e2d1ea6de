"""The one writer of a city's versions: when it publishes, and what it says when it cannot."""

import fcntl
import sys

import pytest

from deploy.config.settings import load
from deploy.supervision import launch, publish, publisher, refused_city, tail
from deploy.supervision.publisher import Publisher
from streams.contract.name import Name
from tests.city_edits import head
from tests.runs import run_of
from tests.small_city import write_small_city


@pytest.fixture
def folder(tmp_path):
    return write_small_city(tmp_path / "city")


def looks(publisher, count):
    """Look so often → how many times the command was run."""
    runs = 0
    for _ in range(count):
        before = publisher.at_work
        publisher.look()
        runs += publisher.at_work not in (None, before)
        if publisher.at_work is not None:
            publisher.at_work.wait(30)
    return runs


def command(code):
    return [sys.executable, "-c", f"raise SystemExit({code})"]


def test_a_folder_of_which_nothing_is_known_is_published_once(folder):
    assert looks(Publisher(folder, command(0)), 4) == 1


def test_what_is_in_force_is_not_published_again(folder, tmp_path):
    copy = write_small_city(tmp_path / "copy")
    publisher = Publisher(folder, command(0), copy)
    assert looks(publisher, 3) == 0
    head("Small", "Smaller")(folder)
    assert looks(publisher, 1) == 0  # it may be half written: look twice
    assert looks(publisher, 3) == 1


def test_one_that_could_not_be_sent_is_tried_again_one_that_is_wrong_is_not(folder):
    assert looks(Publisher(folder, command(publisher.TRY_AGAIN)), 3) == 3
    assert looks(Publisher(folder, command(1)), 3) == 1
    killed = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    assert looks(Publisher(folder, killed), 3) == 3


def test_without_a_supervisor_the_settings_say_what_to_publish(folder, tmp_path, monkeypatch, capsys):
    for name, value in {"CITY": folder, "DATA": tmp_path / "data", "KAFKA": "127.0.0.1:1", "REDIS": "h:1"}.items():
        monkeypatch.setenv(f"CITYWALL_{name}", str(value))
    assert publish.main(["--from-settings"]) == publisher.TRY_AGAIN
    assert "no Kafka answers at 127.0.0.1:1" in capsys.readouterr().out
    monkeypatch.delenv("CITYWALL_REDIS")
    assert publish.main(["--from-settings"]) == 1
    assert "CITYWALL_REDIS is not set" in capsys.readouterr().out


def test_two_never_write_at_once(tmp_path):
    with publish._alone(tmp_path):
        other = (tmp_path / publish.LOCK_FILE).open("ab")
        with other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def edited(folder, data, copy=None):
    """A run whose city people edit in this folder."""
    return run_of(data, city=copy or folder, city_edited=folder, components=load(environment={}).components)


def test_a_folder_that_was_mended_while_nobody_looked_is_told_no_more(folder, tmp_path):
    """It is what stands in force again, so nothing is ever published of it."""
    copy = write_small_city(tmp_path / "copy")
    (folder / "rules.toml").write_text("[fog]\n")
    refused_city.note(tmp_path, "no such rule: fog")
    tail.publisher_of(edited(folder, tmp_path, copy))
    assert len(refused_city.trouble(tmp_path)) == 1
    (folder / "rules.toml").unlink()
    assert looks(tail.publisher_of(edited(folder, tmp_path, copy)), 3) == 0
    assert refused_city.trouble(tmp_path) == []


def test_a_start_with_a_good_folder_tells_no_more_what_was_wrong_before(folder, tmp_path, monkeypatch):
    """`up` has found it good before it comes so far."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    refused_city.note(tmp_path, "no such rule: fog")
    wanted = launch.Wanted(
        settings=load(environment={"CITYWALL_KAFKA": "h:1", "CITYWALL_REDIS": "h:1", "CITYWALL_PORT": "0"}),
        city_id="small", city_name=Name("小城", "Small"), city_folder=folder, mode="live", speed=1, data=tmp_path,
        show=False, begun_s=0.0,
    )  # fmt: skip
    launch._prepare(wanted, lambda line: None)
    assert refused_city.trouble(tmp_path) == []


def test_a_folder_that_is_refused_is_told_until_it_is_mended(folder, tmp_path, monkeypatch):
    """`status` reads it; what was in force, all rules of it, stays so."""
    data = tmp_path / "data"
    data.mkdir()
    edited(folder, data).write()
    assert refused_city.trouble(data) == []
    (folder / "rules.toml").write_text("[heat]\niv = 'warm'\n[fog]\n")
    assert publish.main(["--data", str(data)]) == 1
    (said,) = refused_city.trouble(data)
    reason = f"{folder.name}/rules.toml: rule heat: iv: a number is needed, not 'warm'"
    assert reason in said.en
    assert reason in said.zh
    (folder / "rules.toml").write_text("[heat]\niv = 36\n")
    assert publish.main(["--data", str(data)]) == publisher.TRY_AGAIN  # nobody answers: it is not in force yet
    assert len(refused_city.trouble(data)) == 1
    monkeypatch.setattr("streams.city.publishing.publish", lambda *of: 2)
    assert publish.main(["--data", str(data)]) == 0
    assert refused_city.trouble(data) == []
