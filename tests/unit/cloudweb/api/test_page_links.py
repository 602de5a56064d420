"""What stands beside the rows of a page, in each service."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from cloudweb.api.page_links import page_links

QUERY = "a=1&a=b%26c&marker=old&limit=2"
NEXT = "a=1&a=b%26c&marker=new&limit=2"
HOST = "http://testserver"


def links(path: str, **more: Any) -> dict[str, Any]:
    """Return them for a list that is asked for with QUERY, or with another query."""
    query = more.pop("query", QUERY)
    return page_links(RequestFactory().get(f"{path}?{query}"), "things", **more)


@pytest.mark.parametrize(
    ("path", "following", "last"),
    [
        (
            "/compute/v2.1/things",
            {"things_links": [{"rel": "next", "href": f"{HOST}/compute/v2.1/things?{NEXT}"}]},
            {},
        ),
        (
            "/network/v2.0/things",
            {"things_links": [{"rel": "next", "href": f"{HOST}/network/v2.0/things?{NEXT}"}]},
            {},
        ),
        (
            "/identity/v3/things",
            {
                "links": {
                    "self": f"{HOST}/identity/v3/things?{QUERY}",
                    "next": f"{HOST}/identity/v3/things?{NEXT}",
                    "previous": None,
                }
            },
            {
                "links": {
                    "self": f"{HOST}/identity/v3/things?{QUERY}",
                    "next": None,
                    "previous": None,
                }
            },
        ),
        (
            "/image/v2/things",
            {
                "first": "/v2/things?a=1&a=b%26c&limit=2",
                "next": "/v2/things?a=1&a=b%26c&limit=2&marker=new",
            },
            {"first": "/v2/things?a=1&a=b%26c&limit=2"},
        ),
        (
            "/audit/v1/things",
            {"links": {"next": f"{HOST}/audit/v1/things?{NEXT}"}},
            {"links": {"next": None}},
        ),
    ],
)
def test_links_to_the_next_page(path: str, following: dict[str, Any], last: dict[str, Any]) -> None:
    assert links(path, after="new") == following
    assert links(path) == last


def test_network_leads_back_too_and_only_where_pages_were_asked_for() -> None:
    path = "/network/v2.0/things"
    asked = "limit=2&marker=m&page_reverse=True"
    assert links(path, after="z", before="a", query=asked) == {
        "things_links": [
            {"rel": "next", "href": f"{HOST}{path}?limit=2&marker=z"},
            {"rel": "previous", "href": f"{HOST}{path}?limit=2&marker=a&page_reverse=True"},
        ]
    }
    assert links(path, after="z", query="marker=m") == {}
