"""`python -m tests.fuzz [--seconds N] [--target NAME]`: fuzz, and keep in the tree's corpus what found new branches.

atheris comes from the registry into an environment of its own in the cache, at the first call; ours lends it the rest.
An input that breaks a promise is written beside the corpus' working copy, and named.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from tests.bench import environment
from tests.bench.contract import ContestantError
from tests.fuzz.corpus import FOLDER, MOST_INPUT_BYTES, SUFFIX, TARGET_NAMES
from tests.fuzz.words import words

LOCK = Path(__file__).with_name("atheris.lock")
ROOT = Path(__file__).resolve().parents[2]
ONE_INPUT_S = 10


def main(arguments: list[str] | None = None) -> int:
    """Fuzz → 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", choices=TARGET_NAMES, action="append", help="default: all")
    args = parser.parse_args(arguments)
    try:
        python = environment.python(LOCK)
    except ContestantError as error:
        print(f"there is no fuzzer: {error}", file=sys.stderr)
        return 1
    found = [name for name in args.target or TARGET_NAMES if not fuzz(python, name, args.seconds)]
    return 1 if found else 0


def fuzz(python: str, name: str, seconds: int) -> bool:
    """Fuzz one target and make its corpus anew with what was found → whether nothing was found."""
    kept = FOLDER / name
    kept.mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"citywall-fuzz-{name}-"))
    (work / "corpus").mkdir()
    (work / "words").write_text(words(), encoding="utf-8")
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={MOST_INPUT_BYTES}",
        f"-timeout={ONE_INPUT_S}",
        f"-dict={work / 'words'}",
        f"-artifact_prefix={work}/",
    ]
    broken = run(python, [name, *options, str(work / "corpus"), str(kept)])
    merge(python, name, kept, work)
    if broken:
        print(f"{name}: a promise is broken; the input is in {work}", file=sys.stderr)
    return not broken


def merge(python: str, name: str, kept: Path, work: Path) -> None:
    """Keep the fewest and smallest inputs that reach all that the old corpus and the new one reach."""
    merged = work / "merged"
    merged.mkdir()
    options = ["-merge=1", f"-max_len={MOST_INPUT_BYTES}"]
    if run(python, [name, *options, str(merged), str(kept), str(work / "corpus")]):
        return
    for path in kept.iterdir():
        path.unlink()
    for path in merged.iterdir():
        shutil.copyfile(path, kept / f"{path.name}{SUFFIX}")


def run(python: str, arguments: list[str]) -> bool:
    """Run the fuzzing process → whether it failed."""
    ours = os.pathsep.join([str(ROOT), sysconfig.get_paths()["purelib"]])
    changed = {"PYTHONPATH": ours, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([python, "-m", "tests.fuzz.run", *arguments], env=os.environ | changed, check=False)
    return done.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
