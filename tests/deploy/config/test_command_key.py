"""The key of commands: made once, its owner's alone, the same for wall and engine."""

import stat
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from deploy.config import settings
from deploy.config.command_key import FILE, command_key
from streams.errors import SettingError
from tests.runs import run_of


@pytest.fixture
def run(tmp_path):
    """A run of a data folder of before, which has no key."""
    return run_of(tmp_path)


def test_it_is_made_once_and_its_owner_alone_may_read_it(run, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: command_key(run), range(16)))
    assert found == {command_key(run)}
    assert len(command_key(run)) == 64
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / FILE).parent.iterdir()] == [FILE.name]


def test_two_cities_have_two_keys(run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    assert command_key(run) != command_key(msgspec.structs.replace(run, data=str(other)))


def test_a_container_gets_it_as_a_file(run, tmp_path, monkeypatch):
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setattr(settings, "command_key_file", lambda: tmp_path / "key")
    assert command_key(run) == b"0123456789abcdef0123456789abcdef"
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("text", ["", "short"])
def test_what_anybody_could_guess_is_refused(run, tmp_path, text):
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SettingError, match=r"command.key: the key of commands needs at least 32 characters"):
        command_key(run)


def test_a_file_that_is_named_and_not_there_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "command_key_file", lambda: tmp_path / "nowhere")
    with pytest.raises(SettingError, match=r"nowhere: the key of commands cannot be read"):
        command_key(run)


def test_the_environment_names_it():
    assert settings.command_key_file({}) is None
    assert str(settings.command_key_file({"CITYWALL_COMMAND_KEY_FILE": "/run/secrets/k"})) == "/run/secrets/k"
