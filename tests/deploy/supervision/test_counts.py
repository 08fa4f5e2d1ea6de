"""Counts from the books: what came in is what went on, came twice or was refused."""

from deploy.supervision.counts import counts_of, offsets_of


def intake(domain, offset, readings_in, dead, sent, first_at_ms=None, last_at_ms=None):
    counts = {
        "readings_in": readings_in, "dead_lettered": dead, "sent": sent, "unknown_fields": 0,
        "first_at_ms": first_at_ms, "last_at_ms": last_at_ms,
    }  # fmt: skip
    return {"stage": "intake", "domain": domain, "partition": 0, "offset": offset, "counts": counts}


def zone(domain, partition, offset, in_frames, duplicates, too_late):
    taken = in_frames + duplicates + too_late
    counts = {
        "in_frames": in_frames, "duplicates": duplicates, "conflicts": 0, "too_late": too_late, "processors": {},
        "sources": {"0": {"through": 6, "furthest": 6, "sent": taken, "taken": taken}},
    }  # fmt: skip
    return {"stage": "zone", "domain": domain, "partition": partition, "offset": offset, "counts": counts}


BOOKS = {
    "intake:traffic:0": intake("traffic", 7, 100, {"future": 3, "undecodable": 1}, 96, 1_000, 61_500),
    "intake:water:0": intake("water", 9, 10, {"future": 1}, 9),
    "zone:traffic:1": zone("traffic", 1, 20, 90, 4, 2),
    "zone:water:0": zone("water", 0, 5, 9, 0, 0),
    "pulse:intake": {"part": "intake", "pid": 1, "at_ms": 5},
}


def test_sums_of_both_stages():
    counts = counts_of(BOOKS)
    assert counts.readings_in == 110  # 100 + 10
    assert counts.in_frames == 99  # 90 + 9
    assert counts.duplicates == 4
    assert counts.dead_lettered == {"future": 4, "too_late": 2, "undecodable": 1}  # 3 + 1; zone; traffic
    assert (counts.first_at, counts.last_at) == ("1970-01-01T00:00:01.000Z", "1970-01-01T00:01:01.500Z")
    assert counts.missing == 0  # 110 - 99 - 4 - 7


def test_no_time_in_the_books_ends_status():
    """Of a state that a version saved which counted too late readings: 0001-01-01T00:00+14 is in the year before."""
    odd = intake("traffic", 7, 1, {}, 1, -62_135_647_200_000, 253_402_300_800_000)
    counts = counts_of({"intake:traffic:0": odd})
    assert (counts.first_at, counts.last_at) == ("0000-12-31T10:00:00.000Z", "10000-01-01T00:00:00.000Z")


def test_what_was_lost_stands_beside_and_counts_once():
    loss = {
        "lost_by": "intake", "topic": "city.inbox.v1.traffic", "partition": 0, "from_offset": 10, "to_offset": 800,
        "after_ms": None, "before_ms": 61_500, "noticed_ms": 70_000,
    }  # fmt: skip
    again = {**loss, "from_offset": 700, "to_offset": 805}
    other = {**loss, "partition": 1, "from_offset": 0, "to_offset": 5, "after_ms": 1_000}
    books = {f"lost:{number}": book for number, book in enumerate((other, again, loss))}
    counts = counts_of(BOOKS | books)
    assert counts.lost == 795 + 5
    assert [(one.partition, one.records, one.after, one.before) for one in counts.losses] == [
        (0, 795, None, "1970-01-01T00:01:01.500Z"),
        (1, 5, "1970-01-01T00:00:01.000Z", "1970-01-01T00:01:01.500Z"),
    ]
    assert (counts.readings_in, counts.missing) == (110, 0)
    assert offsets_of(BOOKS | books) == offsets_of(BOOKS)


def test_refused_values_stand_beside_and_are_summed_by_column_and_reason():
    air = {"pm2_5_ug_m3": {"out_of_range": 3, "wrong_type": 1}, "humidity_ratio": {"out_of_range": 2}}
    books = {
        "intake:traffic:0": intake("traffic", 7, 5, {"future": 1}, 4),
        "intake:weather:0": intake("weather", 9, 10, {}, 10),
        "intake:weather:1": intake("weather", 9, 10, {}, 10),
    }
    books["intake:weather:0"]["counts"]["refused_values"] = air
    books["intake:weather:1"]["counts"]["refused_values"] = {"pm2_5_ug_m3": {"out_of_range": 4}}
    counts = counts_of(books)
    assert counts.refused_values == {
        "humidity_ratio": {"out_of_range": 2},
        "pm2_5_ug_m3": {"out_of_range": 7, "wrong_type": 1},
    }
    assert (counts.readings_in, counts.dead_lettered) == (25, {"future": 1})
    assert counts.missing == 24  # 25 - 1: the zones have seen none yet


def test_no_books_are_no_readings():
    counts = counts_of({})
    assert (counts.readings_in, counts.dead_lettered, counts.first_at, counts.missing) == (0, {}, None, 0)


def test_offsets_by_stage_domain_and_partition():
    assert offsets_of(BOOKS) == {
        ("intake", "traffic", 0): 7, ("intake", "water", 0): 9, ("zone", "traffic", 1): 20, ("zone", "water", 0): 5,
    }  # fmt: skip
