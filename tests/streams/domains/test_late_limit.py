"""A domain's TOML says how late a reading of it may come: an hour unless it says otherwise, at most six."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.domains.schema import load_schemas
from streams.errors import SchemaError

TEXT = """domain = "tides"
zh = "潮汐"
en = "Tides"
{line}
[columns.level_m]
zh = "潮位"
en = "Tide"
unit = "m"
range = [0, 20]
data_class = "public"
"""


def folder_with(folder: Path, line: str) -> Path:
    (folder / "tides.toml").write_text(TEXT.format(line=line), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("line", "limit_ms"),
    [("", 3_600_000), ("late_limit_s = 90.5", 90_500), ("late_limit_s = 21600", 21_600_000)],
)
def test_a_late_limit_is_read(tmp_path: Path, line: str, limit_ms: int) -> None:
    assert load_schemas(folder_with(tmp_path, line))["tides"].late_limit_ms == limit_ms


@pytest.mark.parametrize("value", ["0", "-1", "0.5", "21601", "1e300", "true", '"1 h"', "nan"])
def test_an_impossible_late_limit_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SchemaError, match=r"tides.toml: late_limit_s: .* needed, not"):
        load_schemas(folder_with(tmp_path, f"late_limit_s = {value}"))
