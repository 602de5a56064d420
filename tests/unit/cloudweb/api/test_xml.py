"""XML beside JSON: the documents of old clients are read, and what is written reads back as it was."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from cloudweb.api.middleware import ServiceMiddleware
from cloudweb.api.xml import MEDIA_TYPES, NAMESPACE, XmlParser, asks_for_xml, dumps, loads
from cloudweb.exceptions import BadRequest, RequestTooLarge

#: Bodies as clients of Trove's XML days sent them, and the same in JSON.
DOCUMENTS = {
    f"""<?xml version="1.0" encoding="UTF-8"?>
    <instance xmlns="{NAMESPACE}" flavorRef="1" name="shop">
      <volume size="2"/>
      <databases>
        <database name="orders" character_set="utf8" collate="utf8_general_ci"/>
        <database name="stock"/>
      </databases>
      <users>
        <user name="clerk" password="long enough">
          <databases><database name="orders"/></databases>
        </user>
      </users>
    </instance>""": {
        "instance": {
            "flavorRef": "1",
            "name": "shop",
            "volume": {"size": 2},
            "databases": [
                {"name": "orders", "character_set": "utf8", "collate": "utf8_general_ci"},
                {"name": "stock"},
            ],
            "users": [
                {
                    "name": "clerk",
                    "password": "long enough",
                    "databases": [{"name": "orders"}],
                }
            ],
        }
    },
    f'<restart xmlns="{NAMESPACE}"/>': {"restart": {}},
    f'<resize xmlns="{NAMESPACE}"><volume size="4"/></resize>': {"resize": {"volume": {"size": 4}}},
    f'<resize xmlns="{NAMESPACE}" flavorRef="3"/>': {"resize": {"flavorRef": "3"}},
    "<users/>": {"users": []},
    '<t:users xmlns:t="' + NAMESPACE + '"><t:user name="a@b"/></t:users>': {
        "users": [{"name": "a@b"}]
    },
    '<instance><access is_public="True"><allowed_cidrs><cidr>10.0.0.0/8</cidr></allowed_cidrs></access></instance>': {
        "instance": {"access": {"is_public": True, "allowed_cidrs": ["10.0.0.0/8"]}}
    },
    """<configuration name="007">
      <values max_connections="100" autovacuum="on" fsync="false">
        <entry key="9 lives">x</entry>
      </values>
    </configuration>""": {
        "configuration": {
            "name": "007",
            "values": {"max_connections": 100, "autovacuum": "on", "fsync": False, "9 lives": "x"},
        }
    },
    "<rootEnabled>True</rootEnabled>": {"rootEnabled": True},
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_documents_of_old_clients_are_read(document: str) -> None:
    assert loads(document.encode()) == DOCUMENTS[document]


@pytest.mark.parametrize(
    "document",
    [
        b"<instance",
        b"nothing of the kind",
        b"<a/><b/>",
        b'<!DOCTYPE a><a xmlns=""/>',
        b'<!DOCTYPE a [<!ENTITY x "y">]><a b="&x;"/>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<instance xmlns="urn:another"/>',
        b'<?xml version="1.0" encoding="none-such"?><a/>',
        b"<a>" * 40 + b"</a>" * 40,
        b"<users>" + b"<user/>" * 60_000 + b"</users>",
        b"<a>\x00</a>",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_such_document_is_a_bad_request(document: bytes) -> None:
    with pytest.raises((BadRequest, ParseError)):
        loads(document)


def test_a_body_that_is_too_large_is_not_read(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    with pytest.raises(RequestTooLarge):
        XmlParser().parse(io.BytesIO(b"<users></users>"))
    assert XmlParser().parse(io.BytesIO(b" \n")) is None


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Cs"]), max_size=12)
ROWS = st.fixed_dictionaries(
    {
        "name": WORDS,
        "status": st.sampled_from(["ACTIVE", "BUILD"]),
        "volume": st.fixed_dictionaries({"size": st.integers(0, 10**6)}),
        "access": st.fixed_dictionaries(
            {"is_public": st.booleans(), "allowed_cidrs": st.lists(st.just("10.0.0.0/8"))}
        ),
        "users": st.lists(st.fixed_dictionaries({"name": WORDS}), max_size=3),
        "values": st.dictionaries(WORDS.filter(bool), st.integers(-5, 5), max_size=3),
        "datastore": st.fixed_dictionaries({"type": WORDS, "version": st.just("15")}),
    }
)


@settings(deadline=None, max_examples=60)
@given(
    st.one_of(
        ROWS.map(lambda row: {"instance": row}),
        st.lists(ROWS, max_size=3).map(lambda r: {"instances": r}),
    )
)
def test_what_is_written_reads_back(body: dict[str, Any]) -> None:
    assert _plain(loads(dumps(body))) == _plain(body)


def _plain(value: Any) -> Any:
    """An object without members and a list without elements are written alike."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner not in ({}, [])}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def test_faults_and_links_stand_as_trove_had_them() -> None:
    fault = dumps({"badRequest": {"code": 400, "message": "Volume 'size' is <none>."}}).decode()
    assert 'code="400"' in fault
    assert "<message>Volume 'size' is &lt;none&gt;.</message>" in fault
    page = dumps({"links": [{"rel": "next", "href": "http://x/?a=1&b=2"}], "databases": []})
    assert page.decode().endswith(
        '<links><link rel="next" href="http://x/?a=1&amp;b=2" /></links></databases>'
    )


def test_what_is_deleted_may_be_called_so() -> None:
    seen: list[tuple[str | None, str]] = []

    def look(request: HttpRequest) -> HttpResponse:
        seen.append((request.method, request.path_info.rpartition("/")[2]))
        return HttpResponse()

    for method in ("GET", "POST", "PUT", "DELETE"):
        path = "/database/v1.0/p/instances/i/databases/shop.xml"
        ServiceMiddleware(look)(RequestFactory().generic(method, path))
    called = {"GET": "shop", "POST": "shop", "PUT": "shop.xml", "DELETE": "shop.xml"}
    assert dict(seen) == called


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/xml", True),
        (MEDIA_TYPES[1], True),
        ("application/json;q=0.9, application/xml;q=0.8", False),
        ("application/json;q=0.5, application/xml", True),
        ("application/xml;q=nothing", False),
        ("text/html, application/xml;q=0.9", False),
    ],
)
def test_xml_is_for_who_prefers_it(accept: str, wanted: bool) -> None:
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = accept
    assert asks_for_xml(request) is wanted
