"""A request as WSGI sees it."""

from __future__ import annotations

from typing import Any

from cloudweb.server.environ import client_of, environ_of, is_upload, refusal
from cloudweb.server.limits import MAX_HEAD, MAX_HEADERS, MAX_LINE


def scope(*headers: tuple[bytes, bytes], **more: Any) -> dict[str, Any]:
    return {
        "method": "GET",
        "raw_path": b"/",
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.1", 4711),
        "headers": list(headers),
        **more,
    }


def test_names_values_and_bytes_of_a_path() -> None:
    environ = environ_of(
        scope(
            (b"host", b"cloud"),
            (b"content-type", b"text/plain"),
            (b"x-auth-token", b"a"),
            (b"x-auth-token", b"b"),
            (b"x_forwarded_for", b"192.0.2.9"),
            raw_path=b"/%C3%A9/%2e",
            query_string=b"a=%20",
        )
    )
    assert environ["PATH_INFO"] == "/\xc3\xa9/."
    assert (environ["QUERY_STRING"], environ["REMOTE_ADDR"]) == ("a=%20", "192.0.2.1")
    assert environ["HTTP_X_AUTH_TOKEN"] == "a,b"
    assert (environ["CONTENT_TYPE"], environ["HTTP_HOST"]) == ("text/plain", "cloud")
    assert "HTTP_CONTENT_TYPE" not in environ
    assert "HTTP_X_FORWARDED_FOR" not in environ  # an underscore is no dash


def test_who_is_behind_a_proxy(settings: Any) -> None:
    from ipaddress import ip_network

    forwarded = environ_of(scope((b"x-forwarded-for", b"198.51.100.7")))
    assert client_of(forwarded) == ""
    settings.TRUSTED_PROXIES = [ip_network("192.0.2.0/24")]
    assert client_of(forwarded) == "198.51.100.7"


def test_heads_that_are_too_large() -> None:
    cases = {
        "long path": scope(raw_path=b"/" + b"x" * MAX_LINE),
        "long query": scope(query_string=b"x" * MAX_LINE),
        "many headers": scope(*[(b"a", b"b")] * (MAX_HEADERS + 1)),
        "large header": scope((b"a", b"b" * MAX_HEAD)),
        "usual": scope((b"a", b"b" * 16384)),
    }
    found = {name: (refusal(one) or (0,))[0] for name, one in cases.items()}
    assert found == {
        "long path": 414,
        "long query": 414,
        "many headers": 431,
        "large header": 431,
        "usual": 0,
    }


def test_what_is_an_upload() -> None:
    binary, length = {"CONTENT_TYPE": "application/octet-stream"}, {"CONTENT_LENGTH": "2000"}
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
    cases = {
        "large data": {"REQUEST_METHOD": "PUT", **binary, **length},
        "data without a length": {"REQUEST_METHOD": "PUT", **binary, **chunked},
        "small data": {"REQUEST_METHOD": "PUT", **binary, "CONTENT_LENGTH": "10"},
        "JSON": {"REQUEST_METHOD": "PUT", "CONTENT_TYPE": "application/json", **length},
        "data nobody streams": {"REQUEST_METHOD": "POST", **binary, **length},
    }
    found = {name for name, one in cases.items() if is_upload(one, larger_than=1000)}
    assert found == {"large data", "data without a length"}
