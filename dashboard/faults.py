"""What is wrong with a field of a request, in our words: what came, and what would do. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS = "said"
"""Kind of a fault whose words are in its context: `zh` and `en`."""
GIVEN_MOST = 40
"""Characters of a value that are said again; what may be of a person is never."""

_TIME = Name(
    "{given}不是带时区的时间，应如 2026-11-24T08:00:00Z",
    "{given} is no time with its zone: write it as 2026-11-24T08:00:00Z",
)
_WHOLE = Name("{given}不是整数", "{given} is no whole number: write one")
_FLAG = Name("{given}不适用：应为 true 或 false", "{given} will not do: write true or false")
_OBJECT = Name("{kind}不适用：应为 JSON 对象", "{kind} will not do: write a JSON object")
WORDS = {
    "missing": Name("缺少此项，请填写", "It is missing: give it"),
    "extra_forbidden": Name("没有此项，请去掉", "There is no such field: leave it out"),
    "json_invalid": Name("从第 {place} 个字符起不是有效的 JSON", "It is not valid JSON from character {place} on"),
    "string_too_short": Name("为空：至少要有 {min_length} 个字符", "It is blank: at least {min_length} character"),
    "string_too_long": Name(
        "有 {length} 个字符，至多 {max_length}", "It has {length} characters: at most {max_length}"
    ),
    "string_type": Name("{kind}不适用：应为文本", "{kind} will not do: write a text, in quotes"),
    "string_unicode": Name("不是有效的 UTF-8 文本", "It is not valid UTF-8: write it anew"),
    "string_pattern_mismatch": Name("{given}不适用：{form_zh}", "{given} will not do: {form_en}"),
    "literal_error": Name("{given}不适用：应为下列之一：{expected}", "{given} will not do: write one of {expected}"),
    "list_type": Name("{kind}不适用：应为列表", "{kind} will not do: write a list"),
    "too_long": Name("有 {length} 项：至多 {max_length} 项", "There are {length} of it: {max_length} at most"),
    "greater_than_equal": Name("{given}过小：不得小于 {ge}", "{given} is too small: at least {ge} will do"),
    "greater_than": Name("{given}过小：应大于 {gt}", "{given} is too small: write more than {gt}"),
    "less_than_equal": Name("{given}过大：不得大于 {le}", "{given} is too large: at most {le} will do"),
    "less_than": Name("{given}过大：应小于 {lt}", "{given} is too large: write less than {lt}"),
    "int_parsing_size": Name("数字过大", "It is too large a number: write a smaller one"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "finite_number"), _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), _FLAG),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), _OBJECT),
}  # fmt: skip
"""What is wrong, by the validator's word for it; in braces what came and what the validator says besides.

What came begins a sentence; in Chinese the blank behind it is put where it is needed.
"""
NO_FIT = Name("不合要求，请参见 /api/v1/openapi.json", "It is not what is asked for: see /api/v1/openapi.json")
KINDS = (
    (str, Name("文本", "A text")), (bool, Name("true 或 false", "True or false")),
    (int | float, Name("数字", "A number")), (list, Name("列表", "A list")), (dict, Name("对象", "An object")),
    (bytes, Name("没有 content-type: application/json 的内容", "What has no content-type: application/json")),
    (type(None), Name("null", "null")),
)  # fmt: skip
FORMS = {
    "for": Name("应为时长，如 30m、1h30m", "write how long, as 30m or 1h30m"),
    "from": Name("应为时刻，如 18:00、fri 18:00", "write a time of day, as 18:00 or fri 18:00"),
    "until": Name("应为时刻，如 18:00、fri 18:00", "write a time of day, as 18:00 or fri 18:00"),
}
"""Field → what its pattern means."""


def sentence(fault: Mapping[str, Any]) -> Name:
    """Say what is wrong with a field, as the validator found it.

    >>> sentence({"type": "less_than_equal", "loc": ("query", "limit"), "input": "5000", "ctx": {"le": 1000}}).en
    '5000 is too large: at most 1000 will do'
    """
    kind, told = fault["type"], dict(fault.get("ctx") or {})
    if kind == OURS:
        return Name(told["zh"], told["en"])
    words = _TIME if kind.startswith(("datetime", "timezone")) else WORDS.get(kind, NO_FIT)
    return Name(*(_filled(text, language, fault, told) for language, text in zip(Name._fields, words, strict=True)))


def _filled(text: str, language: str, fault: Mapping[str, Any], told: dict[str, Any]) -> str:
    came, field = fault.get("input"), str(fault["loc"][-1])
    form = FORMS.get(field) or _one_of(str(told.get("pattern", "")))
    expected = str(told.get("expected", "")).replace(" or ", ", ").replace("'", "")
    given, kind = (_spaced(one.said_in(language), language) for one in (_given(came), _kind(came)))
    said = {
        "given": given, "kind": kind, "place": fault["loc"][-1],
        "length": len(came) if isinstance(came, str | list) else 0, "form_zh": form.zh, "form_en": form.en,
    }  # fmt: skip
    return text.format_map(told | said | {"expected": expected})


def _spaced(text: str, language: str) -> str:
    """Return what a sentence begins with: only what is Latin or a digit has a blank before what is Chinese.

    >>> [_spaced(text, "zh") for text in ("true 或 false", "文本", "很快")]
    ['true 或 false ', '文本', '很快']
    """
    return f"{text} " if language == "zh" and text[-1:].isascii() else text


def _given(came: Any) -> Name:  # noqa: ANN401 - JSON
    """Say again what came, if it is short."""
    text = str(came)
    if not text.strip():
        return Name("空白", "A blank")
    if not isinstance(came, str | int | float) or isinstance(came, bool) or len(text) > GIVEN_MOST:
        return _kind(came)
    return Name(text, text)


def _kind(came: Any) -> Name:  # noqa: ANN401 - JSON
    return next((said for kind, said in KINDS if isinstance(came, kind)), Name("此值", "This"))


def _one_of(pattern: str) -> Name:
    """Say what a pattern of alternatives takes."""
    names = re.findall(r"\w+", pattern)
    return Name(f"应为下列之一：{', '.join(names)}", f"write one of {', '.join(names)}")
