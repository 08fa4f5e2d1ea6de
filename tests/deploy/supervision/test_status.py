"""The judgement of `status`: ok, degraded with the reason, or not running."""

import json
from pathlib import Path

import msgspec
import pytest

from deploy.commands.processors import table
from deploy.config.components import discover
from deploy.supervision import disk, folder, refused_city, status
from deploy.supervision.folder import Holder
from deploy.supervision.pulses import PartitionPulse, PartPulse
from deploy.supervision.reasons import standstills
from deploy.supervision.status import Found
from deploy.supervision.supervisor import End, PartState, SupervisorState
from deploy.supervision.watch import Still
from deploy.terminal import cli, status_screen
from streams.errors import ConfigError
from streams.health.notices import Notice, SetAside
from tests.runs import run_of

NOW_MS = 1_000_000
DATA = Path("/data")
HELD = PartitionPulse("city.inbox.v1.traffic", 0, "intake", 5, 5, 0, 0.0)
NO_COUNTS = {"readings_in": 0, "dead_lettered": {}, "sent": 0, "first_at_ms": None, "last_at_ms": None}


def a_run(mode="simulated"):
    return run_of(
        DATA, city_id="yunlan", mode=mode, kafka="127.0.0.1:9092", redis="redis://user:s3cret@127.0.0.1:6379/0",
        history=DATA / "history.sqlite", port=8050,
    )  # fmt: skip


STILL = Still(name="intake", topic="city.inbox.v1.traffic", partition=1, absorbed=5, end=9, for_s=16.0)


def stood_still(ago_s):
    """A city in which intake is well again after it stood still."""
    end = End(NOW_MS - ago_s * 1000, 75, "intake stands still: t[0] is absorbed up to 5 of 9", still=True)
    part = PartState(name="intake", state="running", pid=7, restarts=1, ends=[end])
    return SupervisorState(pid=1, phase="running", at_ms=0, parts=[part])


def lost(*, after_ms=1_000, noticed_ms=NOW_MS - 24 * 3_600_000 + 1):
    """Two partitions of an inbox lost 790 and 10 records."""
    shared = {"lost_by": "intake", "topic": "city.inbox.v1.traffic", "from_offset": 10, "noticed_ms": noticed_ms}
    return {
        "lost:a": {**shared, "partition": 0, "to_offset": 800, "after_ms": after_ms, "before_ms": 60_000},
        "lost:b": {**shared, "partition": 1, "to_offset": 20, "after_ms": 2_000, "before_ms": 3_000},
    }


def found(*, phase="running", state="running", ends=(), lag_s=0.0, pulse_ms=NOW_MS, **others):
    past = [End(at_ms, 70) for at_ms in ends]
    part = PartState(name="intake", state=state, pid=7, restarts=len(ends), ends=past, absorbs=True)
    partition = msgspec.structs.replace(HELD, lag_s=lag_s)
    defaults = {
        "holder": Holder(1, "yunlan", "2026-11-24T08:00:00+00:00"),
        "run": a_run(),
        "supervisor": SupervisorState(pid=1, phase=phase, at_ms=0, parts=[part]),
        "pulses": {"intake": PartPulse("intake", 7, pulse_ms, [partition])},
        "health": {"status": "ok", "reasons": []},
        "books": {},
    }
    return Found(**{**defaults, **others})


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (found(phase="starting"), "the city is starting"),
        (found(state="waiting", ends=[NOW_MS - 1]), "intake is waiting (1 restarts, exit code 70 last)"),
        (found(ends=[NOW_MS - 3, NOW_MS - 2, NOW_MS - 1]), "intake ended 3 times in the last 5 minutes"),
        (found(pulse_ms=NOW_MS - 6_001), "intake stands still: its last pulse is 6 s old"),
        (found(pulses={}), "intake has not begun to work yet"),
        (found(pulses={"intake": PartPulse("intake", 6, NOW_MS, [HELD])}), "intake has not begun to work yet"),
        (
            found(pulses={"intake": PartPulse("intake", 7, NOW_MS - 9_000, [], waits="its start")}),
            "intake has not begun to work yet",
        ),
        (found(lag_s=30.1), "intake is 30 s behind on city.inbox.v1.traffic, partition 0"),
        (found(health=None), "the wall does not answer"),
        (found(health={"status": "down", "reasons": ["no metric yet"]}), "the wall: no metric yet"),
        (found(health={"status": "down", "reasons": ["no"], "reasons_zh": ["无"]}), "the wall: no"),
        (found(books=None), "the history cannot be read: it did not answer in time"),
        (
            found(supervisor=SupervisorState(pid=1, phase="running", at_ms=0, parts=[], stills=[STILL])),
            "intake stands still on city.inbox.v1.traffic, partition 1, at 5 of 9, for 16 s",
        ),
        (
            found(supervisor=stood_still(20)),
            "intake stood still, was ended 20 s ago and is started again: intake stands still: t[0] is absorbed",
        ),
        (
            found(books=lost()),
            "Kafka deleted 800 records of city.inbox.v1.traffic, partitions 0, 1, before intake had read them; they "
            "arrived between 1970-01-01T00:00:01Z and 1970-01-01T00:01:00Z; let Kafka keep that topic longer",
        ),
        (
            found(books=lost(after_ms=None)),
            "Kafka deleted 800 records of city.inbox.v1.traffic, partitions 0, 1, before intake had read them; they "
            "arrived between a time that is not known and 1970-01-01T00:01:00Z",
        ),
        (
            found(disk_free_bytes=disk.LOW_BYTES - 1),
            "the disk of /data is nearly full: 512 MiB (536,870,911 bytes) are left; make room, or move",
        ),
        (found(disk_free_bytes=0), "the disk of /data is full: 0 MiB (0 bytes) are left; make room, or move"),
        (found(supervisor=None), "the supervisor has not said anything yet"),
    ],
)
def test_what_is_wrong_makes_it_degraded_and_is_said(what, reason):
    judged = status.judge(DATA, what, NOW_MS)
    assert judged.status == "degraded"
    assert any(one.startswith(reason) for one in judged.reasons), judged.reasons
    assert len(judged.reasons_zh) == len(judged.reasons)
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in one) for one in judged.reasons_zh)


@pytest.mark.parametrize(
    "what",
    [
        found(),
        found(ends=[NOW_MS - 1, NOW_MS - 2]),  # two restarts are no pattern
        found(ends=[1, 2, 3, NOW_MS - 301_000]),  # long ago
        found(supervisor=stood_still(61)),
        found(books=lost(noticed_ms=NOW_MS - 24 * 3_600_000)),
        found(disk_free_bytes=disk.LOW_BYTES),
        found(pulses={"intake": PartPulse("intake", 7, NOW_MS, [])}),  # other workers have all partitions
        found(pulses={"intake": PartPulse("intake", 7, NOW_MS, [HELD], waits="its share of the partitions")}),
        found(unread=("city.inbox.v2.traffic",)),
        found(sender_stamped=("city.inbox.v1.traffic",)),
        found(books={"intake:traffic:0": {"stage": "intake", "domain": "traffic", "partition": 0, "offset": 1,
              "counts": {**NO_COUNTS, "readings_in": 5, "dead_lettered": {"future": 5}}}}),
        found(run=a_run("replay"), health=None, replay_ended=True),
    ],
)  # fmt: skip
def test_what_is_no_fault_of_the_stack_leaves_it_ok(what):
    judged = status.judge(DATA, what, NOW_MS)
    assert (judged.status, judged.reasons) == ("ok", [])


def test_the_wall_is_told_what_stands_still_but_not_what_a_process_wrote():
    supervisor = stood_still(20)
    supervisor.stills = [STILL]
    said = standstills(supervisor, NOW_MS)
    assert [reason.en for reason in said] == [
        "intake stands still on city.inbox.v1.traffic, partition 1, at 5 of 9, for 16 s",
        "intake stood still, was ended 20 s ago and is started again",
    ]
    assert said[1].zh == "intake 曾停滞，20 秒前已结束并重新启动"
    assert standstills(stood_still(61), NOW_MS) == []


def test_without_holder_it_is_down_and_still_tells_the_counts():
    books = {
        "intake:water:0": {
            "stage": "intake",
            "domain": "water",
            "partition": 0,
            "offset": 1,
            "counts": {**NO_COUNTS, "readings_in": 5},
        }
    }
    judged = status.judge(DATA, found(holder=None, books=books), NOW_MS)
    assert judged.status == "down"
    assert judged.parts == []
    assert judged.counts.readings_in == 5
    assert status.EXIT == {"ok": 0, "degraded": 1, "down": 2}


def test_addresses_are_shown_without_passwords():
    judged = status.judge(DATA, found(), NOW_MS)
    assert (judged.wall, judged.kafka, judged.redis, judged.history) == (
        "http://127.0.0.1:8050/", "127.0.0.1:9092", "127.0.0.1:6379", "sqlite",
    )  # fmt: skip


@pytest.mark.parametrize("address", ["redis://u:s3cret@h:99999/0", "redis://u:s3cret@[h/0"])
def test_an_address_that_is_none_ends_nothing(address):
    judged = status.judge(DATA, found(run=msgspec.structs.replace(a_run(), redis=address)), NOW_MS)
    assert judged.redis == address.partition("@")[2]


@pytest.mark.parametrize(("language", "word"), [("zh", "模拟"), ("en", "SIMULATED")])
def test_screen_is_in_the_language_asked_for(language, word):
    text = status_screen.screen(status.judge(DATA, found(), NOW_MS), language)
    assert word in text
    assert "intake" in text
    assert len(text.splitlines()) <= 40


def test_every_word_of_the_screen_is_in_both_languages():
    assert all(zh and en for zh, en in status_screen.WORDS.values())


def test_nothing_found_is_answered_quickly_and_as_not_running(tmp_path):
    judged = status.judge(tmp_path, status.find(tmp_path), NOW_MS)
    assert (judged.status, judged.reasons) == ("down", [f"nothing runs in {tmp_path}"])


def test_a_city_of_which_nothing_can_be_read_is_not_called_none(tmp_path):
    lock = folder.take(tmp_path, folder.Holder(1, "c", "now"))
    assert status.judge(tmp_path, status.find(tmp_path), NOW_MS).reasons == [f"nothing runs in {tmp_path}"]  # not yet
    (tmp_path / "run.json").write_bytes(b"{")
    judged = status.judge(tmp_path, status.find(tmp_path), NOW_MS)
    lock.release()
    assert judged.status == "down"
    assert judged.reasons[0].startswith(f"{tmp_path / 'run.json'}: cannot be read: ")
    assert judged.reasons_zh[0].startswith(f"无法得知 {tmp_path} 的状态：")


def test_who_may_not_look_is_told_so(tmp_path, monkeypatch, capsys):
    def closed(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "lock")

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(ConfigError, match="Permission denied; ask as who started its city"):
        folder.holder(tmp_path)
    assert cli.main(["status", "--json", "--data", str(tmp_path)]) == status.EXIT["down"]
    told = json.loads(capsys.readouterr().out)
    assert told["reasons"] == [f"{tmp_path}: Permission denied; ask as who started its city"]


ASIDE = SetAside(
    processor="threshold", topic="city.readings.v1.water", partition=2, offset=7, reason="KeyError: 'x'", at_ms=NOW_MS
)
SAID = [
    Notice(zh="处理器 a 从头开始", en="processor a begins anew"),
    Notice(zh="处理器 b 已停用", en="processor b is set aside", degraded=True),
]


def test_what_a_part_says_is_a_notice_and_only_what_it_lacks_degrades_the_city():
    pulse = msgspec.structs.replace(found().pulses["intake"], notices=SAID)
    told = status.judge(DATA, found(pulses={"intake": pulse}), NOW_MS)
    assert (told.status, told.reasons, told.reasons_zh) == ("degraded", [SAID[1].en], [SAID[1].zh])
    assert (told.notices, told.notices_zh) == ([SAID[0].en], [SAID[0].zh])
    for language, words in (("zh", [one.zh for one in SAID]), ("en", [one.en for one in SAID])):
        assert all(word in status_screen.screen(told, language) for word in words)
    only = msgspec.structs.replace(pulse, notices=SAID[:1])
    assert status.judge(DATA, found(pulses={"intake": only}), NOW_MS).status == "ok"


def test_the_list_of_processors_says_who_is_set_aside_where_and_why():
    pulse = msgspec.structs.replace(found().pulses["intake"], set_aside=[ASIDE])
    first = msgspec.structs.replace(pulse, part="processors-2")
    second = msgspec.structs.replace(pulse, part="processors_second", set_aside=[])
    rows = {row["processor"]: row for row in table(discover(), [first, second], NOW_MS)}
    assert rows["threshold"]["state"] == "set aside"
    assert rows["threshold"]["set_aside"] == [msgspec.to_builtins(ASIDE)]
    assert (rows["congestion"]["state"], rows["congestion"]["domains"]) == ("runs", ["traffic"])
    assert (rows["network"]["level"], rows["network"]["state"]) == (2, "runs")


def test_the_processors_of_a_city_that_stands_are_not_said_to_run():
    of_first = msgspec.structs.replace(found().pulses["intake"], part="processors", set_aside=[ASIDE])
    rows = {row["processor"]: row["state"] for row in table(discover(), [of_first], NOW_MS)}
    assert (rows["congestion"], rows["network"]) == ("runs", "stopped")
    rows = {row["processor"]: row["state"] for row in table(discover(), [of_first], NOW_MS + 60_000)}
    assert (rows["congestion"], rows["network"], rows["threshold"]) == ("stopped", "stopped", "set aside")


def test_a_refused_city_folder_makes_a_running_city_degraded(tmp_path):
    refused_city.note(tmp_path, "rules.toml: rule heat: iv: a number is needed, not 'warm'\nand more")
    told = status.judge(tmp_path, found(), NOW_MS)
    assert told.status == "degraded"
    assert any("the last good one is in force: rules.toml: rule heat: iv:" in one for one in told.reasons)
    refused_city.forget(tmp_path)
    assert status.judge(tmp_path, found(), NOW_MS).status == "ok"
