"""The one table of topics."""

import pytest

from deploy.embedded import kafka as embedded_kafka
from deploy.supervision.process import free_ports
from streams.broker import topics
from streams.domains.schema import all_domains
from streams.errors import RefusedError, UnreachableError


def test_every_domain_has_inbox_readings_and_both_states_with_the_same_partitions():
    by_name = {topic.name: topic for topic in topics.all_topics({"water": 3})}
    for domain in all_domains():
        states = [topics.state(stage, domain) for stage in ("intake", "zone")]
        of_domain = [topics.inbox(domain), topics.readings(domain), *states]
        assert {by_name[name].partitions for name in of_domain} == {3 if domain == "water" else 1}


def test_every_topic_says_how_long_it_keeps():
    for topic in topics.all_topics():
        assert topic.configs["cleanup.policy"] == "compact" or int(topic.configs["retention.ms"]) != 0
    kept = {topic.name for topic in topics.all_topics() if topic.configs.get("retention.ms") == "-1"}
    assert kept == {"city.journal.v1", "city.clock.v1"}


def test_dead_letter_fits_the_largest_inbox_record():
    sizes = {topic.name: int(topic.configs.get("max.message.bytes", 0)) for topic in topics.all_topics()}
    assert sizes["city.dead_letters.v1"] >= 9 * 2**20 > sizes["city.inbox.v1.traffic"] > 8 * 2**20


def test_every_topic_takes_its_largest_record_into_one_segment():
    for topic in topics.all_topics():
        largest = int(topic.configs.get("max.message.bytes", 2**20))
        assert int(topic.configs.get("segment.bytes", 2**30)) >= largest, topic.name


@pytest.mark.parametrize(
    ("present", "unread"),
    [
        (["city.inbox.v1.traffic", "city.metrics.v1"], ()),
        (["city.inbox.v2.traffic", "city.inbox.v1.trafic"], ("city.inbox.v1.trafic", "city.inbox.v2.traffic")),
    ],
)
def test_inbox_that_nobody_reads_is_named(present, unread):
    assert topics.unread_topics(present) == unread


@pytest.mark.timeout(180)
def test_replay_empties_only_the_kafka_of_a_replay(tmp_path, cache):
    with embedded_kafka.running(tmp_path, cache) as broker:
        topics.begin_replay(broker.address)
        assert set(topics.ensure_topics(broker.address)) == {topic.name for topic in topics.all_topics()}
        with pytest.raises(RefusedError, match="holds a replay"):
            topics.refuse_replays_kafka(broker.address)
        topics.begin_replay(broker.address)
        assert topics.partition_counts(broker.address) == {topics.REPLAY: 1}


@pytest.mark.timeout(180)
def test_replay_keeps_off_a_city_of_up(tmp_path, cache):
    with embedded_kafka.running(tmp_path, cache) as broker:
        topics.refuse_replays_kafka(broker.address)
        topics.ensure_topics(broker.address)
        with pytest.raises(RefusedError, match="holds a city of `up`"):
            topics.begin_replay(broker.address)
        assert topics.JOURNAL in topics.partition_counts(broker.address)
        topics.refuse_replays_kafka(broker.address)


def test_kafka_that_is_not_there_is_named_with_the_option():
    port = free_ports(1)[0]
    with pytest.raises(UnreachableError, match=rf"no Kafka answers at 127.0.0.1:{port}.*--kafka HOST:PORT"):
        topics.ensure_topics(f"127.0.0.1:{port}", timeout_s=0.5)
