"""Make the Python environment from a lock. The launcher runs this with a bare Python: standard library only.

Usage: python -I deploy/install.py VENV LOCK [COMMAND…]; when done it becomes `citywall COMMAND…` again.

State of VENV: `citywall.lock` (flock: one installer at a time), and a copy of each lock that is installed whole. The
copies go before anything changes and come back last, so an interrupted installation is never taken for a whole one:
without them VENV is made anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
"""Each holds all of the one before it."""
GUARD = "citywall.lock"
PIP_LOG = "pip.log"

_UNREACHABLE = re.compile(
    r"connection broken by|Max retries exceeded|ConnectionError|ProxyError|Temporary failure in name", re.I
)
_NO_WHEEL = re.compile(r"No matching distribution found for (\S+)")


class InstallError(Exception):
    """The environment cannot be made; `str()` of it is one sentence with the cure. Not for those who have one."""


def main(venv: Path, lock: str, command: list[str]) -> NoReturn:
    """Install, then become the launcher again."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with installing(venv) as guard:
            if not is_whole(venv, lock):
                install(venv, lock, guard)
    except InstallError as error:
        sys.exit(f"citywall: {error}")
    except KeyboardInterrupt:
        print("\ncitywall: interrupted; the next call installs from the start.", file=sys.stderr)
        sys.exit(130)
    os.execv("/bin/sh", ["/bin/sh", str(ROOT / "citywall"), *command])  # noqa: S606 - no shell line: a file and its arguments


def is_whole(venv: Path, lock: str) -> bool:
    """Tell whether the lock is installed: the same question as the launcher's."""
    stamp = venv / lock
    return (venv / "bin" / "python").exists() and stamp.exists() and stamp.read_bytes() == (ROOT / lock).read_bytes()


@contextlib.contextmanager
def installing(venv: Path) -> Iterator[IO[str]]:
    """Hold the environment's guard file; children that inherit it go on holding it."""
    try:
        if venv.is_dir() and any(venv.iterdir()) and not (venv / GUARD).exists():
            raise InstallError(f"{venv} is not of citywall's making; move it away, then call again.")
        venv.mkdir(parents=True, exist_ok=True)
        guard = (venv / GUARD).open("a", encoding="utf-8")
    except OSError as error:
        raise InstallError(
            f"{venv} cannot be written ({error.strerror}); make {ROOT} writable, or XDG_CACHE_HOME a folder that is."
        ) from error
    with guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another call is installing into {venv}; waiting for it")
            fcntl.flock(guard, fcntl.LOCK_EX)
        yield guard


def install(venv: Path, lock: str, guard: IO[str]) -> None:
    """Bring the environment to the lock, with a line for each step on stderr."""
    started = time.monotonic()
    try:
        if not any((venv / stamp).exists() for stamp in LOCKS) or not (venv / "bin" / "python").exists():
            say(f"setting up in {venv} with Python {sys.version.split()[0]}; this happens once")
            make_environment(venv)
        else:
            say(f"bringing {venv} up to {lock}")
        for stamp in LOCKS:
            (venv / stamp).unlink(missing_ok=True)
        install_packages(venv, lock, guard)
        for stamp in LOCKS[: LOCKS.index(lock) + 1]:
            shutil.copyfile(ROOT / stamp, venv / f"{stamp}.new")
            (venv / f"{stamp}.new").replace(venv / stamp)
    except OSError as error:
        raise InstallError(f"{venv} cannot be written ({error.strerror}); free or open it, then call again.") from error
    say(f"ready after {time.monotonic() - started:.0f} s")


def make_environment(venv: Path) -> None:
    """Make an empty environment with pip in it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if importlib.util.find_spec("ensurepip") is None:
        raise InstallError(
            f"Python {version} ({sys.executable}) lacks venv and ensurepip; install them (Debian, Ubuntu: "
            f"apt install python{version}-venv), or name another Python: CITYWALL_PYTHON=/path/to/python3 citywall …"
        )
    for entry in venv.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != GUARD:
            entry.unlink()
    made = subprocess.run([sys.executable, "-I", "-m", "venv", venv], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        reason = (made.stdout + made.stderr).strip().splitlines()
        raise InstallError(f"Python's own venv failed in {venv}: {reason[-1] if reason else made.returncode}")


def install_packages(venv: Path, lock: str, guard: IO[str]) -> None:
    """Have pip install the lock, counting the packages as they come; pip's words go to a file."""
    names = set(re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(encoding="utf-8"), re.M))
    command = [str(venv / "bin" / "python"), "-I", "-m", "pip", "install", "--no-deps", "--progress-bar", "off"]
    # PIP_USER: some have user = yes in their pip.conf, which no environment takes
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}
    if not {"PIP_NO_BINARY", "PIP_ONLY_BINARY"} & os.environ.keys():
        environment["PIP_ONLY_BINARY"] = ":all:"  # a missing wheel is a sentence, not an hour of compiling
    with (
        (venv / PIP_LOG).open("w", encoding="utf-8") as log,
        subprocess.Popen(
            [*command, "-r", str(ROOT / lock)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            pass_fds=[guard.fileno()],
        ) as pip,
    ):
        try:
            assert pip.stdout is not None  # noqa: S101 - tells mypy what PIPE means
            follow(pip.stdout, log, len(names))
        except BaseException:
            pip.terminate()
            raise
    if pip.returncode != 0:
        text = (venv / PIP_LOG).read_text(encoding="utf-8")
        raise InstallError(f"{explain(text)} (pip's own words: {venv / PIP_LOG})")


def follow(lines: IO[str], log: IO[str], total_count: int) -> None:
    """Copy pip's lines to its log and show how far it is."""
    shown = Progress()
    count = 0
    for line in lines:
        log.write(line)
        log.flush()
        words = line.split()
        if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ")):
            count += 1
            name = words[3] if words[0] == "Requirement" else words[1]
            shown.step(f"{count} of {total_count} packages: {name}", milestone=count % 25 == 1)
        elif line.startswith("Installing collected packages"):
            shown.step(f"unpacking {count} packages", milestone=True)
        elif "Retrying" in line:
            shown.step("the registry does not answer, trying again", milestone=True)
    shown.end()


class Progress:
    """Live on a terminal, a line for each milestone elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def step(self, text: str, *, milestone: bool) -> None:
        """Show what is under way."""
        if self._live:
            print(f"\r\033[K  {text}", end="", file=sys.stderr, flush=True)
        elif milestone:
            print(f"  {text}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clear the live line."""
        if self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def explain(text: str) -> str:
    """Turn what pip said when it failed into one sentence with the cure."""
    platform = f"{sysconfig.get_platform()}, Python {sys.version_info.major}.{sys.version_info.minor}"
    if "No space left on device" in text:
        return "the disk is full; about 1.5 GB are needed."
    if "DO NOT MATCH THE HASHES" in text:
        return "a package differs from the locked one (its hash): the registry or a proxy changes files; use another."
    if _UNREACHABLE.search(text):
        return (
            "the package registry cannot be reached; check the network, or name a mirror in PIP_INDEX_URL, and retry."
        )
    missing = _NO_WHEEL.search(text)
    if missing is not None:
        return (
            f"the registry has no wheel of {missing[1]} for this platform ({platform}); name another Python 3.11-3.14 "
            f"in CITYWALL_PYTHON, or have pip build it: PIP_NO_BINARY={missing[1].split('==')[0]}"
        )
    errors = [line for line in text.splitlines() if line.startswith("ERROR:")]
    return f"pip failed: {errors[-1].removeprefix('ERROR:').strip() if errors else 'it gave no reason'}"


def say(text: str) -> None:
    """Print a line for the person who waits."""
    print(f"citywall: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
