"""The rules that ship: each with its record, whole, in both languages, and of somebody that can be found."""

import re

import msgspec
import pytest

from alerts.rules.record import RECORD, Found, Record
from alerts.rules.shipped import file_of, shipped
from deploy.config.components import names

RULES = shipped()
ENABLED = [name for name, rule in RULES.items() if rule.get("enabled", True)]
TEXTS = ("title", "owner", "cause", "consequence", "action")


def test_there_are_those_of_twelve_domains_and_those_that_processors_judge():
    assert len(ENABLED) >= 43
    assert all(file_of(name).is_file() for name in RULES)


@pytest.mark.parametrize("name", ENABLED)
def test_a_record_is_whole_and_each_text_in_its_language_and_short(name):
    record = msgspec.convert(RULES[name][RECORD], Record)
    for key in TEXTS:
        words = getattr(record, key)
        assert re.search(r"[一-鿿]", words.zh), key
        assert not re.search(r"[一-鿿]", words.en), key
        assert (len(words.zh) <= 80, len(words.en) <= 220) == (True, True), key
        ends = (words.zh.endswith("。"), words.en.endswith("."))
        assert ends == ((False, False) if key in {"title", "owner"} else (True, True)), key


def test_a_department_is_written_in_one_way():
    owners = {(rule[RECORD]["owner"]["zh"], rule[RECORD]["owner"]["en"]) for rule in map(RULES.get, ENABLED)}
    assert len({zh for zh, _ in owners}) == len({en for _, en in owners}) == len(owners)


def test_who_judges_a_rule_by_itself_is_a_processor_or_an_authority():
    found = [
        msgspec.convert({key: value for key, value in rule.items() if key != RECORD}, Found)
        for rule in RULES.values()
        if "processor" in rule
    ]
    assert {one.processor for one in found if one.basis != "official"} <= set(names())
    assert {one.processor for one in found if one.basis == "official"} == {"signals"}
