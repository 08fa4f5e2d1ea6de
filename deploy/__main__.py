"""`python -m deploy`: what the launcher `citywall` ends in."""

import sys

from deploy.terminal.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
