"""Section `signals` of the settings: where official signals come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from streams.contract.addresses import fault_of_address

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE_CITY = ""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One authority's list of CAP documents: an address or a folder."""

    name: str
    url: str = ""
    """Of an Atom or RSS list that links to CAP documents, or of one with CAP in it. Secret: it may hold a key."""
    folder: str = ""
    """Instead of `url`: a folder whose `*.xml` are read."""
    every_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0
    """So often it is asked."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    """For one document."""
    expires_h: Annotated[float, msgspec.Meta(gt=0, le=720)] = 24.0
    """So long a signal holds that does not say until when."""
    geocodes: tuple[str, ...] = ()
    """`CODE` = a code of the whole city, `CODE=ZONE` = of one of its zones; areas with other codes are elsewhere."""
    unplaced: Literal["city", "nowhere"] = "city"
    """Where a signal holds whose area is but a name that is no zone's."""

    def __repr__(self) -> str:
        """Leave out what is secret."""
        return f"Source(name={self.name!r})"

    @property
    def zone_of_code(self) -> dict[str, str]:
        """Geocode → zone id, WHOLE_CITY = all of them."""
        return {code: zone for code, _, zone in (one.partition("=") for one in self.geocodes)}


class Signals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Section `signals`."""

    sources: tuple[Source, ...] = ()
    """None = nobody is asked, and the part is not started."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, all of it at once."""
        if found := "; ".join(self._faults()):
            raise ValueError(found)

    def _faults(self) -> Iterator[str]:
        names = [one.name for one in self.sources]
        for name in sorted({one for one in names if names.count(one) > 1}):
            yield f"source {name}: there are several of this name; each needs its own"
        for one in self.sources:
            if not one.name.strip():
                yield f"source {one.name!r}: a name is needed"
            if bool(one.url) == bool(one.folder):
                yield f"source {one.name}: either url or folder is needed"
            elif one.url and (fault := fault_of_address(one.url)):
                yield f"source {one.name}: url: {fault}"
