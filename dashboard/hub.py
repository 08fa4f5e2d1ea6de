"""One subscription to the live state, one encoding a tick, the same text to every browser.

A client first gets a snapshot, then numbered deltas of the same epoch. Its queue is bounded: when it is full the
client has been too slow, the queue is emptied and a new snapshot takes its place. When Redis is away the hub goes on,
says so, and reads the whole state again on return.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from dashboard.asked import Commands, sentence
from dashboard.labels import as_json
from dashboard.listeners import Listeners
from dashboard.mirror import Delta, Mirror
from dashboard.screen import Screen
from dashboard.view import View
from streams.sinks.live_fields import UNREADABLE, kind_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping

    from dashboard.alarm_list import Sending
    from dashboard.config import WallConfig

TICK_S = 0.25
EARLY_S = 0.2
"""New values of segments go out at once when the last tick is that long ago: ticks follow the beat of the data."""
QUIET_TICKS = 4
"""A message goes out at least every so many ticks, so that silence means a lost line."""
NO_VALUES = (0, None, None, 0)
"""Time, travel time index, speed and state of a segment that has none."""
RETRY_S = (0.2, 2.0)
POLL_S = 1.0

log = logging.getLogger(__name__)


class _EmptyError(Exception):
    """Redis answers and holds no live state of the city: what it said before is lost, and nothing is known."""


def wall_clock_ms() -> int:
    """Return the time of the machine's clock."""
    return int(time.time() * 1000)


class Hub:
    """The live state of one city, fanned out."""

    def __init__(self, config: WallConfig, clock: Callable[[], int] = wall_clock_ms) -> None:
        self.config, self._clock = config, clock
        self._address = config.redis if "://" in config.redis else f"redis://{config.redis}"
        self.mirror = Mirror()
        self.screen = Screen(config, self.mirror)
        self.commands = Commands(self.mirror, config.limits.sending_s)
        self.epoch = secrets.token_hex(4)
        self.seq = 0
        self.redis_lost_ms: int | None = clock()
        """Since when Redis is away; None = it is there."""
        self._listeners = Listeners()
        self._wake = asyncio.Event()
        self._quiet = 0
        self._beat_at = 0.0
        self._snapshot: tuple[int, str] = (-1, "")
        self._link: dict[str, Any] = {}

    # --- outwards -------------------------------------------------------------------------------------------------

    @property
    def clients(self) -> int:
        """Return how many browsers listen."""
        return len(self._listeners)

    def listen(self, browser: str = "") -> AsyncGenerator[str, None]:
        """Yield a snapshot, then every delta, and what is for this browser alone."""
        return self._listeners.listen(self.snapshot, browser)

    def snapshot(self) -> str:
        """Return the whole picture as of the last tick; encoded once for all who ask between two ticks."""
        if self._snapshot[0] != self.seq:
            body = {
                "build": self.config.build,
                "version": self.screen.view.version,
                "segments": self._rows(self.mirror.segments),
                **self.screen.blocks,
            }
            self._snapshot = (self.seq, self._encode("snapshot", body | {"link": self._link}))
        return self._snapshot[1]

    def tick(self) -> None:
        """Number and send what changed since the last tick."""
        now_ms = self._clock()
        self._tell_outcomes(now_ms)
        kinds, segments = self.mirror.take_changed()
        body = self.screen.update(kinds | self._expire(now_ms), now_ms)
        if segments:
            body["segments"] = self._rows(segments)
        link = self._link = {"redis_lost_ms": self.redis_lost_ms, **self.screen.living(now_ms)}
        self._quiet += 1
        if not body and self._quiet < QUIET_TICKS:
            return
        self._quiet = 0
        self.seq += 1
        self._listeners.send(self._encode("delta", body | {"link": link}))

    def move_to(self, view: View) -> None:
        """Show another version of the city, in a new epoch where the page would draw anything else."""
        drawn_anew = view.version != self.screen.view.version
        self.screen.move_to(view)
        if drawn_anew:
            self._begin_epoch()
        else:
            self.tick()

    def _rows(self, segments: Iterable[str]) -> list[list[Any]]:
        """Return the rows of segments that the city has, by their places in what the page has drawn.

        One whose values are gone, because nobody watches it any more, has none.
        """
        code, known = self.screen.view.city.segment_code, self.mirror.segments
        return [[code[one], *known.get(one, NO_VALUES)] for one in segments if one in code]

    def sending(self, alarm_id: str, mark: Sending | None) -> None:
        """Mark an alarm's acknowledgement as on its way (None: no longer), and tell every browser at once."""
        if mark is None:
            self.screen.sending.pop(alarm_id, None)
        else:
            self.screen.sending[alarm_id] = mark
        self.mirror.changed.add("sending")
        self._wake.set()

    def _expire(self, now_ms: int) -> set[str]:
        limit_ms = self.config.limits.sending_s * 1000
        marks = self.screen.sending
        old = [key for key, mark in marks.items() if mark.confirmed is None and now_ms - mark.since_ms > limit_ms]
        for key in old:
            marks[key] = replace(marks[key], confirmed=False)
        return {"sending"} if old else set()

    def _tell_outcomes(self, now_ms: int) -> None:
        """Tell the browser that asked what became of its command, or that nobody has confirmed it."""
        changed, self.mirror.changed_outcomes = self.mirror.changed_outcomes, set()
        asked = [found for one in changed if (found := self.commands.find(one)) is not None]
        for one in (*asked, *self.commands.late(now_ms)):
            state = self.commands.state(one.id, now_ms)
            if state is not None:
                said = {"type": "outcome", **state, "sentence": as_json(sentence(state))}
                self._listeners.tell(one.browser, msgspec.json.encode(said).decode())
            mark = self.screen.sending.get(one.alarm)
            if mark is not None and mark.command == one.id and one.id in changed:
                del self.screen.sending[one.alarm]
                self.mirror.changed.add("sending")

    def _encode(self, kind: str, body: dict[str, Any]) -> str:
        head = {"type": kind, "epoch": self.epoch, "seq": self.seq, "server_at": self._clock()}
        return msgspec.json.encode(head | body).decode()  # takes whole numbers of any length, too

    def _begin_epoch(self) -> None:
        self.epoch, self.seq, self._snapshot = secrets.token_hex(4), 0, (-1, "")
        self.tick()
        self._listeners.renew()

    # --- loops ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow Redis and tick, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._beat())
            group.create_task(self._follow_city())

    async def _beat(self) -> None:
        while not _cancelled():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TICK_S)
            self._wake.clear()
            self._beat_at = time.monotonic()
            self.tick()

    async def _follow(self) -> None:
        wait_s = RETRY_S[0]
        told, soon = False, True
        while not _cancelled():
            client = redis.asyncio.from_url(self._address, socket_connect_timeout=2, socket_keepalive=True)
            try:
                await self._subscribe(client)
            except (RedisError, OSError, _EmptyError) as exc:
                soon = isinstance(exc, _EmptyError) or self.redis_lost_ms is None
                if self.redis_lost_ms is None or not told:
                    log.info("live state lost: %s", exc)
                told = True
                self.redis_lost_ms = self.redis_lost_ms or self._clock()
            finally:
                with contextlib.suppress(RedisError, OSError):
                    await client.aclose()
            await asyncio.sleep(wait_s)
            wait_s = RETRY_S[0] if soon else min(wait_s * 2, RETRY_S[1])

    async def _follow_city(self) -> None:
        """Go over to each new version of the city, once it is known."""
        while not _cancelled():
            city = await self.config.next_city()
            view = await asyncio.to_thread(View, city, self.config.build)
            log.info("the city is shown as of version %s", city.version)
            self.move_to(view)

    async def _subscribe(self, client: redis.asyncio.Redis) -> None:
        prefix = f"citywall:{self.config.city.id}"
        async with client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(f"{prefix}:deltas")
            await self._read_all(client, prefix)
            while not _cancelled():
                message = await channel.get_message(timeout=POLL_S)
                if message is None:
                    await self._check_epoch(client, prefix)
                elif not await self._merge(message["data"]):
                    await self._read_all(client, prefix)
                elif self.mirror.changed_segments and time.monotonic() - self._beat_at >= EARLY_S:
                    self._wake.set()

    async def _merge(self, data: bytes) -> bool:
        """Merge a delta; False = it does not follow or is none, so that the whole state must be read again.

        It is read in one turn of the loop and taken in another: a large one is work for both.
        """
        try:
            delta = msgspec.json.decode(data, type=Delta)
        except UNREADABLE as exc:
            self.mirror.odd.note("delta", "a change of several fields", exc)
            return False
        await asyncio.sleep(0)
        return self.mirror.apply(delta, self._clock())

    async def _check_epoch(self, client: redis.asyncio.Redis, prefix: str) -> None:
        """Nothing came for a while: see that the state is still the one we know (it may have been emptied)."""
        epoch = await client.hget(f"{prefix}:head", "epoch")
        if _text(epoch) != self.mirror.epoch:
            await self._read_all(client, prefix)

    async def _read_all(self, client: redis.asyncio.Redis, prefix: str) -> None:
        async with client.pipeline(transaction=True) as pipe:
            pipe.hgetall(f"{prefix}:head")
            pipe.hgetall(f"{prefix}:state")
            head, state = await pipe.execute()
        fields = dict(self._decoded(state))
        if not fields or b"epoch" not in head:
            raise _EmptyError("it holds nothing until the live sink fills it")
        self.mirror.load(_text(head[b"epoch"]), _number(head.get(b"seq")), fields)
        if self.redis_lost_ms is not None:
            log.info("live state found: %d fields", len(fields))
        self.redis_lost_ms = None
        self._begin_epoch()

    def _decoded(self, state: Mapping[bytes, bytes]) -> Iterator[tuple[str, Any]]:
        """Yield the fields of the hash; what is no JSON is dropped by itself."""
        for field, value in state.items():
            name = _text(field)
            try:
                yield name, msgspec.json.decode(value)
            except UNREADABLE as exc:
                self.mirror.odd.note(kind_of(name), name, exc)


def _text(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _number(value: bytes | None) -> int:
    """Return a number as Redis keeps it; of what is none, one that no delta follows: each is a reason to read anew."""
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() else -2


def _cancelled() -> bool:
    """Say whether this task was told to end: libraries below may swallow the one CancelledError that says so."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
