"""Record batches as aiokafka writes them, framed by the kernel: every codec, headers, nulls, holes and broken bytes."""

from __future__ import annotations

import random

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

from streams.broker.arrivals import as_record
from streams.contract.stage import Record, from_offset
from streams.transport.inflate import MOST_BYTES
from streams.transport.unframed import UnframedFetch, of_batch
from streams.transport.wire import FETCH_BYTES, WireBatch, WireFetch, WireRecords, framed, is_wire
from tests.fakes import batch_bytes

SOURCE = TopicPartition("t", 0)
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
RECORDS = [
    Record(0, b"k", b'{"sensor":"d1"}', 1_700_000_000_000, ()),
    Record(1, None, b"", 1_700_000_000_007, (("mark", b"17"), ("reason", b""))),
    Record(2, b"", None, 1_699_999_999_000, ()),
    Record(3, b"k" * 300, b"v" * 70_000, 1_700_000_000_000, (("frame", b"x" * 200),)),
]


def unframed(data: bytes, begin: int = 0) -> list[tuple[object, ...]]:
    """The same records as they come where there is no kernel."""
    return [
        (one.offset, one.key, one.value, one.timestamp, [(name, value or b"") for name, value in one.headers])
        for one in UnframedFetch(WireFetch(SOURCE, data, begin, check=True))
    ]


def fetched(data: bytes, begin: int = 0) -> WireRecords:
    return framed(list(WireFetch(SOURCE, data, begin, check=True)))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_batch_comes_back_as_it_was_written(codec: int) -> None:
    assert list(fetched(batch_bytes(RECORDS, codec=codec))) == RECORDS


@pytest.mark.parametrize(
    ("stamped_by", "read_ms", "came_ms"),
    [
        pytest.param("broker", 1_000, [9_000, 9_000], id="a broker's clock may be ahead of ours"),
        pytest.param("sender", 10_000, [8_000, 9_000], id="a sender's stamp of before"),
        pytest.param("sender", 8_500, [8_000, 8_500], id="a sender's stamp of later is not believed"),
        pytest.param("nobody", 8_500, [-1, -1], id="no stamp"),
    ],
)
def test_a_record_came_when_its_broker_says_or_no_later_than_it_was_read(
    stamped_by: str, read_ms: int, came_ms: list[int]
) -> None:
    times = (-1, -1) if stamped_by == "nobody" else (8_000, 9_000)
    sent = [Record(number, b"k", b"v", one, ()) for number, one in enumerate(times)]
    data = bytearray(batch_bytes(sent))
    if stamped_by == "broker":  # it says so, and the time of the whole batch stands as its last
        data[22] |= 0x08
    (batch,) = WireFetch(SOURCE, bytes(data), 0, check=False)
    batch = batch._replace(read_ms=read_ms)
    assert framed([batch]).came_ms.tolist() == came_ms
    records = of_batch(batch)
    assert [one.timestamp for one in records] == came_ms
    assert [as_record(one).timestamp for one in records] == came_ms  # what reads a log gets them


def test_batches_follow_each_other_and_a_cut_one_waits_for_the_next_fetch() -> None:
    data = batch_bytes(RECORDS, 100) + batch_bytes(RECORDS[:2], 104, CODECS["zstd"]) + batch_bytes(RECORDS, 106)[:-1]
    fetch = WireFetch(SOURCE, data, 100, check=True)
    assert [record.offset for record in framed(list(fetch))] == [100, 101, 102, 103, 104, 105]
    assert fetch.next_fetch_offset == 106


def test_records_below_what_was_asked_for_are_left_out() -> None:
    assert [record.offset for record in fetched(batch_bytes(RECORDS, 100), begin=102)] == [102, 103]


def test_a_slice_holds_the_same_records() -> None:
    records = fetched(batch_bytes(RECORDS))
    assert list(records[1:3]) == RECORDS[1:3]
    assert list(from_offset(records, 2)) == RECORDS[2:]
    assert records[-1] == RECORDS[-1]


def test_a_wrong_checksum_is_told() -> None:
    broken = bytearray(batch_bytes(RECORDS))
    broken[-3] ^= 1
    with pytest.raises(CorruptRecordException, match="CRC"):
        list(WireFetch(SOURCE, bytes(broken), 0, check=True))


@pytest.mark.parametrize("seed", range(30))
def test_broken_bytes_are_an_error_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        broken = bytearray(batch_bytes(RECORDS[:3]))
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(57, len(broken))] = chance.randrange(256)
        try:
            found = framed(list(WireFetch(SOURCE, bytes(broken), 0, check=False)))
        except CorruptRecordException:
            continue
        for offset, size in ((0, 1), (2, 3)):
            assert (found.spans[offset] + found.spans[size] <= len(found.data)).all()


def test_an_older_layout_is_left_to_aiokafka() -> None:
    old = bytearray(batch_bytes(RECORDS))
    old[16] = 1
    assert is_wire(batch_bytes(RECORDS))
    assert not is_wire(bytes(old))


def with_head(built: bytes, at: int, value: bytes) -> bytes:
    return built[:at] + value + built[at + len(value) :]


def test_a_batch_shorter_than_its_head_is_an_error() -> None:
    built = batch_bytes(RECORDS)
    for length in (-12, -1, 0, 48):
        broken = with_head(built, 8, length.to_bytes(4, "big", signed=True))
        assert not is_wire(broken)
        with pytest.raises(CorruptRecordException):
            list(WireFetch(SOURCE, broken, 0, check=False))


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_what_nobody_can_inflate_comes_out_as_one_record_of_its_own_bytes(codec: int) -> None:
    first, bad, last = (
        batch_bytes(RECORDS[:2], 5),
        bytearray(batch_bytes(RECORDS, 7, codec)),
        batch_bytes(RECORDS[:1], 11),
    )
    bad[70:] = b"\xff" * (len(bad) - 70)
    records = list(framed(list(WireFetch(SOURCE, first + bad + last, 5, check=False))))
    assert [record.offset for record in records] == [5, 6, 10, 11]
    assert records[2].value == bytes(bad[61:])
    assert (records[2].key, records[2].headers) == (None, ())


def test_a_bomb_comes_out_as_one_record_of_its_own_bytes() -> None:
    bomb = batch_bytes([Record(0, None, b"\0" * (MOST_BYTES + 1), 1, ())], 3, codec=4)
    assert len(bomb) < 10_000
    (record,) = framed(list(WireFetch(SOURCE, bomb, 3, check=True)))
    assert (record.offset, record.value) == (3, bomb[61:])


def test_a_fetch_that_holds_much_inflated_goes_on_with_the_next() -> None:
    large = [Record(0, None, b"\0" * (FETCH_BYTES // 2 + 1), 1, ())]
    data = b"".join(batch_bytes(large, base, codec=4) for base in range(5))
    fetch = WireFetch(SOURCE, data, 0, check=True)
    assert [batch.base_offset for batch in fetch] == [0, 1]
    assert fetch.next_fetch_offset == 2


def zigzag(*numbers: int) -> bytes:
    return bytes(2 * number if number >= 0 else -2 * number - 1 for number in numbers)


@pytest.mark.parametrize(
    "headers",
    [
        zigzag(60, -3, -1),  # sizes that would go backwards, and round and round
        zigzag(2, 1) + b"k" + zigzag(1) + b"v",  # one less than said
        b"\x80" * 30,  # a count that does not end
        b"",
        zigzag(1, 50) + b"k",
    ],
)
def test_headers_that_are_none_do_not_stop_a_reader(headers: bytes) -> None:
    body = bytes([0, 0, 0, 1]) + zigzag(1) + b"v" + headers
    (record,) = framed([WireBatch(zigzag(len(body)) + body, 1, 9, 0, -1, 9)])
    assert (record.offset, record.value) == (9, b"v")
    assert len(record.headers) <= 1


def test_names_that_are_no_text_and_null_values_are_read() -> None:
    body = bytes([0, 0, 0, 1]) + zigzag(1) + b"v" + zigzag(2, 2) + b"\xffk" + zigzag(-1, 1) + b"m" + zigzag(1) + b"x"
    (record,) = framed([WireBatch(zigzag(len(body)) + body, 1, 9, 0, -1, 9)])
    assert record.headers == (("\ufffdk", b""), ("m", b"x"))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_without_the_kernel_the_same_records_come(codec: int) -> None:
    data = (
        batch_bytes(RECORDS, 7, codec)
        + batch_bytes([], 11)
        + batch_bytes(RECORDS[:2], 12, codec)
        + batch_bytes(RECORDS, 14)[:-1]
    )
    wanted = [(one.offset, one.key, one.value, one.timestamp, list(one.headers)) for one in fetched(data, 8)]
    assert [one[0] for one in wanted] == [8, 9, 10, 12, 13]
    assert unframed(data, 8) == wanted


def test_without_the_kernel_a_bomb_is_one_record_too() -> None:
    bomb = batch_bytes([Record(0, None, b"\0" * (MOST_BYTES + 1), 1, ())], 3, codec=4)
    assert unframed(bomb + batch_bytes(RECORDS[:1], 4), 3) == [
        (3, None, bomb[61:], 1, []),
        (4, b"k", RECORDS[0].value, RECORDS[0].timestamp, []),
    ]


def test_without_the_kernel_a_header_whose_name_is_no_text_stops_nothing() -> None:
    built = bytearray(batch_bytes([RECORDS[0], RECORDS[1]], 3))
    at = built.index(b"mark")
    built[at] = 0xFF
    built[17:21] = calc_crc32c(bytes(built[21:])).to_bytes(4, "big")
    (_, odd) = unframed(bytes(built), 3)
    assert odd == (4, None, b"", RECORDS[1].timestamp, [("\ufffdark", b"17"), ("reason", b"")])


def test_the_next_fetch_begins_behind_the_last_batch_taken() -> None:
    fetch = UnframedFetch(WireFetch(SOURCE, batch_bytes(RECORDS, 7), 8, check=True))
    assert next(fetch).offset == 8
    assert [one.offset for one in fetch] == [9, 10]
    assert fetch.next_fetch_offset == 11
