"""Whether the wall shows a living city, for `GET /healthz`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dashboard.screen import Screen
    from dashboard.sources import Source


ALARMS = "alarms"
"""The part that raises alarms and takes commands."""


def health(screen: Screen, redis_lost_ms: int | None, wall_ms: int) -> dict[str, Any]:
    """Return status, reasons and ages; the names are those of the interface."""
    sources = screen.sources(wall_ms)
    reasons = list(_reasons(screen, sources, redis_lost_ms, wall_ms))
    status = "down" if reasons else "ok"
    reasons += screen.config.troubles()  # said, but a wall that still gets data is living
    return {
        "status": status,
        "build": screen.config.build,
        "reasons": [reason.en for reason in reasons],
        "reasons_zh": [reason.zh for reason in reasons],
        "age_s": _rounded(min((one.age_s for one in sources.values() if one.age_s is not None), default=None)),
        "final_age_s": _final_age_s(screen, wall_ms),
        "domains": {domain: _domain(source) for domain, source in sources.items()},
    }


def _reasons(screen: Screen, sources: Mapping[str, Source], redis_lost_ms: int | None, wall_ms: int) -> Iterator[Name]:
    """Say why the city is not living: the way from Kafka to the page is broken, or no domain is live."""
    if redis_lost_ms is not None:
        since_s = f"{(wall_ms - redis_lost_ms) / 1000:.0f}"
        yield Name(f"实时状态已 {since_s} 秒无法读取", f"the live state cannot be read since {since_s} s")
    for part, age_s in screen.silent_parts(wall_ms).items():
        if part == ALARMS:
            yield _no_alarms(age_s)
        elif age_s is None:
            yield Name(f"本次启动以来没有收到 {part} 的脉搏", f"{part} has not been heard since this start")
        else:
            yield Name(f"{part} 最近一次脉搏在 {age_s:.0f} 秒前", f"the last pulse of {part} is {age_s:.0f} s old")
    if any(source.state == "live" for source in sources.values()):
        return
    heard = {domain: source for domain, source in sources.items() if source.age_s is not None}
    if not heard:
        yield _nothing(screen.view.names)
    for domain, source in heard.items():
        yield Name(
            f"{screen.view.names[domain].zh}数据迟到：最新一行在 {source.age_s:.0f} 秒前，限值 {source.limit_s:.0f} 秒",
            f"{domain} is late: its newest row came {source.age_s:.0f} s ago, the limit is {source.limit_s:.0f} s",
        )


def _no_alarms(age_s: float | None) -> Name:
    """Say what a silent alarm engine means to whoever watches: a quiet list says nothing."""
    zh = "本次启动以来没有脉搏" if age_s is None else f"最近一次脉搏在 {age_s:.0f} 秒前"
    en = "has not been heard since this start" if age_s is None else f"gave its last pulse {age_s:.0f} s ago"
    return Name(
        f"报警引擎{zh}：新报警不会出现，操作不会生效",
        f"the alarm engine (alarms) {en}: no new alarm is raised and no command takes effect",
    )


def _nothing(names: Mapping[str, Name]) -> Name:
    if not names:
        return Name("没有数据：城市没有传感器", "no data of this start yet from any domain: the city has no sensors")
    zh, en = "、".join(name.zh for name in names.values()), ", ".join(names)
    return Name(f"本次启动以来尚无数据：{zh}", f"no data of this start yet from {en}")


def _domain(source: Source) -> dict[str, Any]:
    return {"state": source.state, "age_s": _rounded(source.age_s), "limit_s": _rounded(source.limit_s)}


def _final_age_s(screen: Screen, wall_ms: int) -> float | None:
    """Return the age of the newest final; a feed's mark may close windows some minutes ahead of the clock: no age."""
    newest_ms = screen.mirror.newest_final_ms
    return None if newest_ms is None else _rounded(max(screen.now_ms(wall_ms) - newest_ms, 0) / 1000)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
