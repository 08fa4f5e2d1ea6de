"""Addresses of HTTP that a person writes into the settings: what cannot be one is said before any post."""

from __future__ import annotations

from urllib.parse import urlsplit

SCHEMES = ("http://", "https://")


def fault_of_address(text: str) -> str | None:
    """Return what an address lacks, without a word of it: it may hold a key.

    >>> fault_of_address("https://hook.example:8443/a?key=b"), fault_of_address("http://[::1]/")
    (None, None)
    >>> fault_of_address("ftp://a"), fault_of_address("https:///hook")
    ('an address that begins with http:// or https:// is needed', 'a host is needed')
    >>> fault_of_address("http://a:99999/"), fault_of_address("http://a b/")
    ('a port of 1 to 65535 is needed', 'an address without blanks and line ends is needed')
    """
    if not text.startswith(SCHEMES):
        return f"an address that begins with {' or '.join(SCHEMES)} is needed"
    if any(one.isspace() or not one.isprintable() for one in text):
        return "an address without blanks and line ends is needed"
    try:
        host = urlsplit(text).hostname or ""
        host.encode("idna")
    except ValueError:
        return "a host is needed"
    try:
        port = urlsplit(text).port
    except ValueError:
        port = 0
    if not host:
        return "a host is needed"
    return "a port of 1 to 65535 is needed" if port == 0 else None
