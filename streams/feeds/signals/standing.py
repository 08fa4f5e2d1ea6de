"""Which signals stand, and what that says of the city: alerts in, findings out, all of it kept by key. Pure.

state   per message: what it says, or that another one took its place; per (entity, kind): the finding told last
source  OASIS CAP-v1.2 3.2.1 (msgType, references); that a signal which its list no longer shows holds until it expires
        is our own choice

A message counts once. One that another refers to never counts again, whichever of them comes first, and however often.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import msgspec

from streams.contract.durations import DAY_MS
from streams.contract.level import Level
from streams.contract.records import Detection
from streams.feeds.signals.document import Alert
from streams.feeds.signals.meaning import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

KEPT_MS = 30 * DAY_MS
"""So long after it was sent a message is known to be over, and longer if it would hold longer."""
TOLD_END_MS = DAY_MS
"""So long an end is told again at each start."""
OFFICIAL = "official"
JUDGE = "signals"
"""Who found it, as the rules of `alerts/rules/signal_*.toml` name it: those that are switched off raise nothing."""
HELD, TOLD = b"held/", b"told/"


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What one message warns of, as one alarm."""

    kind: str
    entity: str
    """`zone:<id>`, or `city:<id>` where it covers several zones."""
    zone: str
    level: Level
    sent_ms: int
    expires_ms: int
    evidence: dict[str, float | str]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A message that came, or that another one refers to."""

    sent_ms: int
    until_ms: int
    """Wall time up to which it is remembered."""
    signals: tuple[Signal, ...] = ()
    over: bool = False
    """Another message took its place, or cancelled it."""
    alert: Alert | None = None
    """The message, for as long as it may hold anywhere: another version of the city may be one that it covers."""
    source: str = ""
    """Name of the source that it came from."""
    expires_ms: int = 0
    """Wall time up to which it may hold."""


class Standing:
    """Invariant: `changes` since the last call are all that tells this state from the one that was kept."""

    def __init__(self, city: str = "") -> None:
        self.city = city
        self._held: dict[str, Held] = {}
        self._told: dict[str, Detection] = {}
        self._changed: dict[bytes, bytes | None] = {}

    def begin(self, kept: Mapping[bytes, bytes]) -> list[Detection]:
        """Go on from what was kept → what was told last, to be told again: it may not have left."""
        for key, value in kept.items():
            if key.startswith(HELD):
                self._held[key.removeprefix(HELD).decode()] = _read(value)
            elif key.startswith(TOLD):
                self._told[key.removeprefix(TOLD).decode()] = msgspec.json.decode(value, type=Detection)
        return list(self._told.values())

    def take(self, alert: Alert, signals: Sequence[Signal], source: str = "", expires_ms: int = 0) -> bool:
        """Take a message, what it warns of here, whose it is, until when it may hold → whether it is news."""
        for of in alert.references:
            if of != alert.id:
                self._end(of, alert.sent_ms)
        held = self._held.get(alert.id)
        if held is not None and (held.over or (held.source and held.sent_ms >= alert.sent_ms)):
            return False  # what an earlier CityWall kept says no source
        news = Held(
            sent_ms=alert.sent_ms,
            until_ms=max(alert.sent_ms + KEPT_MS, expires_ms),
            signals=tuple(signals),
            alert=alert,
            source=source,
            expires_ms=expires_ms,
        )
        self._hold(alert.id, news)
        return True

    def place(self, placed: Callable[[Alert, str], Sequence[Signal] | None]) -> None:
        """Say anew what each message that may hold warns of: the city has another version, or a source other settings.

        `placed`: of a message and the name of its source; None = nobody knows, so it stays as it is.
        """
        for of, held in list(self._held.items()):
            signals = None if held.alert is None else placed(held.alert, held.source)
            if signals is not None and tuple(signals) != held.signals:
                self._hold(of, msgspec.structs.replace(held, signals=tuple(signals)))

    def in_force(self, now_ms: int) -> list[Signal]:
        """Return the signals that stand at a wall time."""
        return [
            one for held in self._held.values() for one in held.signals if one.level > 0 and one.expires_ms > now_ms
        ]

    def due(self, now_ms: int, city_ms: int, version: int) -> list[Detection]:
        """Return what is to be told now, and forget what is over for long.

        Args:
            now_ms: wall time.
            city_ms: the city clock at it; findings are of that time.
            version: of the city.
        """
        self._forget(now_ms, city_ms)
        worst: dict[str, Signal] = {}
        for one in self.in_force(now_ms):
            key = f"{one.entity}/{one.kind}"
            if key not in worst or (one.level, -one.sent_ms) < (worst[key].level, -worst[key].sent_ms):
                worst[key] = one
        found = list(self._news(worst, city_ms, version))
        for key, detection in found:
            self._told[key] = detection
            self._changed[TOLD + key.encode()] = msgspec.json.encode(detection)
        return [detection for _, detection in found]

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return what has to be kept, key and value."""
        changed, self._changed = self._changed, {}
        return list(changed.items())

    def _news(self, worst: Mapping[str, Signal], city_ms: int, version: int) -> Iterator[tuple[str, Detection]]:
        for key, one in worst.items():
            told = self._told.get(key)
            if told is None or (told.level, told.evidence) != (one.level, one.evidence):
                yield key, self._finding(told, one, city_ms, version)
        for key, told in list(self._told.items()):
            if key not in worst and told.level > 0:
                known_ms = max(city_ms, told.known_ms + 1)
                ended = {"at_ms": known_ms, "known_at_ms": known_ms, "level": 0, "evidence": {"basis": OFFICIAL}}
                yield key, msgspec.structs.replace(told, version=version, **ended)

    def _finding(self, told: Detection | None, one: Signal, city_ms: int, version: int) -> Detection:
        """Return a finding that is newer than the last of its alarm; it began when the signal was sent, or now."""
        known_ms = city_ms if told is None else max(city_ms, told.known_ms + 1)
        earliest_ms = told.at_ms if told is not None and told.level == 0 else 0
        return Detection(
            city=self.city,
            domain=DOMAIN,
            kind=one.kind,
            entity=one.entity,
            zone=one.zone,
            at_ms=max(min(one.sent_ms, known_ms), earliest_ms),
            known_at_ms=known_ms,
            level=one.level,
            basis=OFFICIAL,
            evidence=one.evidence,
            processor=JUDGE,
            version=version,
        )

    def _end(self, of: str, sent_ms: int) -> None:
        held = self._held.get(of)
        if held is None:
            self._hold(of, Held(sent_ms=sent_ms, until_ms=sent_ms + KEPT_MS, over=True))
        elif not held.over:
            self._hold(of, msgspec.structs.replace(held, signals=(), over=True, alert=None))

    def _hold(self, of: str, held: Held) -> None:
        self._held[of] = held
        self._changed[HELD + of.encode()] = zlib.compress(msgspec.json.encode(held))

    def _forget(self, now_ms: int, city_ms: int) -> None:
        for of, held in list(self._held.items()):
            if held.alert is not None and held.expires_ms <= now_ms:
                self._hold(of, msgspec.structs.replace(held, alert=None))
        for of in [of for of, held in self._held.items() if held.until_ms <= now_ms]:
            del self._held[of]
            self._changed[HELD + of.encode()] = None
        for key, told in list(self._told.items()):
            if told.level == 0 and told.known_ms + TOLD_END_MS <= city_ms:
                del self._told[key]
                self._changed[TOLD + key.encode()] = None


def _read(value: bytes) -> Held:
    """Read what was kept; an earlier CityWall did not compress it."""
    return msgspec.json.decode(value if value.startswith(b"{") else zlib.decompress(value), type=Held)
