"""A city of toy processes under the real supervisor: `python toy_city.py DATA`. Prints `up` when all of them run."""

import os
import sys
from pathlib import Path

from deploy.supervision.child import Plan
from deploy.supervision.supervisor import Supervisor

PART = """
import os, sys, threading, time
from deploy.supervision.bound import die_with_parent
die_with_parent(int(sys.argv[1]))
assert os.read(0, 3) == b"go\\n"
print("part runs", flush=True)
if sys.argv[2] == "fails":
    sys.exit(7)
if sys.argv[2] == "forks" and os.fork() == 0:
    time.sleep(600)
while os.read(0, 1):
    pass
"""


def plans(parent: int) -> list[Plan]:
    """One steady part, one that fails, one that leaves a process behind."""
    return [
        Plan(name=kind, command=[sys.executable, "-c", PART, str(parent), kind], grace_s=2.0)
        for kind in ("steady", "fails", "forks")
    ]


def main(data: Path) -> None:
    """Run until asked to stop."""
    server = Plan(name="server", command=["/bin/sleep", "600"], bind=True, needs_go=False, is_ready=lambda: True)
    supervisor = Supervisor(data, [server], plans(os.getpid()), lambda line: print(line, flush=True))
    with supervisor.signals():
        try:
            supervisor.start()
            if supervisor.run_until(supervisor.servers_ready):
                supervisor.let_parts_go()
                print("up", flush=True)
                supervisor.run_until(lambda: False)
        finally:
            supervisor.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
