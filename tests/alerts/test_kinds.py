"""Every kind of alarm can be read in both languages."""

import ast
import doctest
import re
from pathlib import Path

import pytest

from alerts import kinds
from alerts.rules.shipped import shipped
from streams.feeds.signals import meaning

ROOT = Path(__file__).resolve().parents[2]


def emitted() -> set[str]:
    """Kinds that a processor names (as `KIND`, or as `…_KIND`), official signals, the rules that `threshold` judges."""
    named = {*meaning.KINDS, meaning.OTHER}
    for path in (ROOT / "processors").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign):
                names = ast.unparse(node.targets[0]).strip("()").split(", ")
                if all(re.fullmatch("([A-Z]+_)?KIND", name) for name in names):
                    value = ast.literal_eval(node.value)
                    named.update([value] if isinstance(value, str) else value)
    return named | {name for name, rule in shipped().items() if "processor" not in rule}


def test_the_processors_are_read_as_they_are_written():
    assert emitted() >= {"slow_traffic", "sensor_silent", "sensor_late", "sensor_stuck", "feed_silent", "gas_leak"}


def test_every_kind_that_is_emitted_has_its_texts_and_no_other_stands_there():
    assert set(kinds.kinds()) == emitted()


@pytest.mark.parametrize("kind", kinds.kinds())
def test_texts_are_in_their_language_and_short(kind):
    assert re.search(r"[一-鿿]", kinds.title(kind, "zh"))
    assert not re.search(r"[一-鿿]", kinds.title(kind, "en"))
    assert len(kinds.title(kind, "zh")) <= 12
    assert len(kinds.title(kind, "en")) <= 28


def test_titles_differ_within_a_language():
    for lang in ("zh", "en"):
        titles = [kinds.title(kind, lang) for kind in kinds.kinds()]
        assert len(set(titles)) == len(titles)


def test_a_kind_without_texts_stands_for_itself():
    assert kinds.title("door_open", "zh", "北站") == "北站 door_open"


def test_the_higher_the_level_the_sooner():
    assert [kinds.response_limit_s(level) for level in (1, 2, 3, 4)] == [60, 180, 600, 1800]
    assert kinds.response_limit_s(0) is None


def test_examples_in_the_docstrings():
    failed, tried = doctest.testmod(kinds)
    assert (failed, tried > 0) == (0, True)
