"""`citywall journal` on the Kafka of a city that does not run, and on an exported file."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from alerts.commands import Restore
from deploy.embedded import kafka as embedded
from deploy.terminal import cli
from streams.broker.topics import CHECKPOINTS, JOURNAL
from streams.contract.stage import Message
from tests.alerts.staging import given_to, lived
from tests.alerts.writing import acknowledge, detection, of_command, opened_at, take_out, undo
from tests.deploy.terminal.test_dead_letters import data_folder, fill
from tests.fakes import FakeBus

if TYPE_CHECKING:
    from pathlib import Path

AT_10 = opened_at(10)


def lived_through() -> FakeBus:
    """A life of a few alarms, with a checkpoint behind its third record."""
    bus = FakeBus()

    async def story() -> None:
        host = await lived(bus, detection(3, 10, entity="s\x1b[2J"), detection(3, 10), acknowledge(AT_10))
        for _ in range(5):  # a checkpoint is written bit by bit
            await host.tick()
        given_to(bus, undo("k1", "k2"), detection(1, 20), acknowledge("no_such", "k3"))
        await host.drain()

    asyncio.run(story())
    assert b":head" in b"".join(record.key or b"" for record in bus.log(CHECKPOINTS))
    return bus


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("journal")
    data_folder(folder)
    bus = lived_through()
    sent = [
        Message(topic, record.key or b"", record.value, partition=0)
        for topic in (JOURNAL, CHECKPOINTS)
        for record in bus.log(topic)
    ]
    with embedded.running(folder / "kafka", cache, lambda _: None) as broker:
        fill(broker.address, sent)
    return folder


def journal(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert cli.main(["journal", *words]) == code
    return capsys.readouterr().out


def test_a_sound_journal_is_verified_with_its_checkpoint(data: Path, capsys: pytest.CaptureFixture[str]):
    found = json.loads(journal(capsys, "verify", "--json", "--data", str(data)))
    head = found.pop("head")
    assert found == {
        "sound": True, "records": 4, "void": 0, "checkpoints": 1, "faults_count": 0, "faults": [],
    }  # fmt: skip
    assert head.startswith("4:")
    assert head in journal(capsys, "verify", "--head", head, "--lang", "zh", "--data", str(data))
    later = json.loads(journal(capsys, "verify", "--head", f"9{head[1:]}", "--json", "--data", str(data), code=1))
    assert [one["fault"] for one in later["faults"]] == ["cut_off"]


def test_what_was_exported_is_verified_without_kafka_and_a_change_in_it_is_found(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "journal.ndjson"
    journal(capsys, "export", "--out", str(out), "--data", str(data))
    assert journal(capsys, "export", "--data", str(data)) == out.read_text(encoding="utf-8")
    assert "the journal is sound" in journal(capsys, "verify", "--in", str(out), "--lang", "en")
    out.write_bytes(out.read_bytes().replace("李敏".encode(), "李某".encode(), 1))
    said = journal(capsys, "verify", "--in", str(out), "--lang", "en", code=1)
    assert "offset 2: its content does not match its hash: it was changed" in said


def test_an_alarms_course_is_shown(data: Path, capsys: pytest.CaptureFixture[str]):
    events = json.loads(journal(capsys, "show", AT_10, "--json", "--data", str(data)))
    assert [(one["what"], one["who"]) for one in events] == [
        ("raised", ""), ("acknowledge", "李敏"), ("undo", "李敏"), ("risen", ""),
    ]  # fmt: skip
    lines = journal(capsys, "show", AT_10, "--lang", "zh", "--data", str(data)).splitlines()
    assert [line.split()[1] for line in lines] == ["发生", "确认", "撤回", "升级"]
    assert "李敏 (2 号台)" in lines[1]


def test_it_says_when_its_place_was_out_of_service_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bus, out = FakeBus(), tmp_path / "journal.ndjson"
    back = [of_command(Restore, "o", "k2"), take_out("o2", zone="z1")]
    asyncio.run(lived(bus, detection(3, 10), take_out("o", entity="s1"), acknowledge(AT_10), *back, detection(0, 20)))
    out.write_bytes(b"".join((record.value or b"") + b"\n" for record in bus.log(JOURNAL)))
    events = json.loads(journal(capsys, "show", AT_10, "--json", "--in", str(out)))
    assert [(one["what"], one["who"]) for one in events] == [
        ("raised", ""), ("take_out", "赵工"), ("acknowledge", "李敏"), ("restore", "李敏"), ("take_out", "赵工"),
        ("cleared", ""),
    ]  # fmt: skip
    assert "停用" in journal(capsys, "show", AT_10, "--lang", "zh", "--in", str(out))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "nobody"], "no event of an alarm 'nobody'"),
        (["show"], "name an ALARM"),
        (["verify", "a"], "name an ALARM"),
        (["verify", "--in", "{data}/none"], "cannot be read: No such file"),
        (["export", "--out", "{data}/no/file"], "cannot be written: No such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
):
    options = [word.format(data=data) for word in words]
    assert cli.main(["journal", *options, "--data", str(data)]) == cli.MISUSED
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("head", ["", "5", "5:ab", f"x:{'a' * 64}", f"5:{'A' * 64}"])
def test_a_head_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], head: str):
    with pytest.raises(SystemExit):
        cli.main(["journal", "verify", f"--head={head}"])
    assert "is no head" in capsys.readouterr().err
