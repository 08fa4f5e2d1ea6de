"""Section `warnings` of the settings: in whose name the public is warned, and where the messages go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from streams.contract.name import Name  # at run time: msgspec reads the types of the fields

if TYPE_CHECKING:
    from collections.abc import Iterator


class Warnings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Section `warnings`."""

    sender: str = ""
    """Who answers for a warning, as CAP has it: an address or a domain's name. Empty = the public is not warned."""
    sender_name_zh: str = ""
    """What the public calls the sender; so `sender_name_en`."""
    sender_name_en: str = ""
    url: str = ""
    """Secret: where messages are posted to; empty = they are written to files."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    """For one post."""

    def __repr__(self) -> str:
        """Leave out what is secret."""
        return f"Warnings(sender={self.sender!r})"

    def __post_init__(self) -> None:
        """Refuse what cannot work, all of it at once."""
        if found := "; ".join(self._faults()):
            raise ValueError(found)

    @property
    def sender_name(self) -> Name:
        """What the public calls the sender."""
        return Name(self.sender_name_zh, self.sender_name_en)

    def _faults(self) -> Iterator[str]:
        if self.sender and not (self.sender_name_zh.strip() and self.sender_name_en.strip()):
            yield "sender: it needs sender_name_zh and sender_name_en, by which the public knows it"
        if self.url and not self.url.startswith(("http://", "https://")):
            yield "url: an address that begins with http:// or https:// is needed"
