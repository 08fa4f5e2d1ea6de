"""Where a contestant runs: addresses, folders, and the mark it leaves at its first record."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Place:
    """One run of one contestant."""

    bootstrap: str
    folder: Path
    city: Path
    began: bool = False

    @property
    def arguments(self) -> list[str]:
        """What a process must be told: broker, folder of this run, city folder."""
        return [self.bootstrap, str(self.folder), str(self.city)]

    @property
    def group(self) -> str:
        """Name a consumer group that no other run has."""
        return f"bench-{self.folder.name}"

    def stay(self) -> None:
        """Wait to be ended: the CPU time of a process can be read while it is there."""
        threading.Event().wait()

    def first_record(self, process: str) -> None:
        """Note the CPU time used so far, once: what comes before is start-up and does not count."""
        if not self.began:
            self.began = True
            note = {"cpu_s": time.process_time(), "wall": time.time()}
            (self.folder / f"{process}.first").write_text(json.dumps(note), encoding="utf-8")
