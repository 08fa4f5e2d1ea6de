"""The parts of a city, one module each with `main(run)`: joins of what the other packages offer, no logic."""

from pathlib import Path

WITHOUT_STAGE = frozenset({"feeds", "wall"})
"""They absorb no partitions, and have no pulse."""


def names() -> list[str]:
    """List the parts, by their files."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
