"""Watches a city folder: a newly good city, or what is wrong with a change; a file being written is neither."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streams.city.check import check
from streams.city.findings import Finding, sentences, shown
from streams.city.folder import Folder, read_folder, signature
from streams.city.registry import City, city_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.city.check import Checked
    from streams.city.folder import Signature


@dataclass(frozen=True)
class Good:
    """The folder changed and can be used."""

    city: City
    folder: Folder
    notices: tuple[Finding, ...]


@dataclass(frozen=True)
class Bad:
    """The folder changed and cannot be used: the last good city stays in force."""

    problems: tuple[Finding, ...]
    folder: Folder

    def __str__(self) -> str:
        """Return the first problems, one a line."""
        return sentences(self.problems, self.folder.name)


class Watch:
    """One folder, looked at again and again.

    A change is judged when two looks in a row saw the same files, and once: until they change again nothing is said,
    nor when they become again what is in force.
    An unchanged folder costs a `stat` a file. Invariant: no content of a file, and no file system, raises an error.
    """

    def __init__(
        self,
        folder: Path,
        known: Folder,
        city_id: str,
        *,
        stamp: Callable[[Path], Signature] = signature,
        read: Callable[[Path], Folder] = read_folder,
    ) -> None:
        """`known` is the folder as the city in force was read from it; `city_id` is that city's."""
        self._folder, self._stamp, self._read = folder, stamp, read
        self._city_id = city_id
        self._in_force = self._judged = known.digest
        self._seen: Signature | None = None
        """What the files looked like when their content was last compared, None = compare it at the next look."""
        self._waiting: str | None = None
        """Digest of a content that was seen once."""

    def look(self) -> Good | Bad | None:
        """Look once → what became of a change, None = there is none yet."""
        seen = self._stamp(self._folder)
        if self._waiting is None and seen == self._seen:
            return None
        folder = self._read(self._folder)
        self._seen = seen
        digest = folder.digest
        if digest in (self._judged, self._in_force):
            self._waiting, self._judged = None, digest
            return None
        if digest != self._waiting:
            self._waiting = digest
            return None
        self._waiting, self._judged = None, digest
        found = check(folder)
        problems = found.problems or self._another_city(found, folder)
        if problems:
            return Bad(problems, folder)
        self._in_force = digest
        return Good(city_of(found, folder.name), folder, found.notices)

    def _another_city(self, found: Checked, folder: Folder) -> tuple[Finding, ...]:
        if found.content.id == self._city_id:
            return ()
        said = (
            f"a running city keeps its id, {shown(self._city_id)}; another id is another city, with a --data of its own"
        )
        file = str(Path(folder.name) / "city.toml")
        return (Finding(True, file, "city", "id", shown(found.content.id), said),)
