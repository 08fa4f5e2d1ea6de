"""What ours must reach, judged for the contestants that were run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

RATIOS = {
    "intake/textbook_faust": 60.0,
    "intake/bytewax": 2.5,
    "kernel/textbook_faust": 200.0,
    "kernel/kafka_streams": 3.0,
    "kernel/flink_tuned": 1.0,
    "one_hop/bare_loop": 0.8,
    "one_hop_kernel/textbook_faust": 400.0,
    "one_hop_kernel/kafka_streams": 8.0,
    "one_hop_kernel/kafka_streams_tuned": 1.5,
    "one_hop_kernel/flink_tuned": 1.5,
}
"""Pair → how many times less CPU a reading the first must need, at least."""

COSTS_US = {"frames": 1.0}
"""Contestant → CPU a reading, at most: 1 µs is a million readings a second on a core."""


def missed(ratios: Mapping[str, float], costs_us: Mapping[str, float]) -> list[str]:
    """Say which targets were missed; one whose contestants did not run is not judged."""
    few = [
        f"{pair} is {ratios[pair]:.2f}, the target {least:g}"
        for pair, least in RATIOS.items()
        if pair in ratios and ratios[pair] < least
    ]
    dear = [
        f"{name} needs {costs_us[name]:.2f} µs CPU a reading, the target {most:g}"
        for name, most in COSTS_US.items()
        if name in costs_us and costs_us[name] > most
    ]
    return few + dear
