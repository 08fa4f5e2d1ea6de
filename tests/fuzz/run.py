"""One fuzzing process, in the environment that has atheris: `python -m tests.fuzz.run TARGET [libFuzzer's options]`."""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found]  # only where the fuzzer runs

with atheris.instrument_imports(include=["streams"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name = sys.argv.pop(1)
    sys.argv[0] = f"{sys.executable} -m tests.fuzz.run {name}"  # what a merge starts again
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
