"""What fills the inbox: the sample city with its `simulation/`, the replay of files, and the marks both write.

Belongs here: reading or making what departments send, as JSON records. Does not: checking it (`streams.intake`).
"""
