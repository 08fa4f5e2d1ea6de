"""Where results leave the stream: the live state in Redis and the history in SQLite or InfluxDB.

Belongs here: stages that only write what others computed, and the stores they write to.
Does not: any computing of values, and what the wall does with them (`dashboard`).
"""
