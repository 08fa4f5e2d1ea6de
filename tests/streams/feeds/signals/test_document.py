"""Reading CAP, Atom and RSS: what is in them, and what is refused, with its sentence."""

import pytest

from streams.feeds.signals.document import Link, read
from tests.streams.feeds.signals.issuing import alert, atom, info, rss

SENT = "2026-11-30T08:00:00+08:00"
SENT_MS = 1_795_996_800_000  # 2026-11-30 00:00 UTC


def test_a_message_with_its_areas_where_cap_has_latitude_first():
    polygon = "<polygon>31.0,117.0 31.0,118.0 32.0,118.0 31.0,117.0</polygon>"
    geocode = "<geocode><valueName>a</valueName><value>340100</value></geocode>"
    area = f"<areaDesc>x</areaDesc>{polygon}<circle>31.5,117.5 10</circle>{geocode}"
    text = alert("b", SENT, info(area=area), kind="Update", refs=[("a", SENT)])
    [found] = read(text.encode()).alerts
    assert (found.id, found.kind, found.references, found.sent_ms) == ("nmc,b", "Update", ("nmc,a",), SENT_MS)
    [where] = found.infos[0].areas
    assert where.polygons == (((117.0, 31.0), (118.0, 31.0), (118.0, 32.0), (117.0, 31.0)),)
    assert (where.circles, where.geocodes) == ((((117.5, 31.5), 10.0),), ("340100",))


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_of_several_messages_in_a_wrapper_a_bad_one_costs_only_itself(version):
    good, bad = alert("a", SENT, info()), alert("b", "yesterday", info())
    found = read(f"<pack>{bad}{good}</pack>".replace("cap:1.2", f"cap:{version}").encode())
    assert [one.id for one in found.alerts] == ["nmc,a"]
    assert found.faults == ("alert b: sent: a time with its offset is needed, not 'yesterday'",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (alert("a", "2026-11-30T08:00:00", info()), "sent: a time with its offset is needed"),
        (alert("a", SENT, info(expires="soon")), "expires: a time with its offset is needed, not 'soon'"),
        (alert("", SENT, info()), "identifier: it is missing or empty"),
        (alert("a", SENT, info(area="<polygon>117.2,31 117.3,31 117.3,31.5</polygon>")), "latitude are swapped"),
        (alert("a", SENT, info(area="<polygon>31,117 31,118</polygon>")), "polygon: 3 corners or more are needed"),
        (alert("a", SENT, info(area="<circle>31,117 far</circle>")), "circle: a number is needed, not 'far'"),
        ("<html><body/></html>", "<html> is no CAP alert, Atom or RSS"),
        ("<alert/>", "<alert> is no CAP alert, Atom or RSS"),
        ("", "no XML that can be used"),
        ("<feed", "no XML that can be used"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(text, said):
    found = read(text.encode())
    assert not found.alerts
    assert said in found.faults[0]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_any_entity(text, encoding):
    [fault] = read(text.encode(encoding)).faults
    assert "it declares a document type (x)" in fault


@pytest.mark.parametrize("write", [atom, rss])
def test_a_list_links_over_http_alone_relative_to_itself(write):
    found = read(
        write(("/a.xml", "1"), ("file:///etc/passwd", "1"), ("http://other/b.xml", "2")).encode(), "http://here/x/list"
    )
    assert found.links == (Link("http://here/a.xml", "1"), Link("http://other/b.xml", "2"))


@pytest.mark.parametrize("write", [atom, rss])
def test_an_empty_list_is_no_error(write):
    assert read(write().encode()) == ((), (), ())


def test_an_identifier_that_is_too_long_to_be_kept_is_refused():
    found = read(alert("A" * 1000, "2026-11-20T08:00:00+08:00", info()).encode())
    assert (found.alerts, "identifier: at most 1000 characters" in found.faults[0]) == ((), True)


@pytest.mark.parametrize("encoding", ["gb2312", "GBK", "gb18030"])
def test_a_document_in_a_chinese_encoding_is_read(encoding):
    declared = f'<?xml version="1.0" encoding="{encoding}"?>'
    text = (
        f'{declared}<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>1</identifier>'
        "<sender>气象台</sender>"
        "<sent>2026-07-01T10:00:00+08:00</sent><status>Actual</status><msgType>Alert</msgType>"
        "<info><event>暴雨</event></info></alert>"
    )
    (alert,) = read(text.encode(encoding)).alerts
    assert (alert.id, alert.infos[0].event) == ("气象台,1", "暴雨")
    assert read(declared.encode() + b"\xff\xff").faults
    bomb = f'{declared}<!DOCTYPE alert [<!ENTITY a "b">]><alert>&a;</alert>'
    assert "document type" in read(bomb.encode(encoding)).faults[0]
