"""The servers that other tests lean on are the real ones and answer; a missing one is never passed over in silence."""

import http.server
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(180)
def test_kafka_keeps_a_record(kafka, unique: str):
    admin = KafkaAdminClient(bootstrap_servers=kafka.address)
    admin.create_topics([NewTopic(unique, 1, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka.address)
    producer.send(unique, b"value", b"key").get(30)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=kafka.address, auto_offset_reset="earliest", consumer_timeout_ms=20_000)
    consumer.assign([TopicPartition(unique, 0)])
    record = next(consumer)
    consumer.close()
    assert (record.offset, record.key, record.value) == (0, b"key", b"value")


def test_valkey_is_valkey(valkey):
    with redis.Redis(host="127.0.0.1", port=valkey.port, decode_responses=True) as client:
        assert client.info("server")["server_name"] == "valkey"


def test_redis_is_redis(redis_server: str, unique: str):
    host, port = redis_server.split(":")
    with redis.Redis(host=host, port=int(port), decode_responses=True) as client:
        client.set(unique, "1")
        assert client.get(unique) == "1"
        assert "server_name" not in client.info("server")


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write("<title>城市一屏</title><script>document.title += 6 * 7</script>".encode())

    def log_message(self, *_args: object) -> None:
        """Keep quiet."""


def test_chromium_runs_a_page(browser):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        assert page.title() == "城市一屏42"
        page.close()
        server.shutdown()


NEEDS_REDIS = "def test_it(redis_server): pass\n"


@pytest.mark.parametrize(
    ("ci", "outcome"), [({}, "1 skipped"), ({"CITYWALL_CI": "1"}, "1 error"), ({"CI": "true"}, "1 error")]
)
def test_a_missing_server_is_a_skip_here_and_an_error_in_ci(tmp_path: Path, ci: dict[str, str], outcome: str):
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    (tmp_path / "test_it.py").write_text(NEEDS_REDIS)
    env = {"PATH": str(tmp_path), "PYTHONPATH": str(ROOT), **ci}
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:dash", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert outcome in done.stdout.splitlines()[-1]
    assert "Redis is missing" in done.stdout
