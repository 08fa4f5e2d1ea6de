"""Counts from the books: what came in is what went on, came twice or was refused."""

from deploy.counts import counts_of, offsets_of

BOOKS = {
    "intake:traffic:0": {
        "stage": "intake", "domain": "traffic", "partition": 0, "offset": 7,
        "counts": {
            "readings_in": 100, "dead_lettered": {"future": 3, "undecodable": 1}, "unknown_fields": 0,
            "first_at_ms": 1_000, "last_at_ms": 61_500,
        },
    },
    "intake:water:0": {
        "stage": "intake", "domain": "water", "partition": 0, "offset": 9,
        "counts": {
            "readings_in": 10, "dead_lettered": {"future": 1}, "unknown_fields": 2,
            "first_at_ms": None, "last_at_ms": None,
        },
    },
    "zone:traffic:1": {
        "stage": "zone", "domain": "traffic", "partition": 1, "offset": 20,
        "counts": {"in_frames": 90, "duplicates": 4, "conflicts": 1, "too_late": 2, "processors": {}},
    },
    "zone:water:0": {
        "stage": "zone", "domain": "water", "partition": 0, "offset": 5, "counts": {"in_frames": 9, "duplicates": 0},
    },
    "pulse:intake": {"part": "intake", "pid": 1, "at_ms": 5},
}  # fmt: skip


def test_sums_of_both_stages():
    counts = counts_of(BOOKS)
    assert counts.readings_in == 110  # 100 + 10
    assert counts.in_frames == 99  # 90 + 9
    assert counts.duplicates == 4
    assert counts.dead_lettered == {"future": 4, "too_late": 2, "undecodable": 1}  # 3 + 1; zone; traffic
    assert (counts.first_at, counts.last_at) == ("1970-01-01T00:00:01.000Z", "1970-01-01T00:01:01.500Z")
    assert counts.missing == 0  # 110 - 99 - 4 - 7


def test_no_books_are_no_readings():
    counts = counts_of({})
    assert (counts.readings_in, counts.dead_lettered, counts.first_at, counts.missing) == (0, {}, None, 0)


def test_offsets_by_stage_domain_and_partition():
    assert offsets_of(BOOKS) == {
        ("intake", "traffic", 0): 7, ("intake", "water", 0): 9, ("zone", "traffic", 1): 20, ("zone", "water", 0): 5,
    }  # fmt: skip
