"""The history: every final row, the books and the alarms, behind one interface with two stores (SQLite, InfluxDB 2).

Belongs here: the interface, its stores, the stage that fills them, and what is worked out from the books.
Does not: the commands that show it (`deploy/commands/export.py`, `audit.py`).
"""
