"""One picture of a trial: a metric over event time, or the level of what was found, for a few entities. SVG, our own.

Without a wish the entities stand for the whole: the one whose mean is lowest, the highest, and some between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from alerts.kinds import title
from deploy.trial.chart import Chart, Line, draw
from deploy.trial.found import each, label
from streams.contract.spec import all_metrics
from streams.errors import SettingError
from streams.hints import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from alerts.kinds import Lang
    from deploy.trial.running import Outcome
    from streams.city.registry import City
    from streams.contract.records import Detection, Rows
    from streams.contract.spec import Hosted

FEW = 5
LEVEL_WORDS = {"zh": ("正常", "Ⅳ", "Ⅲ", "Ⅱ", "Ⅰ"), "en": ("normal", "Ⅳ", "Ⅲ", "Ⅱ", "Ⅰ")}
"""From the bottom up: height 0 is level 0, height 1 is level IV."""
LEVEL_TITLE = {"zh": "等级", "en": "level"}


class Wish(NamedTuple):
    """What to draw; nothing said = what stands for the whole."""

    metric: str | None
    entities: tuple[str, ...]
    language: Lang


def check(path: Path | None) -> None:
    """Refuse a file that is no SVG before any work is done.

    Raises SettingError.
    """
    if path is not None and path.suffix.lower() != ".svg":
        right = path.with_suffix(".svg") if path.name else "plot.svg"
        raise SettingError(f"--plot {path}: a plot is an SVG; name it {right}")


def write(picture: str, path: Path) -> None:
    """Write it.

    Raises SettingError when the file cannot be written.
    """
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as exc:
        raise SettingError(f"--plot {path}: cannot be written: {exc.strerror or exc}; choose another place") from exc


def picture(tried: Hosted, city: City, rows: Rows, outcome: Outcome, wish: Wish) -> str:
    """Draw rows, the newest of each identity, or where there are none what was found.

    Raises SettingError when there is nothing of what is wished.
    """
    metric = _metric(tried, rows, wish.metric)
    if metric is None:
        lines = _levels(outcome.detections, city, wish)
        what = LEVEL_TITLE[wish.language]
        ticks: tuple[str, ...] = LEVEL_WORDS[wish.language]
    else:
        lines = _values(rows.where(rows.metric == metric), metric, city, wish)
        what, ticks = _title(tried, metric, wish.language), ()
    if not lines:
        raise SettingError(
            f"--plot: there is nothing to draw; {tried.name} has yielded no value and found nothing here"
        )
    name = city.name_zh if wish.language == "zh" else city.name_en
    heading = f"{what}  ·  {tried.name}  ·  {name}"
    return draw(Chart(heading, city.attribution, ZoneInfo(city.time_zone), _period(lines, outcome), lines, ticks))


def _period(lines: Sequence[Line], outcome: Outcome) -> tuple[int, int]:
    """Return from when to when: all readings, and all that is drawn."""
    known = [at_ms for at_ms in (outcome.first_ms, outcome.last_ms) if at_ms is not None]
    times = np.concatenate([*(line.at_ms for line in lines), np.array(known, np.int64)])
    return int(times.min()), int(times.max())


def _metric(tried: Hosted, rows: Rows, wanted: str | None) -> str | None:
    """Choose the metric wished, or else the processor's first one that has a value; None where it has none."""
    there = set(rows.metric[np.isfinite(rows.value)].tolist())
    if wanted is not None:
        if wanted not in there:
            hint = nearest(wanted, sorted(there))
            raise SettingError(f"--metric {wanted}: {tried.name} has no value of it here{hint}")
        return wanted
    declared = [metric.name for metric in all_metrics(tried.spec)]
    return next((name for name in declared if name in there), None)


def _title(tried: Hosted, metric: str, language: Lang) -> str:
    [found] = [one for one in all_metrics(tried.spec) if one.name == metric]
    name = found.zh if language == "zh" else found.en
    return name + (f"  {found.unit}" if found.unit else "")


def _values(rows: Rows, metric: str, city: City, wish: Wish) -> list[Line]:
    """Return the lines of the metric in its shortest windows, of entities that have a value often enough to show."""
    rows = rows.where(rows.window_s == rows.window_s.min())
    names, entity = np.unique(rows.entity.astype(str), return_inverse=True)
    known = np.isfinite(rows.value)
    counts = np.bincount(entity[known], minlength=len(names))
    means = np.bincount(entity[known], rows.value[known], len(names)) / np.maximum(counts, 1)
    often = counts >= (1 if wish.entities else counts.max() / 2)
    ranks = dict(zip(names[often].tolist(), means[often].tolist(), strict=True))
    lines = []
    for name in _chosen(ranks, wish, f"value of {metric} for it"):
        own = rows.where(entity == np.flatnonzero(names == name)[0])
        order = np.argsort(own.at_ms)
        lines.append(Line(label(name, city, wish.language), own.at_ms[order], own.value[order]))
    return lines


def _levels(detections: Sequence[Detection], city: City, wish: Wish) -> list[Line]:
    """Return the levels of what was found most often, over time."""
    found: dict[tuple[str, str], list[Detection]] = {}
    for one in each(detections):
        found.setdefault((one.entity, one.kind), []).append(one)
    _must_be_there(wish.entities, {entity for entity, _ in found}, "finding about it")
    often = sorted(found, key=lambda key: (-len(found[key]), key))
    lines = []
    for entity, kind in [key for key in often if key[0] in wish.entities] if wish.entities else often[:FEW]:
        own = found[entity, kind]
        heights = np.array([5.0 - one.level if one.level else 0.0 for one in own])
        name = f"{label(entity, city, wish.language)}  {title(kind, wish.language)}"
        lines.append(Line(name, np.array([one.at_ms for one in own], np.int64), heights))
    return lines


def _chosen(ranks: dict[str, float], wish: Wish, what: str) -> list[str]:
    """Return the entities to draw."""
    _must_be_there(wish.entities, ranks, what)
    if wish.entities:
        return list(wish.entities)
    ranked = sorted(ranks, key=lambda name: (ranks[name], name))
    places = np.unique(np.linspace(0, len(ranked) - 1, min(FEW, len(ranked))).round().astype(int))
    return [ranked[place] for place in places.tolist()]


def _must_be_there(entities: Sequence[str], known: Collection[str], what: str) -> None:
    for name in entities:
        if name not in known:
            raise SettingError(f"--entity {name}: there is no {what}{nearest(name, sorted(known))}")
