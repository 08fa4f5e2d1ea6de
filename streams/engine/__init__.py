"""Everything that knows Faust and aiokafka: the chunked transport, the bus, and the run loop of a stage.

A stage (`stage.py`) is what the loop hosts; it sees chunks of records and a bus to send on, never Faust.
"""
