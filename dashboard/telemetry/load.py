"""Metrics of the operators' load, out of the alarm engine's book: of all desks together, and of each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from dashboard.telemetry.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dashboard.telemetry.metric import Sample, Seen

Load: TypeAlias = "Mapping[str, Any]"
OF_DESKS = ("Of each desk, where the city has several: ", "按席位（有多个席位的城市）：")


class _Figure(NamedTuple):
    """What is told of a load."""

    name: str
    """Behind `citywall_` and, of a desk, `desk_`."""
    unit: str
    label: str
    """Of its values, "" = there is one alone."""
    en: str
    zh: str
    read: Callable[[Load], Iterable[tuple[str, float]]]


def _one(name: str) -> Callable[[Load], Iterable[tuple[str, float]]]:
    return lambda load: [("", load[name])]


def _each(name: str) -> Callable[[Load], Iterable[tuple[str, float]]]:
    return lambda load: sorted(load[name].items())


FIGURES = (
    _Figure(
        *("open_alarms", "alarms", "place"),
        "Open alarms by how the operators come by them: shown, folded (into an incident), waiting (to be shown), "
        "equipment (its own list), suppressed, shelved, out_of_service; beside these, chattering.",
        "未关闭的报警，按其所在：shown 已呈现、folded 归入事件、waiting 待呈现、equipment 设备清单、"
        "suppressed 抑制、shelved 搁置、out_of_service 停用；另计 chattering 抖动。",
        _each("open"),
    ),
    _Figure(
        *("ten_minute_alarms", "alarms", "of"),
        "Alarms raised in ten minutes, but those of equipment: last whole ones, average and worst of 30 days.",
        "每十分钟产生的报警（不含设备报警）：last 最近整段、average 30 日平均、worst 30 日最多。",
        lambda load: [(of, load[f"{of}_count"]) for of in ("average", "last", "worst")],
    ),
    _Figure(
        *("alarms_flood_ratio", "ratio", ""),
        "Share of the ten-minute windows of 30 days with more than ten alarms.",
        "30 日内报警超过十条的十分钟段占比。",
        _one("flood_ratio"),
    ),
    _Figure(
        *("shown_items", "items", ""),
        "Items shown to the operators in the last ten minutes, besides alarms of level I: ten at most at a desk.",
        "最近十分钟呈现给值班员的条目数（不含 I 级），每席位至多十条。",
        _one("shown_count"),
    ),
    _Figure(
        *("standing_alarms", "alarms", ""),
        "Open alarms that were raised more than 24 h before the newest event time.",
        "产生已超过 24 小时仍未关闭的报警。",
        _one("standing_24h_count"),
    ),
    _Figure(
        *("alarms_kind_ratio", "ratio", "kind"),
        "Share of the ten most frequent kinds in the alarms of 30 days.",
        "30 日内最多的十种报警各自占比。",
        _each("top_ratio"),
    ),
    _Figure(
        *("alarms_level_ratio", "ratio", "level"),
        "Share of each level in the alarms of 30 days.",
        "30 日内各级报警占比。",
        _each("level_ratio"),
    ),
)


def _loads(seen: Seen) -> Iterable[Load]:
    return (book["load"] for key, book in seen.books.items() if key.stage == "alarms" and book.get("load"))


def _of_all(figure: _Figure) -> Metric:
    def samples(seen: Seen) -> Iterator[Sample]:
        for load in _loads(seen):
            for label, value in figure.read(load):
                yield (label,) if figure.label else (), float(value)

    labels = (figure.label,) if figure.label else ()
    return Metric(f"citywall_{figure.name}", "gauge", figure.unit, labels, figure.en, figure.zh, samples)


def _of_desks(figure: _Figure) -> Metric:
    def samples(seen: Seen) -> Iterator[Sample]:
        for load in _loads(seen):
            for desk, of_desk in sorted(load.get("desks", {}).items()):
                for label, value in figure.read(of_desk):
                    yield (desk, label) if figure.label else (desk,), float(value)

    labels = ("desk", figure.label) if figure.label else ("desk",)
    en, zh = OF_DESKS[0] + figure.en, OF_DESKS[1] + figure.zh
    return Metric(f"citywall_desk_{figure.name}", "gauge", figure.unit, labels, en, zh, samples)


LOADED = tuple(make(figure) for figure in FIGURES for make in (_of_all, _of_desks))
