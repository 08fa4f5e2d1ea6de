"""The build's id is made of what the files hold."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.config.build import build_id


def tree(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / "streams" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_the_same_contents_at_other_times_have_the_same_id(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "one", a="x = 1\n"), tree(tmp_path / "other", a="x = 1\n")
    os.utime(other / "streams" / "a.py", (1, 1))
    (other / "streams" / "__pycache__").mkdir()
    (other / "streams" / "__pycache__" / "a.pyc").write_bytes(b"compiled")
    assert build_id(one) == build_id(other)


def test_other_contents_of_the_same_size_have_another_id(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "one", a="x = 1\n"), tree(tmp_path / "other", a="x = 2\n")
    os.utime(one / "streams" / "a.py", (1, 1))
    os.utime(other / "streams" / "a.py", (1, 1))
    assert build_id(one) != build_id(other)


def test_a_file_by_another_name_has_another_id(tmp_path: Path) -> None:
    assert build_id(tree(tmp_path / "one", a="x")) != build_id(tree(tmp_path / "other", b="x"))
