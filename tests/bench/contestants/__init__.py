"""One file a contestant: `PROCESSES`, what each runs, and where its results stand.

A contestant module has
- `READINGS`: how many readings of the job it is given (a slow one fewer, over as many minutes fewer);
- `PROCESSES`: the names its `main(name, place)` takes, each run in a process of its own;
- `TOPIC` and `results(value)`: where its results stand; one record as (segment, at_ms, tti_ratio, count) rows.
"""
