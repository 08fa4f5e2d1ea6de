"""The command line: commands found by file name, errors as sentences, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.terminal import cli

ROOT = Path(__file__).resolve().parents[3]

COMMAND = """
from streams.errors import RefusedError, SettingError
SUMMARY = "Say it"
def add_arguments(parser):
    parser.add_argument("words", nargs="*")
def run(args):
    match args.words:
        case ["wrong"]: raise SettingError("port: 'x' is not a number; give one")
        case ["refused"]: raise RefusedError("Redis at h:1 wants a password")
        case ["closed"]: raise PermissionError(13, "Permission denied", "/closed/run.json")
        case ["interrupt"]: raise KeyboardInterrupt
    print(args.data, *args.words)
    return len(args.words)
"""


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command `say` beside the real ones."""
    (tmp_path / "say.py").write_text(COMMAND)
    monkeypatch.setattr(cli, "COMMANDS", tmp_path)
    monkeypatch.setattr("deploy.commands.__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "deploy.commands.say", raising=False)


@pytest.mark.usefixtures("say")
class TestACommand:
    def test_runs_with_its_options_and_answers_its_exit_code(self, capsys: pytest.CaptureFixture[str]):
        assert cli.main(["say", "--data", "d", "a", "b"]) == 2
        assert capsys.readouterr().out == "d a b\n"

    def test_has_no_data_folder_unless_given(self, capsys: pytest.CaptureFixture[str]):
        assert cli.main(["say"]) == 0
        assert capsys.readouterr().out == "None\n"

    @pytest.mark.parametrize(
        ("words", "code", "sentence"),
        [
            (["wrong"], 2, "citywall say: port: 'x' is not a number; give one\n"),
            (["refused"], 1, "citywall say: Redis at h:1 wants a password\n"),
            (["closed"], 1, "citywall say: /closed/run.json: Permission denied\n"),
            (["interrupt"], 130, ""),
        ],
        ids=["user's mistake", "server's refusal", "no rights", "Ctrl-C"],
    )
    def test_ends_with_a_sentence(self, words, code, sentence, capsys: pytest.CaptureFixture[str]):
        assert cli.main(["say", *words]) == code
        assert capsys.readouterr() == ("", sentence)

    def test_stands_in_the_help(self, capsys: pytest.CaptureFixture[str]):
        assert cli.main(["--help"]) == 0
        assert "  say  Say it\n" in capsys.readouterr().out

    @pytest.mark.parametrize("word", ["sya", "says"])
    def test_is_named_when_it_was_nearly_written(self, word: str, capsys: pytest.CaptureFixture[str]):
        assert cli.main([word]) == 2
        assert capsys.readouterr() == ("", f"citywall: there is no command '{word}'; did you mean 'say'?\n")

    @pytest.mark.parametrize(("word", "kind"), [("xxxxxx", "command"), ("--port", "option"), ("../say", "command")])
    def test_is_refused_when_it_does_not_exist(self, word: str, kind: str, capsys: pytest.CaptureFixture[str]):
        assert cli.main([word]) == 2
        assert f"there is no {kind} '{word}'" in capsys.readouterr().err

    def test_explains_itself(self, capsys: pytest.CaptureFixture[str]):
        with pytest.raises(SystemExit) as ended:
            cli.main(["say", "--help"])
        assert ended.value.code == 0
        out = capsys.readouterr().out
        assert "usage: citywall say" in out
        assert "--data DIR" in out


def test_without_a_command_the_help_comes_and_the_code_says_so(capsys: pytest.CaptureFixture[str]):
    assert cli.main([]) == 2
    assert "citywall COMMAND" in capsys.readouterr().out


def test_version_is_the_one_of_the_project(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"citywall {cli.version()}\n"


def test_a_reader_that_goes_away_is_no_error():
    program = "from deploy.terminal import cli; import sys; sys.exit(cli.main(['--help']))"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        said = child.stderr.read()
    assert (child.returncode, said) == (141, "")


def test_a_path_that_is_no_text_is_said(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["city", "check", "\udcb3\udcc7"]) == cli.MISUSED
    assert (
        capsys.readouterr().err == "citywall: '\\udcb3\\udcc7' is not UTF-8; give that file or folder a name that is\n"
    )


@pytest.mark.parametrize("words", [["try", "congestion", "--on", ".", "--from"], ["replay", ".", "--at"]])
def test_a_time_that_utc_has_not_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        cli.main([*words, "0001-01-01T00:00:00+14:00"])
    assert "'0001-01-01T00:00:00+14:00' is no ISO 8601 time" in capsys.readouterr().err
