"""`citywall dead-letters`: from every stage's letters on a real Kafka to the screen and to JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from kafka import KafkaProducer

from deploy.embedded import kafka as embedded
from deploy.supervision import folder
from deploy.terminal import cli, letters
from streams.broker import dead_letters, topics
from streams.contract.records import DeadLetter
from streams.contract.stage import Chunk, Record
from tests.runs import run_of
from tests.small_city import write_small_city

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streams.contract.stage import Message

INBOX = topics.inbox("traffic")
FAST = b'{"sensor":"d1","at":1700000000000,"speed_km_h":900}'
LATE = b'{"sensor":"d2","at":1700000000500,"speed_km_h":40.0}'
ROW = b'{"entity":"s1","metric":"speed_km_h","at_ms":1700000040000}'
REFUSED = dead_letters.to_message(DeadLetter(FAST, "out_of_range", INBOX, 1, 4, 2))
FRAME = Chunk(topics.readings("weather"), 1, [Record(7, None, b"\xff\x00frame", 0, ())], 8)
MESSAGES = [
    dead_letters.to_message(DeadLetter(b"\x1b[2Jnot JSON", "undecodable", INBOX, 0, 3, 0)),
    replace(REFUSED, headers=(*REFUSED.headers, ("column", b"speed_km_h"))),
    dead_letters.to_message(DeadLetter(LATE, "too_late", INBOX, 0, 5, 0)),
    dead_letters.bad_frame(FRAME, FRAME.records[0]),
    dead_letters.to_message(
        DeadLetter(ROW, "refused_by_history", topics.METRICS, 0, 6, 9, detail="400 Bad Request: no")
    ),
]
"""One of intake, one of a value, one of the zone stage, a bad frame, a row that the history refused: oldest first."""


def data_folder(data: Path) -> None:
    write_small_city(data / "city")
    run_of(data, history=data / "history.sqlite", embedded_kafka=True).write()


def fill(address: str, messages: Sequence[Message]) -> None:
    topics.ensure_topics(address)
    producer = KafkaProducer(bootstrap_servers=address)
    for number, message in enumerate(messages):
        producer.send(
            message.topic,
            message.value,
            key=message.key,
            headers=list(message.headers),
            timestamp_ms=1_700_000_100_000 + 1000 * number,
        )
    producer.flush()
    producer.close()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """Return the data folder of a city that does not run, with letters in its embedded Kafka."""
    data = tmp_path_factory.mktemp("stopped")
    data_folder(data)
    with embedded.running(data / "kafka", cache, lambda _: None) as broker:
        fill(broker.address, MESSAGES)
    return data


def test_a_city_that_does_not_run_shows_its_dead_letters(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dead-letters", "--json", "--data", str(stopped)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["reason"], one["domain"], one["sensor"], one["at"], one["column"]) for one in found] == [
        ("refused_by_history", None, "s1", "2023-11-14T22:14:00Z", None),
        ("bad_frame", "weather", None, None, None),
        ("too_late", "traffic", "d2", "2023-11-14T22:13:20.500Z", None),
        ("out_of_range", "traffic", "d1", "2023-11-14T22:13:20Z", "speed_km_h"),
        ("undecodable", "traffic", None, None, None),
    ]
    assert [(one["partition"], one["offset"], one["place"]) for one in found] == [
        (0, 6, 9),
        (1, 7, 0),
        (0, 5, 0),
        (1, 4, 2),
        (0, 3, 0),
    ]
    assert found[0]["detail"] == "400 Bad Request: no"
    assert found[3]["text"].encode() == FAST
    assert base64.b64decode(found[1]["base64"]) == b"\xff\x00frame"
    assert found[4]["received_at"] == "2023-11-14T22:15:00Z"
    assert folder.holder(stopped) is None, "the folder is let go again"


def test_a_running_kafka_is_asked_for_what_is_wanted(
    tmp_path: Path, cache: Path, stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with embedded.running(stopped / "kafka", cache, lambda _: None) as broker:

        def reasons(*options: str) -> list[str]:
            assert cli.main(["dead-letters", "--json", "--kafka", broker.address, *options]) == 0
            return [one["reason"] for one in json.loads(capsys.readouterr().out)]

        assert reasons("--last", "2") == ["refused_by_history", "bad_frame"]
        assert reasons("--domain", "traffic", "--last", "2") == ["too_late", "out_of_range"]
        assert reasons("--reason", "undecodable") == ["undecodable"]
        assert reasons("--from", "2023-11-14T22:15:02Z") == ["refused_by_history", "bad_frame", "too_late"]
        assert reasons("--from", "2023-11-14T23:00Z") == []
        assert len(reasons("--from", "1969-01-01")) == len(reasons())
        assert cli.main(["dead-letters", "--lang", "zh", "--reason", "empty", "--kafka", broker.address]) == 0
        assert capsys.readouterr().out == "没有符合条件的死信\n"


def test_two_brokers_never_share_a_folder(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = folder.take(stopped, folder.Holder(1, "c", "now"))  # a city that is about to start its broker
    try:
        assert cli.main(["dead-letters", "--data", str(stopped)]) == 1
    finally:
        lock.release()
    assert "no Kafka answers at 127.0.0.1:1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--domain", "trafic"], "the nearest is 'traffic'"),
        (["--reason", "outofrange"], "the nearest is 'out_of_range'"),
        (["--reason", "zzz"], "there are undecodable, empty"),
    ],
)
def test_what_cannot_be_is_refused(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dead-letters", *options, "--kafka", "127.0.0.1:1"]) == 2
    assert said in capsys.readouterr().err


def _letter(payload: bytes, **headers: str) -> letters.Letter:
    told = {"reason": "undecodable", "topic": INBOX, "partition": "0", "offset": "3", "place": "0"} | headers
    return letters.letter_of(0, [(name, value.encode()) for name, value in told.items()], payload)


@pytest.mark.parametrize(
    ("payload", "last_line"),
    [
        (b"\x1b[2J\xe2\x80\xae\xff!", "    \\x1b[2J\\u202e\\xff!"),
        ("多".encode() * 300, "    " + "多" * 300),
        (b"x" * 301, "    " + "x" * 300 + " … (301 bytes in all)"),
        (b"y" * 2_000_000, "    " + "y" * 300 + " … (2,000,000 bytes in all)"),
        (b"", "    "),
    ],
    ids=["escapes", "as long as is shown", "cut", "large", "nothing"],
)
def test_bytes_are_printed_without_harm(payload: bytes, last_line: str) -> None:
    assert letters.screen([_letter(payload)], "en").splitlines()[-1] == last_line


def test_the_screen_tells_all_that_is_known() -> None:
    one = _letter(FAST, reason="out_of_range", column="speed_km_h", offset="4", place="2", detail="above\n250")
    assert letters.screen([one], "en").splitlines()[:2] == [
        "1970-01-01T00:00:00Z  out_of_range (Out of range)  sensor d1  at 2023-11-14T22:13:20Z  column speed_km_h",
        "    city.inbox.v1.traffic[0] @4, reading 2  above\\n250",
    ]
    assert letters.screen([one], "zh").splitlines()[:2] == [
        "1970-01-01T00:00:00Z  out_of_range (超出范围)  传感器 d1  时间 2023-11-14T22:13:20Z  字段 speed_km_h",
        "    city.inbox.v1.traffic[0] @4, 第 2 个读数  above\\n250",
    ]


def test_a_reading_with_a_bare_nan_says_whose_it_is() -> None:
    """As gateways print a missing number in Python or C; no JSON, but intake refuses that one value alone."""
    one = _letter(b'{"sensor":"d3","at":1700000000000,"speed_km_h":nan}', reason="not_finite", column="speed_km_h")
    assert (one.sensor, one.at) == ("d3", "2023-11-14T22:13:20Z")


@pytest.mark.parametrize(
    "payload",
    [
        b"[1,2]",
        b'"text"',
        b'{"sensor":[1],"at":{"x":1}}',
        b'{"sensor":null,"at":true}',
        b'{"sensor":"\\ud800","at":"\\udfff"}',
        b'{"sensor":["\\ud800"],"at":{"\\ud800":1}}',
        b"[" * 100_000,
        b"\xed\xa0\x80",
    ],
)
def test_whatever_came_is_shown(payload: bytes) -> None:
    one = _letter(payload)
    assert letters.screen([one], "en").encode()
    assert msgspec.json.encode(letters.plain(one))
