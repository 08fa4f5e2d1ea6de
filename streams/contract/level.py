"""How grave a finding or an alarm is."""

from __future__ import annotations

from typing import Literal, TypeAlias

Level: TypeAlias = Literal[0, 1, 2, 3, 4]
"""0 = normal (a cleared condition), 1 = I red … 4 = IV blue; level I is the highest."""
