"""What a person must act on: alarms, their lifecycle, their journal and their texts.

Belongs here: pure data and functions that judge detections and commands, and the words for them.
Does not: Kafka and clocks (`streams.alarms.alarm_stage` hosts the engine), or anything on screen (`dashboard`).
"""
