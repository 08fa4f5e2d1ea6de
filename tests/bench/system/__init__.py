"""Figures of the running city: what it holds in memory, how fast a reading is seen, what viewers and alarms cost.

Each module named here has `TARGETS`, figure → the most it may be, and `measure(folder) -> dict[str, float]`.
"""

MEASUREMENTS = (
    *("footprint", "growth", "latency", "live_latency", "clients"),
    *("alarm_engine", "alarm_start", "alarm_wall", "alarms"),
)
