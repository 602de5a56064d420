"""A chunked body reaches Django whole, or one byte too large."""

from __future__ import annotations

import io
from typing import Any

import pytest

from cloudweb.api.chunked import ChunkedBodies


def received(body: bytes, **environ: Any) -> tuple[str | None, bytes]:
    seen: dict[str, Any] = {}

    def application(given: dict[str, Any], _start: Any) -> list[bytes]:
        seen.update(given)
        return []

    environ = {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_TYPE": "application/json",
        "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(body),
        **environ,
    }
    ChunkedBodies(application, limit=100_000)(environ, lambda *_: None)
    return seen.get("CONTENT_LENGTH"), seen["wsgi.input"].read()


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 100_000])
def test_a_chunked_body_gets_its_length(size: int) -> None:
    assert received(b"x" * size) == (str(size), b"x" * size)


def test_no_more_than_one_byte_over_the_limit_is_read() -> None:
    length, body = received(b"x" * 1_000_000)
    assert (length, len(body)) == ("100001", 100_001)


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_TYPE": "application/octet-stream"},
        {"HTTP_TRANSFER_ENCODING": "", "CONTENT_LENGTH": "7"},
        {"wsgi.input_terminated": False},
    ],
)
def test_other_bodies_are_left_alone(environ: dict[str, Any]) -> None:
    assert received(b"content", **environ) == (environ.get("CONTENT_LENGTH"), b"content")
