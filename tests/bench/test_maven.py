"""Where the JVM peers are built, and what is said when they cannot be; a script stands in for Maven."""

from pathlib import Path

import pytest

from tests.bench import maven
from tests.bench.contract import ContestantError
from tests.bench.place import Place

WORKS = """#!/bin/sh
for word; do
  case $word in -Dout=*) mkdir -p "${word#-Dout=}/classes" ;; esac
done
echo >> "$0.calls"
"""
FAILS = "#!/bin/sh\necho '[ERROR] No compiler is provided'\nexit 1\n"


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    folder.mkdir()
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))


@pytest.mark.parametrize(("scripts", "missing"), [({}, "java"), ({"java": WORKS}, "mvn")])
def test_a_missing_program_is_one_sentence(tmp_path, monkeypatch, scripts, missing):
    programs(tmp_path / "bin", monkeypatch, **scripts)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))  # not the machine's own Java and Maven
    with pytest.raises(ContestantError, match=f"^{missing} is not on the PATH; [^\n]*$"):
        maven.command("FlinkTuned", "flink_tuned", Place("127.0.0.1:1", tmp_path, tmp_path))


def test_it_is_built_once_into_the_cache(tmp_path, monkeypatch):
    programs(tmp_path / "bin", monkeypatch, java=WORKS, mvn=WORKS)
    place = Place("127.0.0.1:1", tmp_path / "run", tmp_path)
    first = maven.command("FlinkTuned", "flink_tuned", place)
    assert maven.command("FlinkTuned", "flink_tuned", place) == first
    (built,) = (tmp_path / "cache/citywall").iterdir()
    assert first[0] == str(tmp_path / "bin/java")
    assert first[-5:] == [
        f"{built}/classes:{built}/lib/*",
        "bench.FlinkTuned",
        "127.0.0.1:1",
        str(tmp_path / "run"),
        "flink_tuned",
    ]
    assert (tmp_path / "bin/mvn.calls").read_text() == "\n"


def test_other_sources_are_another_build(tmp_path, monkeypatch):
    programs(tmp_path / "bin", monkeypatch, java=WORKS, mvn=WORKS)
    project = tmp_path / "jvm"
    project.mkdir()
    monkeypatch.setattr(maven, "PROJECT", project)
    for text in ("one", "two"):
        (project / "Main.java").write_text(text)
        maven.command("Main", "main", Place("127.0.0.1:1", tmp_path, tmp_path))
    assert len(list((tmp_path / "cache/citywall").iterdir())) == 2


def test_a_failed_build_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    programs(tmp_path / "bin", monkeypatch, java=WORKS, mvn=FAILS)
    with pytest.raises(ContestantError, match=r"^Maven could not build the JVM peers: No compiler is provided$"):
        maven.command("FlinkTuned", "flink_tuned", Place("127.0.0.1:1", tmp_path, tmp_path))
    assert list((tmp_path / "cache/citywall").iterdir()) == []


def test_versions_are_those_of_the_project():
    assert maven.versions("kafka-streams", "flink-clients") == {"kafka-streams": "4.4.0", "flink-clients": "2.2.1"}
