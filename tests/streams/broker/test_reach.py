"""While Kafka is away: one line when it is lost, one when it is back, and waiting in between."""

import logging
import socket
import threading

import pytest
from kafka.errors import KafkaTimeoutError

from deploy.supervision.process import LOOPBACK, free_ports
from streams.broker.reach import wait_for
from streams.feeds.producer import SILENT_S, flush

log = logging.getLogger("citywall")


def test_waiting_for_a_broker_says_two_things_however_long_it_takes(caplog):
    (port,) = free_ports(1)
    waiting = threading.Thread(target=wait_for, args=(f"{LOOPBACK}:{port}", log))
    waiting.start()
    waiting.join(1.0)  # several tries
    assert waiting.is_alive()
    with socket.create_server((LOOPBACK, port)):
        waiting.join(10.0)
    assert not waiting.is_alive()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith(f"no Kafka answers at {LOOPBACK}:{port}")
    assert said[1] == "Kafka is back"


def test_broker_that_is_there_is_worth_no_line(caplog):
    with socket.create_server((LOOPBACK, 0)) as server:
        wait_for(f"{LOOPBACK}:{server.getsockname()[1]}", log)
    assert caplog.records == []


def test_waiting_ends_when_asked_to():
    (port,) = free_ports(1)
    stop = threading.Event()
    stop.set()
    wait_for(f"{LOOPBACK}:{port}", log, stop)


class Producer:
    """One whose acknowledgements are late by so many waits."""

    def __init__(self, late):
        self.late = late
        self.timeouts = []

    def flush(self, timeout):
        self.timeouts.append(timeout)
        if len(self.timeouts) <= self.late:
            raise KafkaTimeoutError


@pytest.mark.parametrize(("late", "lines"), [(0, 0), (1, 2), (5, 2)])
def test_late_acknowledgement_is_told_once_and_its_coming_once(caplog, late, lines):
    producer = Producer(late)
    flush(producer, 100.0)
    assert len(producer.timeouts) == late + 1
    assert len(caplog.records) == lines


def test_acknowledgement_that_never_comes_is_an_error():
    with pytest.raises(KafkaTimeoutError):
        flush(Producer(10), SILENT_S / 2)
