"""What the second level knows from frame to frame: the fields that its snapshots hold. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streams.saving.versions import form_of


@dataclass
class Second:
    """All that is known."""

    offset: int = 0
    frames: int = 0
    version: int = 0
    """Highest version of the city among the frames absorbed: it says which zones are waited for."""
    watermark_ms: dict[str, int] = field(default_factory=dict)
    """Domain → newest watermark seen of any of its zones."""
    joined_ms: dict[str, dict[str, int]] = field(default_factory=dict)
    """Processor that came later → domain → event time: windows that began before are not whole, and not yielded."""
    used: dict[str, int] = field(default_factory=dict)
    """Processor → rows that it folded."""
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    """Processor → declared reason → rows that it did not."""
    set_aside: dict[str, int] = field(default_factory=dict)
    """Processor → rows that it did not get while it was set aside."""
    processors: dict[str, Any] = field(default_factory=dict)
    """Processor → its state."""


@dataclass
class SecondV1:
    """What was saved before."""

    offset: int
    frames: int
    watermark_ms: dict[str, int]


FORM = form_of(Second, 2)
"""Raise the version with a change of a field of `Second`, and keep what was before."""
