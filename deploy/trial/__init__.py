"""`citywall try`: one processor over recorded readings, in this process, without Kafka's groups, state or a wall.

`recording` opens what was recorded, `running` takes it through the stages' own pure functions, `summary` counts what
came out, `page` and `plot` show it.
"""
