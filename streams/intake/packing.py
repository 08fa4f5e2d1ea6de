"""What a record is wrapped in before it is JSON: gzip, a byte order mark, bare words where numbers are meant. Pure."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from streams.broker.topics import INBOX_MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP = b"\x1f\x8b"
"""Every gzip member begins so, and no JSON does: a header `content-encoding` adds nothing to it."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark."""
_WRAPPED = (GZIP, BYTE_ORDER_MARK)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff", *(pair for byte in b"{[ \t\n\r" for pair in (bytes((byte, 0)), bytes((0, byte)))))
_PACKED = {
    b"\x28\xb5\x2f\xfd": "Zstandard",
    GZIP: "gzip within gzip",
    **dict.fromkeys((b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"), "zlib"),
}
"""How what is packed in another way begins (RFC 8878, RFC 1950)."""
_TEXT = r'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?'
_TEXT_OR_WORD = re.compile(rf"{_TEXT}|[-+]?\b(?:nan|inf|infinity)\b", re.IGNORECASE | re.DOTALL)
"""JSON's own texts, which may say anything, and the words that C and Python write for what is no finite number."""
_TEXT_OR_BARE = re.compile(rf'{_TEXT}|[^"\s\[\]{{}},:]++', re.DOTALL)
"""Its texts, and whatever else stands between its signs."""


def plain(value: bytes) -> tuple[bytes | None, str]:
    """Return a record's JSON, inflated and without a byte order mark; None, and why, where it cannot be had."""
    if value.startswith(_WRAPPED):
        inflated, detail = _inflated(value) if value.startswith(GZIP) else (value, "")
        if inflated is None:
            return None, detail
        value = inflated.removeprefix(BYTE_ORDER_MARK)
    if value.startswith(_UTF_16):
        return None, "UTF-16; JSON between systems is UTF-8"
    if value.startswith(tuple(_PACKED)):
        name = next(name for begin, name in _PACKED.items() if value.startswith(begin))
        return None, f"{name}; a record is plain JSON, or gzip of it"
    return value, ""


def _inflated(value: bytes) -> tuple[bytes | None, str]:
    """Inflate gzip of one member, as messages are, and never more than an inbox record may hold."""
    member = zlib.decompressobj(wbits=31)
    try:
        inflated = member.decompress(value, INBOX_MAX_BYTES + 1)
    except zlib.error as exc:
        return None, f"gzip that cannot be inflated: {exc}"
    if len(inflated) > INBOX_MAX_BYTES:
        return None, f"gzip of more than {INBOX_MAX_BYTES} bytes"
    if not member.eof or member.unused_data:
        return None, "gzip that ends too early" if not member.eof else "gzip with something else behind it"
    return inflated, ""


def with_numbers_for_words(text: str) -> Iterator[str]:
    """Yield the text; then, where bare words like `nan` or `-inf` stand in it, itself with NaN for each, as long."""
    yield text
    found = _TEXT_OR_WORD.sub(_nan_for_word, text)
    if found != text:
        yield found


def with_harmless_words(text: str) -> str:
    """Return the text, as long, with what any JSON may hold for each of its texts, numbers and words, and order marks.

    >>> with_harmless_words('[{"ab":1.}, 0x1f, true]')
    '[{"--":0 }, 0   , 0   ]'
    """
    return _TEXT_OR_BARE.sub(_harmless, text.replace("\ufeff", " "))


def _harmless(found: re.Match[str]) -> str:
    word = found[0]
    return f'"{"-" * (len(word) - 2)}"' if word.startswith('"') else "0".ljust(len(word))


def _nan_for_word(found: re.Match[str]) -> str:
    word = found[0]
    return word if word.startswith('"') else "NaN".ljust(len(word))
