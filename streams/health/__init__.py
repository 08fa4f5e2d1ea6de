"""Whether a stage advances, and who stops it: its pulse, counters and watchdog, and what its processors yield."""
