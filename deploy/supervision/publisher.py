"""Looks at a city folder that people edit, and has it published when it has changed.

It holds nothing large, because it runs for ever: what publishes (`deploy.supervision.publish`) is another process.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from streams.city import folder as folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streams.city.folder import Signature

COMMAND = (sys.executable, "-m", "deploy.supervision.publish")
TRY_AGAIN = 2
"""The exit code with which it is to be tried again."""


class Publisher:
    """Looks at a folder and runs a command when it changed. What is half written is no city: it looks twice."""

    def __init__(self, folder: Path, command: Sequence[str], published: Path | None = None) -> None:
        """Prepare to look.

        Args:
            folder: what people edit.
            command: publishes it, as `main` does.
            published: a copy of what is in force; None = nobody knows, so it is published at first.
        """
        self._folder = folder
        self._command = command
        self._seen = folders.signature(folder)
        self._done: Signature | None = None
        if published is not None and folders.read_folder(folder).digest == folders.read_folder(published).digest:
            self._done = self._seen
        self.in_force = self._done is not None
        """Whether the folder was in force when this began to look."""
        self.at_work: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Look once; what is said goes to the log of this process."""
        now = folders.signature(self._folder)
        still, self._seen = now == self._seen, now
        ended = None if self.at_work is None else self.at_work.poll()
        if ended == TRY_AGAIN or (ended is not None and ended < 0):  # or it was killed: it has said nothing
            self.at_work, self._done = None, None
        if not still or now == self._done or (self.at_work is not None and ended is None):
            return
        self._done = now
        self.at_work = subprocess.Popen(self._command)
