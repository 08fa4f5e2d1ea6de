"""A combination over a recording: the first level finds its rules, it finds what they are together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.deploy.trial.test_try import DAY, own_rules, tried
from tests.streams.conftest import write_small_city
from tests.written_rules import RECORD

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_combination_reads_what_the_rules_of_the_first_level_find(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Hot and windy from 08:00 on, both known at 08:01."""
    folder = write_small_city(tmp_path / "recorded")
    lines = [
        {"sensor": "w0", "at": f"{DAY}08:0{minute}:00Z", "temperature_c": 41, "wind_m_s": 12} for minute in range(5)
    ]
    (folder / "weather.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    together = 'kind = "combination"\ndomain = "weather"\nof = ["heat", "wind_strong"]\niii = 2\n'
    more = f'[[threshold.rules]]\nname = "parched"\n{together}basis = "local"\nreference = "own choice"\n{RECORD}'
    more += '[[threshold.rules]]\nname = "wind_strong"\non_delay_s = 60\n'
    config = own_rules(tmp_path)
    config.write_text(config.read_text() + more)
    found = tried(capsys, "combination", "--on", folder, "--lang", "en", "--config", config)
    assert [cells[:3] for cells in found if cells[0].startswith("2026-")] == [
        ["2026-03-01T08:00:00Z", "Ⅲ", "zone:z0 Zone 0"],
    ]
