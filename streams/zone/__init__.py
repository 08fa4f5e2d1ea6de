"""The zone stage: each frame once, cut by its source, de-duplicated, and handed to every first-level processor.

`absorb` is one zone, pure; `dedup` judges repeats, `books` counts, `stage` hosts the zones of a partition on Kafka.
"""
