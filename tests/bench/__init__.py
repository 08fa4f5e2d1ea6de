"""The benchmark: contestants on one preloaded job, alternating, each result verified. `citywall bench` runs it."""
