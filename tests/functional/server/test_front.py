"""What the API server does with HTTP before and after Django, byte by byte."""

from __future__ import annotations

import contextlib
import socket
from urllib.parse import urlsplit

import pytest

from tests.infrastructure import Cloud

pytestmark = pytest.mark.timeout(120)
MIB = 1024**2
CLOSE = "Connection: close"
DATA = "Content-Type: application/octet-stream"
JSON = "Content-Type: application/json"


def head(first: str, *headers: str) -> bytes:
    return "\r\n".join((f"{first} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


def exchange(cloud: Cloud, sent: bytes, *, most: int = 2**63) -> bytes:
    """Send bytes, return so many of what comes until the server closes."""
    at = urlsplit(cloud.url)
    received = b""
    with socket.create_connection((at.hostname, at.port), timeout=20) as one:
        with contextlib.suppress(OSError):  # it may have had enough
            one.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            while len(received) < most and (part := one.recv(65536)):
                received += part
    return received


def test_requests_get_their_status(cloud: Cloud) -> None:
    token_path = "POST /identity/v3/auth/tokens"
    upload = "PUT /image/v2/images/none/file"
    cases = {
        "plain": (200, head("GET /identity/v3", CLOSE)),
        "HTTP/1.0": (200, b"GET /identity/v3 HTTP/1.0\r\n\r\n"),
        "absolute": (200, head(f"GET {cloud.url}/identity/v3", CLOSE)),
        "asks for another protocol": (200, head("GET /identity/v3", "Upgrade: h2c", CLOSE)),
        "two slashes": (404, head("GET //identity/v3", CLOSE)),
        "escaped": (404, head("GET /identity/%C3%A9", CLOSE)),
        "no HTTP": (400, b"\x16\x03\x01\x02\x00\r\n\r\n"),
        "null in a header": (400, head("GET /identity/v3", "X: a\0b", CLOSE)),
        "two lengths": (400, head(token_path, "Content-Length: 1", "Content-Length: 2")),
        "length and chunks": (400, head(token_path, "Content-Length: 1",
                                        "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
        "long line": (414, head(f"GET /{'x' * 9000}", CLOSE)),
        "long header": (431, head("GET /", f"X: {'x' * 70_000}", CLOSE)),
        "endless header": (431, head("GET /", "X: ")[:-4] + b"x" * MIB),
        "many headers": (431, head("GET /", *["X: y"] * 200, CLOSE)),
        "large body announced": (413, head(token_path, JSON, f"Content-Length: {2 * MIB}") + b"{"),
        "large body in chunks": (413, head(token_path, JSON, "Transfer-Encoding: chunked", CLOSE)
                                 + b"200000\r\n" + b" " * (2 * MIB) + b"\r\n0\r\n\r\n"),
        "upload without a right": (401, head(upload, DATA, f"Content-Length: {8 * MIB}")
                                   + b"\0" * (8 * MIB)),
        "upload that waits for a word": (401, head(upload, DATA, f"Content-Length: {8 * MIB}",
                                                   "Expect: 100-continue")),
        "body that waits for a word": (100, head(token_path, JSON, "Content-Length: 2",
                                                 "Expect: 100-continue", CLOSE) + b"{}"),
    }  # fmt: skip
    found = {}
    for name, (_, words) in cases.items():
        answer = exchange(cloud, words, most=12)
        found[name] = int(answer[9:12] or 0)
    assert found == {name: status for name, (status, _) in cases.items()}


def test_requests_sent_ahead_are_answered_in_order_and_not_without_end(cloud: Cloud) -> None:
    paths = ("/identity/v3", "/none", "/identity")
    three = b"".join(head(f"GET {path}") for path in paths[:2]) + head(f"GET {paths[2]}", CLOSE)
    answer = exchange(cloud, three)
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 404, 300]
    assert exchange(cloud, head("GET /identity/v3") * 1000) == b""


def test_head_has_no_body(cloud: Cloud) -> None:
    answer = exchange(cloud, head("HEAD /identity/v3", CLOSE))
    top, _, rest = answer.partition(b"\r\n\r\n")
    assert rest == b""
    length = next(line for line in top.split(b"\r\n") if line.startswith(b"content-length"))
    whole = exchange(cloud, head("GET /identity/v3", CLOSE)).partition(b"\r\n\r\n")[2]
    assert length == b"content-length: %d" % len(whole)
    assert b"server:" not in top.lower()


def test_what_brings_no_body_is_not_read_without_end(cloud: Cloud) -> None:
    """Endless trailers, and endless words of a chunk, would fill the memory."""
    chunked = head("POST /identity/v3/auth/tokens", JSON, "Transfer-Encoding: chunked")
    found = {
        "trailers": exchange(cloud, chunked + b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * (MIB // 2)),
        "trailer": exchange(cloud, chunked + b"2\r\n{}\r\n0\r\nX: " + b"y" * 2 * MIB),
        "extension": exchange(cloud, chunked + b"2;x=" + b"y" * 2 * MIB),
    }
    assert found == dict.fromkeys(found, b"")
    tiny = b"".join(b"1\r\n%c\r\n" % char for char in b"{" + b" " * 100_000 + b"}")
    answer = exchange(cloud, chunked + tiny + b"0\r\nHost: evil\r\n\r\n", most=12)
    assert answer.startswith(b"HTTP/1.1 400")  # it was read whole: no log-in is in it
