"""The embedded servers are the real ones: they keep what they should, end with us, say what to do when they cannot."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from deploy.embedded import jars, kafka, valkey
from deploy.supervision.process import free_ports, is_open, start, stop, wait_open
from streams.broker import topics
from streams.errors import RefusedError, SettingError, UnreachableError
from tests.waiting import until


def ask_valkey(port: int, *words: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall((" ".join(words) + "\r\n").encode())
        return connection.recv(100)


def have_senders_stamp(address: str, *names: str) -> None:
    """Leave topics as a version before had them."""
    admin = KafkaAdminClient(bootstrap_servers=address)
    setting = {"message.timestamp.type": "CreateTime"}
    done = admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, setting) for name in names])
    admin.close()
    assert done == {"topic": dict.fromkeys(names, "OK")}


def forbid_settings(address: str, name: str) -> None:
    """Let nobody set anything of a topic; all else may be done with it as before."""
    admin = KafkaAdminClient(bootstrap_servers=address)
    topic = ResourcePattern(ResourceType.TOPIC, name)
    wanted = [
        ACL("User:ANONYMOUS", "*", operation, permission, topic)
        for operation, permission in (
            (ACLOperation.ALL, ACLPermissionType.ALLOW),
            (ACLOperation.ALTER_CONFIGS, ACLPermissionType.DENY),
        )
    ]
    assert admin.create_acls(wanted)["failed"] == []
    admin.close()


def wait_stamped_by_senders(address: str, *names: str) -> None:
    """Wait until a broker has what its controller has taken."""
    wanted = tuple(sorted(names))
    until(lambda: topics.sender_stamped(address) == wanted, said=lambda: topics.sender_stamped(address))


ACLS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


@pytest.mark.timeout(900)
def test_broker_makes_our_topics_once_and_keeps_them_over_a_restart(tmp_path, cache, monkeypatch):
    monkeypatch.delenv("JDK_JAVA_OPTIONS", raising=False)  # as its users start it, and not as CI does (.ci/run)
    inbox, others = topics.inbox("traffic"), (topics.inbox("water"), topics.CLOCK)
    with kafka.running(tmp_path / "kafka", cache, settings=ACLS) as broker:
        made = topics.ensure_topics(broker.address)
        assert set(made) == {topic.name for topic in topics.all_topics()}
        assert topics.ensure_topics(broker.address) == ()
        assert topics.sender_stamped(broker.address) == ()
        have_senders_stamp(broker.address, inbox, *others)
        forbid_settings(broker.address, inbox)
    assert not is_open(broker.port)
    with kafka.running(tmp_path / "kafka", cache, settings=ACLS) as broker:
        assert topics.sender_stamped(broker.address) == tuple(sorted([inbox, *others]))
        assert topics.ensure_topics(broker.address) == ()
        wait_stamped_by_senders(broker.address, inbox)  # the others are set, and this one is said
        counts = topics.partition_counts(broker.address)
    assert counts[topics.inbox("traffic")] == counts[topics.state("zone", "traffic")] == 2
    assert counts[topics.inbox("health")] == counts[topics.JOURNAL] == 1


@pytest.mark.timeout(900)
def test_killed_broker_comes_back_on_its_port_with_its_topics(tmp_path, cache):
    broker = kafka.embedded(tmp_path / "kafka", cache, print)
    first = start(broker.command, tmp_path / "log", bind=True)
    second = None
    try:
        assert wait_open(first, broker.port, kafka.START_S)
        topics.ensure_topics(broker.address)
        first.kill()
        first.wait()
        second = start(broker.command, tmp_path / "log", bind=True)
        assert wait_open(second, broker.port, kafka.START_S)
        assert topics.ensure_topics(broker.address) == ()
    finally:
        for process in filter(None, (first, second)):
            stop(process, 5)


def test_valkey_answers_on_loopback_and_is_gone_afterwards(tmp_path):
    with valkey.running(tmp_path) as server:
        assert ask_valkey(server.port, "PING") == b"+PONG\r\n"
    assert not is_open(server.port)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a watcher process does it")
def test_child_dies_with_a_starter_that_is_killed(tmp_path):
    script = (
        "import sys, time, pathlib; from deploy.supervision.process import start; "
        "child = start(['/bin/sleep', '600'], pathlib.Path(sys.argv[1]), bind=True); "
        "print(child.pid, flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "log")], stdout=subprocess.PIPE)
    child = psutil.Process(int(starter.stdout.readline()))
    until(lambda: child.name() == "sleep")
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    assert child.wait(timeout=10) is None


def test_jar_that_is_not_the_pinned_one_is_refused_and_removed(tmp_path, cache, monkeypatch):
    pin = min(jars.pins(), key=lambda one: "jspecify" not in one.coordinate)
    wrong = jars.Pin("0" * 64, pin.coordinate)
    artifact = jars._artifact(jars._context(cache), pin)
    jars.fetch(cache, print)
    copy = jars._artifact(jars._context(tmp_path), wrong)
    Path(copy.cached_path).parent.mkdir(parents=True)
    Path(copy.cached_path).write_bytes(Path(artifact.cached_path).read_bytes())
    monkeypatch.setattr(jars, "_FETCHES", 1)
    with pytest.raises(RefusedError, match="jspecify"):
        jars._checked(copy, wrong)
    assert not Path(copy.cached_path).exists()


def test_unreachable_maven_names_the_way_out(tmp_path):
    context = jars._context(tmp_path)
    context.remote_repos = {"nowhere": f"http://127.0.0.1:{free_ports(1)[0]}"}
    pin = jars.pins()[0]
    with pytest.raises(UnreachableError, match=r"Maven Central.*--kafka HOST:PORT"):
        jars._checked(jars._artifact(context, pin), pin)


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_broker_finds_its_log_again_whatever_its_path(tmp_path, cache, monkeypatch, locale):
    monkeypatch.setenv("LC_ALL", locale)
    folder = tmp_path / "城 \\u0041 é'"
    for _ in range(2):
        with kafka.running(folder, cache):
            assert (folder / "log" / "meta.properties").is_file()
    assert list(tmp_path.iterdir()) == [folder]


def test_a_path_with_a_comma_is_refused(tmp_path, cache):
    with pytest.raises(SettingError, match="Kafka takes no comma in a path"):
        kafka.embedded(tmp_path / "a,b", cache, print)
    assert list(tmp_path.iterdir()) == []
