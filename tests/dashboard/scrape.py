"""A scrape as numbers."""

from __future__ import annotations

from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

Series: TypeAlias = "tuple[str, tuple[tuple[str, str], ...]]"
"""Name, and the labels in their order."""


def scraped(text: str) -> dict[Series, float]:
    """Read an exposition with Prometheus's own parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(found: dict[Series, float], name: str, **labels: str) -> float:
    """Add up the series of a name that have these labels."""
    return sum(value for (one, of), value in found.items() if one == name and labels.items() <= dict(of).items())
