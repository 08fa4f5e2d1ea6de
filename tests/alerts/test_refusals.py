"""A person is told in words why a command was refused."""

import re
from pathlib import Path

from alerts.refusals import reasons, why
from alerts.transitions import TABLE, No

ROOT = Path(__file__).parents[2]


def test_every_reason_of_the_table_and_of_the_judges_has_words():
    said = {step.reason for row in TABLE.values() for step in row.values() if isinstance(step, No)}
    for path in (ROOT / "alerts/judge_commands.py", ROOT / "streams/city/windows.py"):
        text = path.read_text(encoding="utf-8")
        said |= set(re.findall(r'(?:return|else|refused\(command,|reason =) "([a-z_]+)"', text))
    said -= {"out_of_service"}  # what a cover is, and no reason
    assert {"role_may_not", "no_end", "already_acknowledged", "closing"} <= said
    assert said - set(reasons()) == set()


def test_who_was_first_is_told():
    assert why("changed", "李敏", "2 号台") == (
        "报警已有变化，请再看一次（李敏，2 号台）",
        "It has changed since: look at it again. (李敏, 2 号台)",
    )
    assert why("changed").zh == "报警已有变化，请再看一次"


def test_a_reason_of_a_newer_engine_is_told_by_its_name():
    assert why("on_fire").en == "It was not done: on_fire."
