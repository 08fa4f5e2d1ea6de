"""Whether a stage advances: its pulse, its counters, its watchdog."""
