"""What leaves the building: which alarm is told to whom, in which words, and what became of it.

Belongs here: pure stages (route, group, de-duplicate, limit, retry), texts, and a channel a file.
Does not: sockets and threads (`streams.alarms.notify_stage` and what it is given), or public warnings (`alerts.cap`).
"""
