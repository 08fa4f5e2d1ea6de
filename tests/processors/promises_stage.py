"""What every first-level processor promises inside intake and zone stage, on a bus in memory: one function a promise.

However the readings are spread over inbox and readings partitions, repeated, mixed with what nobody knows, and however
often a stage dies between two sends: rows, detections and books come out the same.
"""

from __future__ import annotations

import random

from hypothesis import strategies as st

from tests.processors import contract
from tests.processors.stages import Hosting, Sent, feed_of, first_level

MOST_CRASHES = 12


def any_spread_over_partitions_gives_the_same(hosting: Hosting, data: st.DataObject) -> None:
    """A sensor's readings in one partition each; one or three of the inbox, one or two of readings."""
    sent = feed_of(hosting.domain, data.draw(contract.logs(hosting.domain)))
    plain = first_level(hosting, sent, (1, 1), random.Random(0))
    for inbox, readings in ((3, 1), (2, 2)):
        chance = random.Random(data.draw(st.integers(0, 2**32)))
        assert first_level(hosting, sent, (inbox, readings), chance) == plain


def copies_are_taken_once(hosting: Hosting, data: st.DataObject) -> None:
    """Behind a reading stands the same one again, or some in another partition: then which of them is the first there
    decides in which order its sensor spoke, and so what a rule finds."""
    sent = feed_of(hosting.domain, data.draw(contract.logs(hosting.domain)))
    chance, elsewhere = random.Random(data.draw(st.integers(0, 2**32))), data.draw(st.booleans())
    copied = []
    for one in sent:
        copied.append(one)
        if one.mark_ms is None and chance.random() < 0.3:
            copied.append(one._replace(sensor=chance.randrange(4)) if elsewhere else one)
    plain, found = (first_level(hosting, log, (2, 1), random.Random(1)) for log in (sent, copied))
    assert found["books"].pop("duplicates", 0) == len(copied) - len(sent)
    if elsewhere:
        found["said"] = plain["said"]
    assert found == plain


def what_nobody_knows_changes_nothing(hosting: Hosting, data: st.DataObject) -> None:
    """Readings of an unknown sensor, of one of another domain, of an unknown field, and no JSON at all."""
    sent = feed_of(hosting.domain, data.draw(contract.logs(hosting.domain)))
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    other = "weather" if hosting.domain != "weather" else "traffic"
    dirt = [
        b'{"sensor":"nobody","at":%d}' % contract.START_MS,
        b'{"sensor":"%s-north-0","at":%d}' % (other.encode(), contract.START_MS),
        b"rubbish",
    ]
    mixed = [
        one for pair in sent for one in ([Sent(0, chance.choice(dirt)), pair] if chance.random() < 0.2 else [pair])
    ]
    plain, found = (first_level(hosting, log, (1, 1), random.Random(1)) for log in (sent, mixed))
    assert found == plain


def kills_between_any_two_sends_change_nothing(hosting: Hosting, data: st.DataObject) -> None:
    sent = feed_of(hosting.domain, data.draw(contract.logs(hosting.domain)))
    plain = first_level(hosting, sent, (2, 1), random.Random(0))
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    assert first_level(hosting, sent, (2, 1), chance, crashes=MOST_CRASHES) == plain
