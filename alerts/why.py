"""Why an alarm comes under another, in one sentence of either language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.kinds import title
from alerts.rules.record import Words

if TYPE_CHECKING:
    from alerts.alarm import Alarm, Because
    from streams.contract.name import Name
    from streams.contract.records import Detection

WORDS: dict[Because, Words] = {
    "feed": Words(zh="{of}，其传感器因此收不到。", en="{of}: its sensors are not heard."),
    "feeds": Words(zh="{of}，该处向此处供应。", en="{of}, which supplies this place."),
    "drains": Words(zh="{of}，此处靠它排水。", en="{of}, which drains this place."),
    "powers": Words(zh="{of}，此处由它供电。", en="{of}, which powers this place."),
    "carries": Words(zh="{of}，道路从该处通过。", en="{of}, which carries the road."),
    "queue": Words(zh="{of}，排队由下游上溯至此。", en="{of}, from which the queue reaches up the road."),
    "part": Words(zh="{of}，此报警是其组成之一。", en="{of}, of which this is a part."),
    "burst": Words(zh="{of}，片区内同类报警集中出现。", en="{of}, and many more of its kind in its zone."),
    "place": Words(zh="{of}，同处一地，先后不过半小时。", en="{of}, at the same place within half an hour."),
}
"""By what ties it, `of` = what the other says and where."""
TOO = Words(zh="{of}，它也由此而起。", en="{of}, which comes from here as well.")
"""The same of one that comes into an incident because something that is there already hangs on it."""


def why(name: Name, of: Detection | Alarm, because: Because) -> Words:
    """Say why an alarm comes under another; `name`: what people call the other's entity."""
    return _said(WORDS[because], name, of)


def why_too(name: Name, of: Alarm) -> Words:
    """Say why an alarm joins another that hangs on it, and on the cause of its incident."""
    return _said(TOO, name, of)


def _said(words: Words, name: Name, of: Detection | Alarm) -> Words:
    zh, en = title(of.kind, "zh", name.zh), title(of.kind, "en", name.en)
    return Words(zh=words.zh.format(of=zh), en=words.en.format(of=en))
