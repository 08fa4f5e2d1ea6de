"""What saving state costs, and how long a start takes to have it again: `python -m tests.bench.recovery`."""
