"""What is wrong with a field, put together: no text has two blanks, and no blank stands between two Chinese words."""

from __future__ import annotations

import re

import pytest

from dashboard.faults import WORDS, sentence
from dashboard.labels import messages

CAME = ("soon", "很快", "", 7, 1.5, True, None, [1], {"a": 1}, "x" * 99)
SAYS = {
    "min_length": 1, "max_length": 4, "pattern": "^(a|b)$", "expected": "'a' or 'b'",
    **dict.fromkeys(("ge", "gt", "le", "lt"), 1),
}  # fmt: skip
ODD_ZH = re.compile(r"  |[\u4e00-\u9fff，：；。] [\u4e00-\u9fff]|[a-zA-Z0-9][\u4e00-\u9fff]")


@pytest.mark.parametrize("kind", [*WORDS, "datetime_parsing", "nobody_knows"])
@pytest.mark.parametrize("came", CAME)
def test_every_fault_of_every_kind_of_value_reads_as_written_by_hand(kind, came):
    zh, en = sentence({"type": kind, "loc": ("body", "x"), "input": came, "ctx": SAYS})
    assert not ODD_ZH.search(zh), zh
    assert "  " not in en, en
    assert (zh, en) == (zh.strip(), en.strip())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_text_of_the_page_has_a_blank_too_many(lang):
    odd = re.compile(r"  |[\u4e00-\u9fff] [\u4e00-\u9fff]" if lang == "zh" else "  ")
    assert {key: said for key, said in messages()[lang].items() if odd.search(said)} == {}
