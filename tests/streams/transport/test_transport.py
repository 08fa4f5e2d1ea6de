"""The chunked transport: fetches bring the same records in every way, and runs are cut as promised."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.structs import TopicPartition as KafkaTopicPartition
from faust.types import TP

from streams.alarms.alarm_stage import AlarmStage
from streams.contract.stage import RUN_RECORDS, Record
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.sinks.history.sink import HistorySink
from streams.sinks.live import LiveSink
from streams.transport import chunks, fetching
from streams.transport import lingering as fresh
from streams.transport.unframed import UnframedFetch
from streams.transport.wire import WireFetch
from streams.zone.zone_stage import ZoneStage
from tests.fakes import batch_bytes


@pytest.fixture
def aiokafkas_own(monkeypatch):
    """aiokafka's fetcher as it comes, put back at the end."""
    monkeypatch.setattr(fetcher, "PartitionRecords", fetching.PartitionRecords)
    monkeypatch.setattr(fetcher, "MemoryRecords", fetching.MemoryRecords)


@pytest.mark.usefixtures("aiokafkas_own")
def test_the_fast_fetch_makes_batches_of_framed_topics_and_records_of_others():
    fetching.install(["framed"])
    rest = (None, 7, None, None, True, fetcher.READ_UNCOMMITTED)
    made = {
        topic: fetcher.PartitionRecords(KafkaTopicPartition(topic, 0), fetcher.MemoryRecords(b""), *rest)
        for topic in ("framed", "other")
    }
    assert isinstance(made["framed"], WireFetch)
    assert isinstance(made["other"], UnframedFetch)
    assert made["framed"].next_fetch_offset == made["other"].next_fetch_offset == 7


@pytest.mark.usefixtures("aiokafkas_own")
def test_transactions_are_left_to_aiokafka():
    fetching.install(["framed"])
    rest = (None, 7, None, None, True, fetcher.READ_COMMITTED)
    made = fetcher.PartitionRecords(KafkaTopicPartition("framed", 0), fetcher.MemoryRecords(b""), *rest)
    assert type(made) is fetching.PartitionRecords


RECORDS = [Record(offset, b"k", b"%d" % offset, 1_700_000_000_000 + offset, (("h", b"v"),)) for offset in range(5)]


@pytest.mark.usefixtures("aiokafkas_own")
@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("asked", [100, 103])
def test_every_fetch_brings_the_same_records_from_what_was_asked_for(framed, asked):
    fetching.install(["t"] if framed else [])
    data = batch_bytes(RECORDS, 100) + batch_bytes(RECORDS[:2], 105)
    rest = (None, asked, None, None, True, fetcher.READ_UNCOMMITTED)
    fetch = fetcher.PartitionRecords(KafkaTopicPartition("t", 0), fetcher.MemoryRecords(data), *rest)
    (run,) = chunks.runs(list(fetch))
    found = [(one.offset, one.key, one.value, one.timestamp, tuple(one.headers)) for one in run]
    sent = [*RECORDS, *RECORDS[:2]]
    assert found == [tuple(one._replace(offset=100 + n)) for n, one in enumerate(sent) if 100 + n >= asked]
    assert fetch.next_fetch_offset == 107


@pytest.mark.usefixtures("aiokafkas_own")
@pytest.mark.parametrize("framed", [True, False])
def test_a_wrong_checksum_is_told(framed):
    fetching.install(["t"] if framed else [])
    broken = bytearray(batch_bytes(RECORDS))
    broken[-1] ^= 1
    rest = (None, 0, None, None, True, fetcher.READ_UNCOMMITTED)
    fetch = fetcher.PartitionRecords(KafkaTopicPartition("t", 0), fetcher.MemoryRecords(bytes(broken)), *rest)
    with pytest.raises(CorruptRecordException):
        list(fetch)


def fetched(count, size):
    return [SimpleNamespace(offset=i, key=None, value=b"x" * size, timestamp=7, headers=()) for i in range(count)]


@pytest.mark.parametrize(
    ("count", "size", "lengths"),
    [
        (0, 10, []),
        (3, 10, [3]),
        (RUN_RECORDS + 1, 10, [RUN_RECORDS, 1]),
        (5, chunks.RUN_BYTES // 2, [2, 2, 1]),
        (2, 2 * chunks.RUN_BYTES, [1, 1]),
    ],
)
def test_runs_hold_at_most_so_many_records_and_bytes(count, size, lengths):
    found = list(chunks.runs(fetched(count, size)))
    assert [len(run) for run in found] == lengths
    assert [record.offset for run in found for record in run] == list(range(count))


SOURCE = TP("t", 0)


class Thread:
    """The consumer's thread, in the same loop: a fetch that returns when told, and the positions it was given."""

    def __init__(self):
        self.returns = asyncio.Event()
        self.sought = {}
        self.kafka = SimpleNamespace(
            _max_poll_records=None,
            _subscription=SimpleNamespace(is_assigned=lambda _: True),
            _fetcher=SimpleNamespace(_fetch_max_wait_ms=1500, _prefetch_backoff=0.1),
            seek=self.sought.__setitem__,
        )

    def _ensure_consumer(self):
        return self.kafka

    async def call_thread(self, function, *args):
        return await function(*args)

    async def _fetch_records(self, consumer, active_partitions, timeout, max_records):
        await self.returns.wait()
        return {SOURCE: fetched(2, 1)}


def consumer():
    made = chunks.Consumer.__new__(chunks.Consumer)
    made._thread, made.linger_s, made.epoch, made.sought_epoch, made.fetched = Thread(), 0.0, 1, 1, {}
    made.in_backlog, made.run_records, made._held = False, RUN_RECORDS, {}
    return made


async def fetch_across(made, *, sought_first):
    """Begin a fetch, start over, and have the fetch return before or after the positions are set → its epoch."""
    fetching = asyncio.create_task(made._getmany({SOURCE}, 1.0))
    await asyncio.sleep(0)
    made.epoch = 2
    if sought_first:
        await chunks._begin(made, {SOURCE: 0}, 2)
    made._thread.returns.set()
    found = await fetching
    if not sought_first:
        await chunks._begin(made, {SOURCE: 0}, 2)
    return found[SOURCE][0].epoch


def test_fetch_that_returns_behind_the_new_positions_counts_and_one_before_them_is_void():
    async def both():
        made = consumer()
        assert await fetch_across(made, sought_first=True) == made.epoch  # its records never come again
        made = consumer()
        assert await fetch_across(made, sought_first=False) < made.epoch
        assert made._thread.sought == {SOURCE: 0}  # they come again

    asyncio.run(both())


def test_nothing_else_is_asked_while_we_linger_over_what_a_fetch_brought():
    made = consumer()
    asyncio.run(chunks._begin(made, {SOURCE: 0}, 1))
    held_s = made._thread.kafka._fetcher._prefetch_backoff
    assert held_s == chunks.HELD_S
    for stage in (AlarmStage, HistorySink, IntakeStage, LiveSink, SecondLevelStage, ZoneStage):
        assert stage.linger_s + fresh.REST_S < held_s


class Broker(Thread):
    """Returns these fetches one after the other; whatever is called in between may move the positions."""

    def __init__(self, *fetches, between=lambda: None):
        super().__init__()
        self.fetches, self.between, self.within_s = list(fetches), between, []

    async def _fetch_records(self, consumer, active_partitions, timeout, max_records):
        self.within_s.append(timeout)
        if len(self.within_s) == 2:
            self.between()
        found = self.fetches.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def lingering(*fetches, **options):
    made = consumer()
    made._thread, made.linger_s = Broker(*fetches, **options), 0.001
    return made


def offsets(found):
    return {tp: [record.offset for run in runs for record in run.records] for tp, runs in found.items()}


OTHER = TP("t", 1)


def test_what_came_while_a_small_fetch_lay_there_is_fetched_with_it():
    made = lingering({SOURCE: fetched(2, 1)}, {SOURCE: fetched(3, 1)[2:], OTHER: fetched(1, 1)})
    assert offsets(asyncio.run(made._getmany({SOURCE, OTHER}, 1.0))) == {SOURCE: [0, 1, 2], OTHER: [0]}
    assert made._thread.within_s == [1.0, fresh.REST_S]
    assert made.fetched == {SOURCE: 3, OTHER: 1}


def test_a_large_fetch_an_empty_one_and_a_stage_that_does_not_linger_take_what_there_is():
    many = lingering({SOURCE: fetched(fresh.FEW_RECORDS + 1, 1)})
    none = lingering({})
    swift = lingering({SOURCE: fetched(2, 1)})
    swift.linger_s = 0.0
    for made in (many, none, swift):
        asyncio.run(made._getmany({SOURCE}, 1.0))
        assert made._thread.within_s == [1.0]


def test_an_error_of_the_second_fetch_does_not_lose_the_first():
    made = lingering({SOURCE: fetched(2, 1)}, KafkaError("of another partition"))
    assert offsets(asyncio.run(made._getmany({SOURCE}, 1.0))) == {SOURCE: [0, 1]}


def test_positions_set_between_the_two_fetches_void_the_first():
    made = lingering({SOURCE: fetched(2, 1)}, {SOURCE: fetched(1, 1)}, between=lambda: setattr(made, "sought_epoch", 2))
    found = asyncio.run(made._getmany({SOURCE}, 1.0))
    assert offsets(found) == {SOURCE: [0]}
    assert found[SOURCE][0].epoch == 2


class Backlog(Thread):
    """Of each partition a log that goes on from where it was fetched last; it notes what it was asked for."""

    def __init__(self, **logs):
        super().__init__()
        self.logs, self.asked = {TP("t", int(number)): list(log) for number, log in logs.items()}, []

    async def _fetch_records(self, consumer, active_partitions, timeout, max_records):
        self.asked.append(({tp.partition for tp in active_partitions}, timeout))
        found = {tp: log[:] for tp, log in self.logs.items() if tp in active_partitions and log}
        for tp in found:
            self.logs[tp].clear()
        return found


def test_each_partition_has_its_turn_while_one_has_much():
    made = consumer()
    thread = made._thread = Backlog(**{"0": fetched(250, 1), "1": fetched(1, 1)})
    made.run_records = 100
    both = {SOURCE, OTHER}
    turns = []

    def turn():
        found = offsets(asyncio.run(made._getmany(both, 1.0)))
        turns.append({tp.partition: (run[0], run[-1]) for tp, run in found.items()})

    turn()
    thread.logs[OTHER] = fetched(3, 1)[1:]  # it comes while the first has two more runs here
    turn()
    thread.logs[SOURCE] = fetched(260, 1)[250:]  # not before what was fetched of it is gone
    turn()
    turn()
    assert turns == [{0: (0, 99), 1: (0, 0)}, {0: (100, 199), 1: (1, 2)}, {0: (200, 249)}, {0: (250, 259)}]
    assert thread.asked == [({0, 1}, 1.0), ({1}, 0.0), ({1}, 0.0), ({0, 1}, 1.0)]
    assert made.fetched == {SOURCE: 260, OTHER: 3}


def test_what_lies_here_is_void_once_positions_are_set_anew_and_waits_while_its_partition_is_not_wanted():
    made = consumer()
    made._thread = Backlog(**{"0": fetched(250, 1), "1": fetched(1, 1)})
    made.run_records = 100
    assert offsets(asyncio.run(made._getmany({SOURCE}, 1.0))) == {SOURCE: list(range(100))}
    assert offsets(asyncio.run(made._getmany({OTHER}, 1.0))) == {OTHER: [0]}
    assert offsets(asyncio.run(made._getmany({SOURCE}, 1.0))) == {SOURCE: list(range(100, 200))}
    made.epoch = made.sought_epoch = 2
    made._thread.logs[SOURCE] = fetched(42, 1)[40:]
    assert offsets(asyncio.run(made._getmany({SOURCE}, 1.0))) == {SOURCE: [40, 41]}


def test_positions_of_an_older_start_are_not_set_any_more():
    made = consumer()
    made.epoch = 3
    asyncio.run(chunks._begin(made, {SOURCE: 4}, 2))
    assert made._thread.sought == {}
    assert made.sought_epoch == 1


def test_the_end_is_not_known_while_partitions_are_dealt_anew():
    """aiokafka asserts that a partition is assigned; it took the worker down at every join and leave of another."""

    def unassigned(_):
        raise AssertionError("Partition is not assigned")

    assert chunks.end_of(SimpleNamespace(highwater=unassigned), TP("t", 0)) is None
    assert chunks.end_of(SimpleNamespace(highwater=lambda _: 7), TP("t", 0)) == 7
