"""One file a contestant: how it is run, and where its results stand.

A contestant's module has
- `PROCESSES`: the names of its processes; each is run by itself, and their CPU is added;
- `READINGS`: how many readings of the job it is given: `job.WHOLE`, or fewer for a slow one, which never gets more;
- `main(process, place)`, one of its processes in Python, or `command(process, place)`: how to run one that is
  another program or has a Python of its own (`environment.command`). It is asked before the clock starts and may
  build what it needs first, outside the tree; what cannot be had is a `ContestantError` of one sentence.

It may have
- `TOPIC` and `results(value)`: where else than in `bench.results` its results stand (partition 0), and one record's
  (segment, at_ms, tti_ratio, count) rows;
- `DURABLE = False`: it ran without durable state, and the table says so;
- `INEXACT`: why windows of it are known to be wrong. They are counted and shown beside its figures. A contestant
  without this excuse that differs from pandas in a single window is refused: none of its figures count;
- `prepare(place, job)`: what is done before the clock starts, after the inbox was filled (`preload.py`);
- `versions()`: name → version of what it is made of.

A process, in whatever language,
- reads `city.inbox.v1.traffic`: 4 partitions of JSON objects as `job.records` makes them, complete before it starts;
  their key is the sensor. The last of each partition is a sentinel, far behind the last minute: it closes windows, and
  results from its minute on are passed over;
- writes `<folder>/<process>.first` at its first record, as `Place.first_record` does: a JSON object of `cpu_s`, the
  user and system time that the process has used so far, and `wall`, seconds since 1970;
- writes each result to `bench.results` as a JSON object: `segment`, the number in the sensor's name; `at_ms`, the
  start of the minute; `tti`, max(60 / v, 1) with v = Σ flow / Σ (flow / max(speed, 5)); `count` of readings;
- begins the names of its consumer groups and topics with `bench` (no run shares `Place.group` with another): what was
  named so is removed before each run;
- runs until SIGTERM, even when it has nothing left to do (`Place.stay`): its CPU time is read while it is there. What
  it prints is kept, and the end of it shown when it ends too early.
"""
