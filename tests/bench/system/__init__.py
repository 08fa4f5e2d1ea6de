"""Figures of the whole running city: what it holds in memory, how fast a reading is seen, what its viewers cost.

Each module named here has `TARGETS`, figure → the most it may be, and `measure(folder) -> dict[str, float]`.
"""

MEASUREMENTS = ("footprint", "growth", "latency", "live_latency", "clients")
