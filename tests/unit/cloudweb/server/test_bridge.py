"""What passes between a client and an application, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cloudweb.server.bridge import Bridge
from cloudweb.server.limits import Limits


def put() -> dict[str, Any]:
    """The head of an upload."""
    connection = SimpleNamespace(lost=False, flow=SimpleNamespace(write_paused=False))
    return {
        "method": "PUT", "raw_path": b"/", "query_string": b"", "http_version": "1.1",
        "scheme": "http", "server": ("cloud", 80), "client": ("192.0.2.1", 1),
        "connection": connection,
        "headers": [
            (b"content-type", b"application/octet-stream"), (b"transfer-encoding", b"chunked"),
        ],
    }  # fmt: skip


def refuses(environ: Any, start: Callable[..., Any]) -> list[bytes]:
    """Read a little, as for a body that turns out to be over a limit."""
    environ["wsgi.input"].read(1)
    start("413 Too Large", [("Content-Length", "3")])
    return [b"no\n"]


def test_a_refused_upload_is_heard_out_before_its_connection_closes(tmp_path: Path) -> None:
    """A client that is cut off in the middle would find its connection reset instead of the answer."""
    events: list[str] = []

    async def receive() -> Any:
        await asyncio.sleep(0.001)
        events.append("received")
        return {"type": "http.request", "body": bytes(65536), "more_body": len(events) < 60}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            events.append("closed")
        else:
            events.append("answered")

    bridge = Bridge(refuses, limits=Limits(), spool=tmp_path)
    asyncio.run(bridge(put(), receive, send))
    answered = events.index("answered")
    assert events[answered : answered + 2] == ["answered", "answered"]
    assert (events[-1], events.count("closed")) == ("closed", 1)
    assert events.count("received") > answered  # the rest, after the answer
