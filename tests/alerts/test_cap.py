"""Public warnings in CAP 1.2: valid by the official schema, refused where wrong, and a drill can never look real."""

import hashlib
import xml.etree.ElementTree as ET
from datetime import datetime
from itertools import product
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from alerts import cap
from alerts.cap import PublicWarning, Reference
from streams.contract.name import Name

VENDOR = Path(__file__).with_name("vendor")
SCHEMA = etree.XMLSchema(etree.parse(VENDOR / "CAP-v1.2.xsd"))
NOW_MS = 1_700_000_000_000
RING = ((120.10, 30.20), (120.20, 30.20), (120.20, 30.30), (120.10, 30.20))

WARNING = PublicWarning(
    identifier="liujiang-a1-1",
    sender="duty@liujiang.example",
    sent_ms=NOW_MS,
    expires_ms=NOW_MS + 3_600_000,
    status="Actual",
    time_zone="Asia/Shanghai",
    domain="water",
    level=1,
    event=Name("下穿通道积水", "Underpass flooding"),
    headline=Name("望江路下穿积水，请绕行", "Wangjiang Road underpass flooded, take another way"),
    description=Name("水深 <31 厘米> & 上涨", "Water 31 cm & rising"),
    instruction=Name("请勿驶入。", "Do not enter."),
    sender_name=Name("柳江市应急管理局", "Liujiang Emergency Bureau"),
    area=Name("望江路下穿", "Wangjiang Road underpass"),
    ring=RING,
)
EARLIER = Reference(sender="duty@liujiang.example", identifier="liujiang-a1-0", sent_ms=NOW_MS - 60_000)


UPDATE = {"replaces": (EARLIER,)}
CANCEL = {**UPDATE, "cancels": True}


def with_(**more):
    return msgspec.structs.replace(WARNING, **more)


def read(warning):
    made = cap.message(warning)
    document = etree.fromstring(made)
    SCHEMA.assertValid(document)
    return ET.fromstring(made)  # noqa: S314 - our own message


def texts(found, name):
    return [one.text for one in found.iter(f"{{{cap.NAMESPACE}}}{name}")]


def test_the_schema_is_the_one_that_was_brought_along():
    digest = hashlib.sha256((VENDOR / "CAP-v1.2.xsd").read_bytes()).hexdigest()
    assert digest in (VENDOR / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("level", "status", "domain", "more"),
    [
        (level, status, domain, more)
        for level, status, (domain, more) in product(
            (1, 2, 3, 4),
            ("Actual", "Exercise", "Test"),
            [
                ("water", {}),
                ("thirteenth", {"replaces": (EARLIER,)}),
                ("fire", {"replaces": (EARLIER,), "cancels": True}),
            ],
        )
    ],
)
def test_every_message_is_valid_by_the_official_schema(level, status, domain, more):
    read(with_(level=level, status=status, domain=domain, **more))


@pytest.mark.parametrize("domain", sorted(cap.CATEGORIES))
def test_every_domain_has_a_category_of_the_schema(domain):
    read(with_(domain=domain))


def test_it_says_the_same_in_both_languages():
    found = read(WARNING)
    assert texts(found, "language") == ["zh-CN", "en"]
    assert texts(found, "headline") == ["望江路下穿积水，请绕行", "Wangjiang Road underpass flooded, take another way"]
    assert texts(found, "description") == ["水深 <31 厘米> & 上涨", "Water 31 cm & rising"]
    for name in ("severity", "urgency", "certainty", "expires", "category", "polygon"):
        zh, en = texts(found, name)
        assert zh == en


def test_a_polygon_is_latitude_first_and_closed():
    assert texts(read(WARNING), "polygon")[0].split() == [
        "30.200000,120.100000",
        "30.200000,120.200000",
        "30.300000,120.200000",
        "30.200000,120.100000",
    ]


def test_times_have_an_offset_and_it_ends_after_it_is_sent():
    found = read(WARNING)
    (sent,) = texts(found, "sent")
    assert sent == "2023-11-15T06:13:20+08:00"
    assert datetime.fromisoformat(texts(found, "expires")[0]) > datetime.fromisoformat(sent)
    assert texts(read(with_(time_zone="UTC")), "sent") == ["2023-11-14T22:13:20+00:00"]


@pytest.mark.parametrize(
    ("more", "kind", "references"),
    [
        ({}, "Alert", []),
        ({"replaces": (EARLIER,)}, "Update", ["duty@liujiang.example,liujiang-a1-0,2023-11-15T06:12:20+08:00"]),
        (
            {"replaces": (EARLIER,), "cancels": True},
            "Cancel",
            ["duty@liujiang.example,liujiang-a1-0,2023-11-15T06:12:20+08:00"],
        ),
    ],
)
def test_an_update_and_a_cancel_name_what_they_replace(more, kind, references):
    found = read(with_(**more))
    assert texts(found, "msgType") == [kind]
    assert texts(found, "references") == references


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"expires_ms": NOW_MS}, "expires before it is sent"),
        ({"expires_ms": NOW_MS + 999}, "expires before it is sent"),  # CAP has no milliseconds
        ({"expires_ms": NOW_MS - 1}, "expires before it is sent"),
        ({"ring": RING[:-1]}, "no closed ring"),
        ({"ring": (RING[0], RING[1], RING[0])}, "no closed ring"),
        ({"ring": tuple((lat, lng) for lng, lat in RING)}, r"\(longitude, latitude\)"),
        ({"ring": ((float("nan"), 30.0), *RING[1:3], (float("nan"), 30.0))}, "on no map"),
        ({"cancels": True}, "cancels nothing"),
        ({"identifier": "a b"}, "identifier"),
        ({"sender": "a,b"}, "sender"),
        ({"headline": Name("积水", " ")}, "headline: needed in both languages"),
    ],
)
def test_what_nobody_must_send_is_refused(more, why):
    with pytest.raises(ValueError, match=why):
        cap.message(with_(**more))


@pytest.mark.parametrize(
    ("status", "heading", "text"),
    [
        ("Exercise", ("【演练】", "[EXERCISE] "), ("演练", "exercise")),
        ("Test", ("【测试】", "[TEST] "), ("测试", "test")),
    ],
)
def test_each_text_of_a_drill_says_that_it_is_one(status, heading, text):
    found = read(with_(status=status))
    assert texts(found, "status") == [status]
    assert all(word in texts(found, "note")[0] for word in text)
    for name in ("headline", "event"):
        assert [said.startswith(one) for said, one in zip(texts(found, name), heading, strict=True)] == [True, True]
    for name in ("description", "instruction"):
        assert [one in said for said, one in zip(texts(found, name), text, strict=True)] == [True, True]


def test_only_a_living_city_warns_for_real():
    assert [cap.status_of(mode) for mode in ("live", "simulated", "replay")] == ["Actual", "Exercise", "Exercise"]
    assert texts(read(WARNING), "note") == []
