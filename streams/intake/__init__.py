"""Intake: from the JSON of an inbox partition to frames, dead letters and a small state.

`decode` judges bytes, `batch` makes columns of a chunk, `take` checks and cuts them, `stage` hosts it on Kafka.
"""
