"""The launcher in a tree of its own: the real script and installer, a lock of one hand-made wheel, no registry."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ECHO = "import os, sys\nprint(os.getcwd(), *sys.argv[1:])\nimport tiny\nprint(sys.executable)\n"

pytestmark = pytest.mark.timeout(180)


def wheel(folder: Path, tag: str) -> Path:
    """Write the smallest wheel there is."""
    path = folder / f"tiny-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return path


class Tree:
    """A copy of what the launcher needs, and the environment of its caller."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "city wall"  # a space, as people have them
        self.links = folder / "links"
        (self.root / "deploy").mkdir(parents=True)
        self.links.mkdir()
        for name in ("citywall", "deploy/install.py"):
            shutil.copy(ROOT / name, self.root / name)
        (self.root / "deploy" / "__init__.py").touch()
        (self.root / "deploy" / "__main__.py").write_text(ECHO)
        self.lock(wheel(self.links, "py3-none-any"))
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
        self.env |= {"CITYWALL_PYTHON": sys.executable, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.links)}

    def lock(self, path: Path) -> None:
        pin = f"tiny==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for name in ("requirements.lock", "requirements-dev.lock"):
            (self.root / name).write_text(pin)

    def start(self, *command: str, launcher: Path | None = None, **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [launcher or self.root / "citywall", *command],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def call(self, *command: str, **options: object) -> subprocess.CompletedProcess[str]:
        process = self.start(*command, **options)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree whose environment is whole."""
    tree = Tree(tmp_path_factory.mktemp("installed"))
    assert tree.call("up").returncode == 0
    return tree


@pytest.fixture
def stub(tree: Tree) -> Iterator[Tree]:
    """A tree that anybody may enter, with a Python that only shows how the installer would be called."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        public = Tree(Path(folder))
        python = Path(folder) / "python"
        python.write_text('#!/bin/sh\n[ "$2" = -c ] || printf "%s\\n" "$@"\n')
        python.chmod(0o755)
        public.env["CITYWALL_PYTHON"] = str(python)
        yield public


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a call that failed."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    sentences = [
        line for line in done.stderr.splitlines() if line.startswith("citywall: ") and "setting up" not in line
    ]
    assert len(sentences) == 1
    return sentences[0]


def test_first_call_installs_and_runs_the_command(tree: Tree, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    tree.env["PIP_USER"] = "1"
    done = tree.call("up", "--port", "0", "a b", cwd=elsewhere)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"{elsewhere} up --port 0 a b", str(tree.root / ".venv" / "bin" / "python")]
    assert "setting up" in done.stderr
    assert "1 of 1 packages" in done.stderr


def test_later_call_says_nothing_and_works_through_a_relative_link(installed: Tree, tmp_path: Path):
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "citywall"
    link.symlink_to(os.path.relpath(installed.root / "citywall", link.parent))
    done = installed.call("status", launcher=link, cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0], done.stderr) == (0, f"{tmp_path} status", "")


def test_a_deploy_folder_where_the_user_stands_is_not_taken_for_ours(installed: Tree, tmp_path: Path):
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "__main__.py").write_text("print('theirs')")
    assert installed.call("status", cwd=tmp_path).stdout.splitlines()[0] == f"{tmp_path} status"


def test_a_changed_lock_is_installed_on_top(installed: Tree):
    lock = installed.root / "requirements-dev.lock"
    lock.write_text("# newer\n" + lock.read_text())
    done = installed.call("test")
    assert done.returncode == 0
    assert "bringing" in done.stderr
    assert installed.call("test").stderr == ""
    assert installed.call("up").stderr == ""


def test_an_interrupted_installation_is_made_anew(tree: Tree):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts behind it ignores ^C
    process = tree.start("up")
    signal.signal(signal.SIGINT, before)
    guard = tree.root / ".venv" / "citywall.lock"
    while not guard.exists() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    half = tree.root / ".venv" / "lib" / "half"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.touch()
    assert tree.call("up").returncode == 0
    assert not half.exists()


def test_two_first_calls_install_once(tree: Tree):
    calls = [tree.start("up"), tree.start("up")]
    ends = [process.communicate(timeout=120) for process in calls]
    assert [process.returncode for process in calls] == [0, 0]
    assert sum(err.count("setting up") for _, err in ends) == 1
    assert sum(err.count("another call is installing") for _, err in ends) == 1


def test_an_unreachable_registry_is_one_sentence(tree: Tree):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        del tree.env["PIP_NO_INDEX"], tree.env["PIP_FIND_LINKS"]
        tree.env |= {"PIP_INDEX_URL": f"http://127.0.0.1:{closed.getsockname()[1]}/simple", "PIP_RETRIES": "1"}
        assert "the package registry cannot be reached" in refused(tree.call("up"))


def test_a_missing_wheel_is_one_sentence_that_names_it(tree: Tree):
    (tree.links / "tiny-1.0-py3-none-any.whl").unlink()
    tree.lock(wheel(tree.links, "cp311-cp311-win_arm64"))
    sentence = refused(tree.call("up"))
    assert "no wheel of tiny==1.0 for this platform" in sentence
    assert "PIP_NO_BINARY=tiny" in sentence


def test_a_changed_package_is_refused(tree: Tree):
    with zipfile.ZipFile(tree.links / "tiny-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("evil.py", "")
    assert "its hash" in refused(tree.call("up"))


def test_an_environment_of_someone_elses_making_is_left_alone(tree: Tree):
    (tree.root / ".venv").mkdir()
    (tree.root / ".venv" / "mine").touch()
    assert "not of citywall's making" in refused(tree.call("up"))
    assert (tree.root / ".venv" / "mine").exists()


def test_a_python_that_does_not_fit_is_named(tree: Tree):
    tree.env["CITYWALL_PYTHON"] = "/nowhere/python3"
    assert "/nowhere/python3" in refused(tree.call("up"))


def test_no_python_at_all_is_one_sentence(tree: Tree, tmp_path: Path):
    path = tmp_path / "bin"
    path.mkdir()
    for tool in ("sh", "readlink", "dirname", "cmp"):
        (path / tool).symlink_to(str(shutil.which(tool)))
    del tree.env["CITYWALL_PYTHON"]
    tree.env["PATH"] = str(path)
    assert "no Python 3.11-3.14 was found" in refused(tree.call("up"))


def test_the_environment_stands_beside_the_launcher(stub: Tree):
    for name in ("test", "bench"):
        assert stub.call(name).stdout.splitlines()[2:] == [str(stub.root / ".venv"), "requirements-dev.lock", name]


def test_the_environment_of_a_read_only_tree_stands_in_the_cache(stub: Tree):
    stub.root.chmod(0o555)
    stub.env["XDG_CACHE_HOME"] = "/some/cache"
    nobody = {"user": 65534} if os.geteuid() == 0 else {}
    shown = stub.call("up", cwd="/", **nobody).stdout.splitlines()
    stub.root.chmod(0o755)
    assert shown[2].startswith("/some/cache/citywall/venv-")
