"""The figures of a race: medians, ratios, the table for people and the object for programs."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from tests.bench import targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.contract import Contestant
    from tests.bench.race import Run


def costs_us(runs: Sequence[Run]) -> dict[str, float]:
    """Return each contestant's CPU a reading, the median of its runs; the cheapest first."""
    names = {run.name for run in runs}
    costs = {name: statistics.median(run.cpu_us for run in runs if run.name == name) for name in names}
    return dict(sorted(costs.items(), key=lambda one: one[1]))


def ratios(costs: Mapping[str, float]) -> dict[str, float]:
    """Return for each pair "a/b" how many times less CPU a reading a needs than b."""
    return {f"{a}/{b}": round(costs[b] / costs[a], 3) for a in costs for b in costs if a != b}


def figures(contestants: Sequence[Contestant], runs: Sequence[Run]) -> dict[str, Any]:
    """Return each contestant's runs, and under which conditions they count."""
    found = {}
    for one in contestants:
        mine = [run for run in runs if run.name == one.name]
        if mine:
            found[one.name] = {
                "readings": mine[0].readings,
                "cpu_us": [round(run.cpu_us, 4) for run in mine],
                "wall_us": [round(run.wall_us, 4) for run in mine],
                "rss_mb": round(max(run.rss_mb for run in mine), 1),
                "durable": one.durable,
                "wrong_windows": [run.wrong_windows for run in mine],
                "inexact": one.inexact,
                "versions": dict(one.versions()),
            }
    return found


def lines(contestants: Sequence[Contestant], runs: Sequence[Run]) -> list[str]:
    """Write the table: a row a contestant, a column for each that a target compares with (or for all, if none ran)."""
    costs = costs_us(runs)
    known = {one.name: one for one in contestants}
    judged = {pair.split("/")[1] for pair in targets.RATIOS}
    columns = [name for name in costs if name in judged] or list(costs)
    width = max(len(name) for name in [*costs, "contestant"])
    head = "".join(f"  x {name:>6s}" for name in columns)
    table = [f"{'contestant':{width}s}{'CPU µs':>9s}{'wall µs':>9s}{'MB':>7s}{head}  state"]
    for name, cost_us in costs.items():
        mine = [run for run in runs if run.name == name]
        wall_us, rss_mb = statistics.median(run.wall_us for run in mine), max(run.rss_mb for run in mine)
        row = "".join(f"  {costs[other] / cost_us:>{max(len(other), 6) + 2}.2f}" for other in columns)
        table.append(f"{name:{width}s}{cost_us:9.2f}{wall_us:9.2f}{rss_mb:7.0f}{row}  {_state(known[name], mine)}")
    return table


def _state(one: Contestant, runs: Sequence[Run]) -> str:
    """Say on what state it ran, and how many windows of each run were wrong, if any."""
    wrong = [run.wrong_windows for run in runs]
    return ("durable" if one.durable else "none") + (f"; wrong windows {wrong}" if any(wrong) else "")
