"""The one table of topics."""

import pytest

from streams import topics


def test_every_domain_has_inbox_readings_and_both_states_with_the_same_partitions():
    by_name = {topic.name: topic for topic in topics.all_topics({"water": 3})}
    for domain in topics.DOMAINS:
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


@pytest.mark.parametrize(
    ("present", "unread"),
    [
        (["city.inbox.v1.traffic", "city.metrics.v1"], ()),
        (["city.inbox.v2.traffic", "city.inbox.v1.trafic"], ("city.inbox.v1.trafic", "city.inbox.v2.traffic")),
    ],
)
def test_inbox_that_nobody_reads_is_named(present, unread):
    assert topics.unread_topics(present) == unread
