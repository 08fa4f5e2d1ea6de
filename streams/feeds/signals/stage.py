"""Hosts the feed of official signals: asks the sources, keeps what stands on a compacted topic, tells the alarm engine.

in      CAP documents of the sources; city.cities.v1 and city.clock.v1, by which they are placed and timed
out     city.detections.v1: a finding for each change of what stands, `basis` official; city.dead_letters.v1
state   city.state.v1.signals: messages, and the findings told last; kept before a finding leaves, told again at a start
drops   bad_signal: a document or message that cannot be read; not shown: exercises, tests, drafts
source  own choice, see DECISIONS
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import msgspec
import urllib3

from streams.broker import topics
from streams.broker.arrivals import now_ms
from streams.broker.dead_letters import to_message
from streams.city.clock import CityClock, read_clock
from streams.contract.records import DeadLetter
from streams.contract.stage import LINGER_S, Message, TopicPartition
from streams.feeds.signals.fetching import Polled, poll
from streams.feeds.signals.placing import Ground, ground_of
from streams.feeds.signals.reading import counts, expires_ms, signals_of
from streams.feeds.signals.standing import Standing
from streams.health.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.city.known import Cities
    from streams.contract.records import Detection
    from streams.contract.stage import Bus, Chunk
    from streams.feeds.signals.document import Alert
    from streams.feeds.signals.fetching import Document
    from streams.feeds.signals.settings import Source
    from streams.health.notices import SetAside

NAME = "feeds_signals"
STATE = topics.state("signals")
LOST_AFTER_POLLS = 3
"""So many polls in a row without an answer make the city degraded."""
REFUSED = "bad_signal"

log = logging.getLogger("citywall")


class Asked:
    """One source: when it is asked next, and how its last polls went."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.next_ms = 0
        self.under_way = False
        self.seen: Mapping[str, str] = {}
        self.fault = ""
        self.lost_polls = 0
        self.bad: dict[str, str] = {}
        """Place of a document → what was wrong with it when it was read last."""

    def is_due(self, wall_ms: int) -> bool:
        """Tell whether it is time to ask; a time further ahead than that is of before the clock was set back."""
        return not self.under_way and not 0 < self.next_ms - wall_ms <= self.source.every_s * 1000


class SignalStage:
    """A `Stage`. Invariant: a finding leaves after it and the messages it comes from stand on the state topic."""

    name = NAME
    topics: tuple[str, ...] = (topics.CITIES, topics.CLOCK)
    stays_whole = True
    tick_s = 0.5
    linger_s = LINGER_S

    def __init__(self, sources: Sequence[Source], cities: Cities, clock: Callable[[], int] = now_ms) -> None:
        self._sources = sources
        self._cities = cities
        self._clock = clock
        self._pool = urllib3.PoolManager(maxsize=len(sources))
        self._forget()

    def _forget(self) -> None:
        self._standing = Standing()
        self._asked = [Asked(one) for one in self._sources]
        self._returned: deque[tuple[Asked, Future[Polled]]] = deque()
        """What threads have brought."""
        self._city_clock = CityClock()
        self._ground: Ground | None = None
        self._again: list[Detection] = []
        self._active = False

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Go on from the state topic."""
        self._forget()
        if not partitions:
            return {}
        await self._cities.begin(bus)
        self._city_clock = read_clock(await bus.read_all(topics.CLOCK, 0))
        kept = {record.key or b"": record.value for record in await bus.read_all(STATE, 0)}
        self._standing = Standing(self._cities.newest.city.id)
        self._again = self._standing.begin({key: value for key, value in kept.items() if value is not None})
        self._active = True
        return dict(zip(partitions, (await bus.ends(partitions)).values(), strict=True))

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Learn of another version of the city, or another clock; neither has to be read again."""
        if chunk.topic == topics.CITIES:
            await self._cities.follow(bus)
        else:
            self._city_clock = read_clock(await bus.read_all(topics.CLOCK, 0))
        return True

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Take what came, keep and tell what it changes; ask whom it is time to ask."""
        if not self._active:
            return ()
        wall_ms = self._clock()
        ground = self._on_newest_ground()
        refused: list[Message] = []
        while self._returned:
            asked, polled = self._returned.popleft()
            refused += self._take(asked, polled.result(), wall_ms, ground)
        found = self._standing.due(wall_ms, self._city_clock.at(wall_ms), self._cities.newest.number)
        kept = [Message(STATE, key, value, partition=0) for key, value in self._standing.changes()]
        await bus.send([*refused, *kept])
        told = [*self._again, *found]
        await bus.send(
            [Message(topics.DETECTIONS, one.entity.encode(), msgspec.json.encode(one), partition=0) for one in told]
        )
        self._again = []
        for asked in self._asked:
            if asked.is_due(wall_ms):
                self._ask(asked)
        return ()

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Count nothing: what stands is on the state topic, what was refused among the dead letters."""
        return {}

    def notices(self) -> Sequence[Notice]:
        """Name the sources that do not answer, and the documents that cannot be read."""
        found = []
        for one in self._asked:
            name = one.source.name
            if one.lost_polls >= LOST_AFTER_POLLS:
                en = f"official signals of {name} cannot be fetched: {one.fault}; check the address under [signals]"
                zh = f"官方预警源 {name} 无法获取（{one.fault}）；请检查 [signals] 中的地址，已收到的信号仍按有效期显示"
                found.append(Notice(zh=zh, en=en, degraded=True))
            for place, fault in one.bad.items():
                en = f"a document of the official signals of {name} cannot be read: {place}: {fault}; ask who sends it"
                zh = f"官方预警源 {name} 的文件无法读取：{place}：{fault}；请联系发布单位"
                found.append(Notice(zh=zh, en=en))
        return found

    def set_aside(self) -> Sequence[SetAside]:
        """Hold no processors."""
        return ()

    def _on_newest_ground(self) -> Ground:
        """Return the points of the newest city; where it is another one, place anew what stands."""
        city = self._cities.newest.city
        if self._ground is None or self._ground.city is not city:
            ground = self._ground = ground_of(city)
            sources = {one.name: one for one in self._sources}
            self._standing.place(
                lambda alert, name: signals_of(alert, ground, sources[name]) if name in sources else None
            )
        return self._ground

    def _take(self, asked: Asked, polled: Polled, wall_ms: int, ground: Ground) -> list[Message]:
        asked.under_way = False
        asked.next_ms = wall_ms + int(asked.source.every_s * 1000)
        self._heard(asked, polled)
        if polled.fault:
            return []
        asked.seen = polled.seen
        fresh = {one.place: " / ".join(one.read.faults) for one in polled.documents}
        stays = {place: fault for place, fault in asked.bad.items() if place not in fresh and place in _places(polled)}
        refused = [one for one in polled.documents if one.read.faults and asked.bad.get(one.place) != fresh[one.place]]
        asked.bad = {**stays, **{place: fault for place, fault in fresh.items() if fault}}
        for document in polled.documents:
            for alert in document.read.alerts:
                self._take_alert(alert, asked.source, ground)
        return [_letter(asked.source, one) for one in refused if one.data]

    def _take_alert(self, alert: Alert, source: Source, ground: Ground) -> None:
        if not counts(alert):
            log.info("signals of %s: %s is %s %s; it is not shown", source.name, alert.id, alert.status, alert.kind)
            return
        signals = signals_of(alert, ground, source)
        if self._standing.take(alert, signals, source.name, expires_ms(alert, source)):
            log.info("signals of %s: %s %s", source.name, alert.kind, alert.id)

    def _heard(self, asked: Asked, polled: Polled) -> None:
        """Say once that a source is lost, and once that it is back."""
        if polled.fault and not asked.lost_polls:
            log.info("signals of %s cannot be fetched: %s", asked.source.name, polled.fault)
        elif not polled.fault and asked.lost_polls:
            log.info("signals of %s are back", asked.source.name)
        asked.lost_polls = asked.lost_polls + 1 if polled.fault else 0
        asked.fault = polled.fault

    def _ask(self, asked: Asked) -> None:
        """Ask in a thread that ends with the process: who hangs holds up no other source, and no shutdown."""
        asked.under_way = True
        returned, pool = self._returned, self._pool

        def run() -> None:
            polled: Future[Polled] = Future()
            try:
                polled.set_result(poll(pool, asked.source, asked.seen))
            except BaseException as exc:  # noqa: BLE001 - raised again in the stage's turn, where it ends the process
                polled.set_exception(exc)
            returned.append((asked, polled))

        threading.Thread(target=run, name="signals", daemon=True).start()


def _places(polled: Polled) -> set[str]:
    return {place.partition("?")[0] for place in polled.seen}


def _letter(source: Source, one: Document) -> Message:
    fault = "; ".join(one.read.faults)
    return to_message(DeadLetter(one.data, REFUSED, f"signals/{source.name}", 0, 0, 0, detail=f"{one.place}: {fault}"))
