"""Run a program that dies with its starter, even by SIGKILL.

`python -m deploy.supervision.bound STARTER_PID PROGRAM ARG…`.

On Linux the kernel sees to it and this process becomes the program. Elsewhere this process stays as a watcher: it ends
the program as soon as its standard input, whose other end the starter holds, is closed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent`, a process id, ends; a no-op where no Linux is.

    Raises SystemExit when the parent is already gone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(0)


def _watch(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1):
        pass
    child.kill()


def main(argv: list[str]) -> int:
    """Run `argv[1:]`, bound to the process whose id is `argv[0]`."""
    parent, *command = argv
    die_with_parent(int(parent))
    if sys.platform == "linux":
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=_watch, args=(child,), daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
