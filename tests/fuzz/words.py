"""Words for the fuzzer's dictionary: what it would take long to guess."""

from __future__ import annotations

from streams.domains.schema import load_schemas

_JSON = (
    '{"sensor":"d1","at":1700000000001}',
    '"sensor":',
    '"at":',
    '"d11"',
    '"路口-7"',
    "null",
    "true",
    "NaN",
    "Infinity",
    "1e400",
    "-0.0",
    "9007199254740993",
    "18446744073709551616",
    "2.2250738585072011e-308",
    '"2024-02-29T23:59:59.999999+05:30"',
    '"2024-02-29T23:59:60z"',
    '"2024-02-29 00:00:00-00:00"',
    "\\u0064",
    "\\ud800",
    "\\/",
    "\r\n",
    "\n",
    "\x00",
    "\ufeff",
    "[",
    "]",
    "},{",
    "}\n{",
)


def words() -> str:
    """Return the dictionary in libFuzzer's own form."""
    columns = [f'"{name}":1' for schema in load_schemas().values() for name in schema.names]
    return "\n".join(f'"{_escaped(word)}"' for word in (*_JSON, *columns)) + "\n"


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())
