"""Commands that are asked of what is not there, or for what cannot be, say so in a sentence and make nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.terminal import cli

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["processors", "list"], "{data} holds no city; start one with `citywall up --data {data}`"),
        (["processors", "resume", "congestion"], "{data} holds no city"),
        (["logs"], "{data}/logs holds no logs"),
        (["logs", "../intake"], "{data}/logs holds no logs"),
        (["export", "tti_ratio"], "{data} holds no city"),
        (["audit"], "{data} holds no city"),
        (["dead-letters"], "{data} holds no city"),
        (["incident", "--segment", "S0001"], "nothing runs in {data}"),
        (["up", "--port", "0", "--redis", "host:abc"], "--redis host:abc: HOST:PORT is needed, or redis://HOST:PORT/0"),
        (["up", "--port", "0", "--redis", "redis://u:secret@h:99999"], "--redis h:99999: HOST:PORT is needed"),
        (["up", "--port", "0", "--redis", "http://h:1"], "--redis http://h:1: HOST:PORT is needed"),
        (["up", "--port", "0", "--influx", "http://[bad"], "--influx http://[bad: http://HOST:PORT is needed"),
        (["up", "--port", "0", "--influx", "ftp://h?token=secret"], "--influx ftp://h: http://HOST:PORT is needed"),
        (["try", "congestion", "--on", ".", "--plot", ""], "--plot .: a plot is an SVG; name it plot.svg"),
    ],
)
def test_it_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    data = tmp_path / "none"
    assert cli.main([*words, "--data", str(data)]) == cli.MISUSED
    error = capsys.readouterr().err
    assert said.format(data=data) in error
    assert "secret" not in error
    assert words[0] == "up" or not data.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["resume"], "resume: name a processor; there are air_quality, combination, congestion, "),
        (["resume", "congestio"], "congestio: no processor is called so; the nearest is 'congestion'"),
        (["list", "congestio"], "congestio: no processor is called so; the nearest is 'congestion'"),
    ],
)
def test_a_processor_that_is_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert cli.main(["processors", *words, "--data", str(tmp_path)]) == cli.MISUSED
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_one_processor_is_listed_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["processors", "list", "network", "--data", str(tmp_path)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["processor", "network"]
