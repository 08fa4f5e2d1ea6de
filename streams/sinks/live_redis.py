"""The live state's place in Redis: one Lua call a batch, an epoch while the keys live, a sequence of deltas.

Beside epoch and sequence the head holds whose run it is and the offsets its values contain, written in the same call: a
sink that starts again goes on exactly there, and one that finds nothing folds the topics again.
"""

from __future__ import annotations

import json
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from streams.errors import UnreachableError
from streams.sinks.live_fields import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

TIMEOUT_S = 2.0
REFUSED = -1
NOT_JSON = "not JSON"

_PUBLISH = """
local state, head, epoch = KEYS[1], KEYS[2], ARGV[2]
if ARGV[3] == 'anew' then
  redis.call('DEL', state, head)
  redis.call('HSET', head, 'epoch', epoch, 'run', ARGV[4])
elseif redis.call('HGET', head, 'epoch') ~= epoch or redis.call('EXISTS', state) == 0
    or not tonumber(redis.call('HGET', head, 'seq') or '') then
  return -1
end
redis.call('HSET', head, 'offsets', ARGV[5])
local first = 9 + ARGV[8]
for i = 9, first - 1 do redis.call('HDEL', state, ARGV[i]) end
for i = first, #ARGV, 2 do redis.call('HSET', state, ARGV[i], ARGV[i + 1]) end
local seq = redis.call('HINCRBY', head, 'seq', 1)
local numbered = '{"epoch":"' .. epoch .. '","seq":' .. seq
redis.call('PUBLISH', ARGV[1], numbered .. ',"set":' .. ARGV[6] .. ',"del":' .. ARGV[7] .. '}')
return seq
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What an earlier sink of the same run left."""

    fields: dict[str, Any]
    offsets: dict[str, int]


class LiveRedis:
    """One city's keys. Every call raises UnreachableError when Redis is away."""

    def __init__(self, url: str, city_id: str, run: str) -> None:
        self._url = url
        self._run = run
        self._epoch = ""
        self._state, self._head, self._channel = (f"citywall:{city_id}:{name}" for name in ("state", "head", "deltas"))
        self._redis: Any = Redis.from_url(
            url if "://" in url else f"redis://{url}",
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            encoding_errors="surrogateescape",  # whatever stands there can be read, judged and deleted
        )
        self._script = self._redis.register_script(_PUBLISH)

    async def load(self) -> Stored | None:
        """Return what this run has published, and go on in its epoch; None: there is nothing of it.

        What is no JSON comes as `NOT_JSON`, which is no value of any field.
        """
        async with self._mapped():
            head = await self._redis.hgetall(self._head)
            fields = await self._redis.hgetall(self._state)
        offsets = _decoded(head.get("offsets", ""))
        if head.get("run") != self._run or not fields or not head.get("epoch") or not _are_offsets(offsets):
            self._epoch = ""
            return None
        self._epoch = head["epoch"]
        return Stored({name: _decoded(text) for name, text in fields.items()}, offsets)

    async def publish(self, fields: Mapping[str, str], deleted: list[str], offsets: Mapping[str, int]) -> bool:
        """Write a delta and publish it under the next number → False when the keys are not ours any more."""
        if not self._epoch:
            return False
        delta = "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in fields.items()) + "}"
        return await self._call("on", delta, fields, deleted, offsets) != REFUSED

    async def begin(self, fields: Mapping[str, str], offsets: Mapping[str, int]) -> None:
        """Replace everything under a new epoch; its first delta is empty and sends every reader to a new snapshot."""
        self._epoch = uuid.uuid4().hex
        await self._call("anew", "{}", fields, [], offsets)

    async def close(self) -> None:
        """Close the connection."""
        async with self._mapped():
            await self._redis.aclose()

    async def _call(
        self, mode: str, delta: str, fields: Mapping[str, str], deleted: list[str], offsets: Mapping[str, int]
    ) -> int:
        pairs = [text for pair in fields.items() for text in pair]
        head = [self._channel, self._epoch, mode, self._run, json.dumps(offsets), delta, json.dumps(deleted)]
        async with self._mapped():
            return int(await self._script(keys=[self._state, self._head], args=[*head, len(deleted), *deleted, *pairs]))

    @asynccontextmanager
    async def _mapped(self) -> AsyncIterator[None]:
        try:
            yield
        except (RedisError, OSError, TimeoutError) as exc:
            raise UnreachableError(
                f"Redis at {self._url} does not answer: {exc}; start it, or give another --redis"
            ) from exc


def _decoded(text: str) -> Any:  # noqa: ANN401 - anything that JSON can say
    try:
        return msgspec.json.decode(text.encode())
    except UNREADABLE:
        return NOT_JSON


def _are_offsets(found: object) -> bool:
    return isinstance(found, dict) and all(type(offset) is int and offset >= 0 for offset in found.values())
