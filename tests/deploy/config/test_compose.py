"""docker-compose.yml fits the compose schema, and each of our services starts as it says, against real servers."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import jsonschema
import pytest
import yaml

from deploy import parts
from deploy.embedded import kafka, valkey
from deploy.supervision.process import free_ports
from deploy.supervision.stack import ask_health
from tests.dashboard.scrape import scraped, total

ROOT = Path(__file__).resolve().parents[3]
VENDOR = Path(__file__).with_name("vendor")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = {
    name: service for name, service in COMPOSE["services"].items() if service.get("image", "").startswith("citywall:")
}
LASTING = {name: service for name, service in OURS.items() if name != "topics"}
PARTS = {name: service for name, service in LASTING.items() if service["command"][2] == "deploy.parts"}


def test_the_schema_is_the_one_that_was_brought_along():
    digest = hashlib.sha256((VENDOR / "compose-spec.json").read_bytes()).hexdigest()
    assert digest in (VENDOR / "README.md").read_text(encoding="utf-8")


def test_file_fits_the_compose_schema():
    schema = json.loads((VENDOR / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_schema_refuses_what_is_misspelt():
    schema = json.loads((VENDOR / "compose-spec.json").read_text(encoding="utf-8"))
    wrong = {"services": {"wall": {"image": "x", "comand": ["y"]}}}
    assert not jsonschema.Draft7Validator(schema).is_valid(wrong)


def test_every_part_has_a_service_and_every_service_a_part():
    assert {service["command"][3] for service in PARTS.values()} == set(parts.names())


def test_one_service_alone_writes_versions_of_the_city():
    writers = [name for name, service in LASTING.items() if "deploy.supervision.publish" in service["command"]]
    assert (writers, COMPOSE["services"]["city"].get("scale", 1)) == (["city"], 1)
    assert LASTING.keys() == {*PARTS, "city"}


def test_images_are_pinned_and_the_servers_are_those_we_test_with():
    fetched = {name: service for name, service in COMPOSE["services"].items() if "build" not in service}
    images = {name: service["image"] for name, service in fetched.items()}
    assert images.keys() == {"kafka", "redis", "influxdb"}
    assert all(re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+\S*", image) for image in images.values()), images
    pinned = (ROOT / "deploy" / "embedded" / "kafka_jars.txt").read_text(encoding="utf-8")
    assert f"org.apache.kafka:kafka_2.13:{images['kafka'].split(':')[1]}" in pinned


def test_only_the_wall_is_reachable_and_from_this_machine_alone():
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert published == {"wall": ["127.0.0.1:8050:8050"]}


def test_no_secret_stands_in_the_file():
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("TOKEN|PASSWORD|COMMAND_KEY", name) or value.startswith("/run/secrets/"), name


def test_only_wall_and_engine_hold_the_key_of_commands():
    holders = {name for name, service in COMPOSE["services"].items() if "command_key" in service.get("secrets", [])}
    assert holders == {"wall", "alarms"}
    told = {name for name, service in OURS.items() if "CITYWALL_COMMAND_KEY_FILE" in service["environment"]}
    assert told == holders


def native(service, data, port, servers):
    """What a container would get, with the servers' addresses and the folder of this machine."""
    broker, redis = servers
    own = {key: str(value) for key, value in service["environment"].items() if not key.startswith("CITYWALL_INFLUX")}
    if "CITYWALL_COMMAND_KEY_FILE" in own:
        own["CITYWALL_COMMAND_KEY_FILE"] = str(data / "command_key")
    here = {"CITYWALL_KAFKA": broker.address, "CITYWALL_REDIS": redis.address, "CITYWALL_DATA": str(data)}
    wall = {"CITYWALL_BIND": "127.0.0.1", "CITYWALL_PORT": str(port)} if "CITYWALL_PORT" in own else {}
    command = [sys.executable, *service["command"][1:]]
    return command, {**os.environ, **own, **here, **wall, "PYTHONPATH": str(ROOT)}


WITH_PULSE = set(parts.names()) - parts.WITHOUT_STAGE


def scrape(port):
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return scraped(answer.read().decode())


def pulsing(found):
    return {dict(labels)["part"] for name, labels in found if name == "citywall_part_cpu_seconds_total"}


@pytest.mark.timeout(300)
def test_each_service_starts_natively_and_together_they_make_a_living_wall(tmp_path, cache):
    port = free_ports(1)[0]
    running = {}
    (tmp_path / "command_key").write_text("k" * 64)
    with kafka.running(tmp_path / "kafka", cache) as broker, valkey.running(tmp_path / "redis") as redis:
        command, environment = native(OURS["topics"], tmp_path, port, (broker, redis))
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            for name, service in LASTING.items():
                command, environment = native(service, tmp_path, port, (broker, redis))
                with (tmp_path / f"{name}.log").open("wb") as log:
                    running[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            until = time.monotonic() + 180
            while (ask_health("127.0.0.1", port) or {}).get("status") != "ok":
                ended = {name: one.returncode for name, one in running.items() if one.poll() is not None}
                logs = {name: (tmp_path / f"{name}.log").read_text()[-2000:] for name in ended}
                assert not ended, logs
                assert time.monotonic() < until, ask_health("127.0.0.1", port)
                time.sleep(0.5)
            found = scrape(port)
            while pulsing(found) != WITH_PULSE and time.monotonic() < until:  # the first beat of a part may come later
                time.sleep(0.5)
                found = scrape(port)
        finally:
            for one in running.values():
                one.send_signal(signal.SIGTERM)
            codes = {name: one.wait(30) for name, one in running.items()}
    assert set(codes.values()) <= {0, -signal.SIGTERM}, codes
    assert total(found, "citywall_intake_readings_total") > 0  # it came by Kafka and Redis: no supervisor, no files
    assert pulsing(found) == WITH_PULSE
