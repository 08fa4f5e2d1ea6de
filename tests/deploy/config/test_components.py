"""Processors are found by their files; one that cannot be taken is named with its file and what is wrong."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from deploy.config import components
from deploy.terminal import cli

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero; mend it, or move it elsewhere"),
        ("def step(:", "cannot be imported: SyntaxError: invalid syntax"),
        ("import no_such_library", "cannot be imported: ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        ("", "declares no SPEC"),
        ("SPEC = {'domains': ['traffic']}", "declares no SPEC"),
    ],
)
@pytest.mark.parametrize("command", [["config", "check"], ["try", "congestion", "--on", "."], ["export", "--list"]])
def test_a_file_that_is_no_processor_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str],
    text: str, said: str,
) -> None:  # fmt: skip
    (tmp_path / "fresh_thing.py").write_text(text)
    monkeypatch.setattr(components, "PROCESSORS", tmp_path)
    monkeypatch.setattr("processors.__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "processors.fresh_thing", raising=False)
    assert cli.main(command) == cli.MISUSED
    assert f"{tmp_path / 'fresh_thing.py'} {said}" in capsys.readouterr().err
    sys.modules.pop("processors.fresh_thing", None)
