"""Polls that find nothing wait in the loop: no thread each, news for all by one question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloudweb.server import bridge as front
from cloudweb.server import holding
from cloudweb.server.bridge import Bridge
from cloudweb.server.limits import Limits

POLLS = 300


def poll(number: int) -> dict[str, Any]:
    connection = SimpleNamespace(lost=False, flow=SimpleNamespace(write_paused=False))
    return {
        "method": "POST", "raw_path": b"/%d" % number, "query_string": b"", "http_version": "1.1",
        "scheme": "http", "server": ("cloud", 80), "client": ("192.0.2.1", 1),
        "connection": connection, "headers": [(b"content-length", b"4")],
    }  # fmt: skip


class World:
    """An application whose polls find nothing, until there is news."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
        self.news: set[str] = set()
        self.asked, self.calls, self.answers = 0, 0, dict[int, tuple[dict[bytes, bytes], bytes]]()
        self._seconds = seconds
        monkeypatch.setattr(front, "_news", self._news)
        monkeypatch.setattr(holding, "PERIOD", 0.01)
        self.bridge = Bridge(self._application, limits=Limits(threads=2), spool=directory)

    def _application(self, environ: Any, start: Callable[..., Any]) -> list[bytes]:
        self.calls += 1
        assert environ["wsgi.input"].read() == b"body"
        held = environ.get("cloudweb.held", "")
        headers = [("Content-Type", "text/plain")]
        if not held:
            headers.append(("X-Cloudweb-Hold", f"box{environ['PATH_INFO']} {self._seconds}"))
        start("200 OK", headers)
        return [held.encode()]

    def _news(self) -> set[str]:
        self.asked += 1
        return self.news

    async def poll(self, number: int, *, leaves: bool = False) -> None:
        came: list[Any] = [{"type": "http.request", "body": b"body", "more_body": False}]
        headers: dict[bytes, bytes] = {}

        async def receive() -> Any:
            if came:
                return came.pop()
            if not leaves:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers.update(message["headers"])
            elif message["body"] or not message.get("more_body"):
                self.answers.setdefault(number, (headers, message["body"]))

        await self.bridge(poll(number), receive, send)


def test_hundreds_wait_without_a_thread_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, monkeypatch, seconds=30)

    async def all_of_them() -> None:
        polls = [asyncio.create_task(world.poll(number)) for number in range(POLLS)]
        while world.calls < POLLS or world.asked < 2:
            await asyncio.sleep(0.01)
        assert world.answers == {}
        assert len(world.bridge.threads._threads) <= 2
        world.news = {"box/7", "box/none"}
        await polls[7]
        assert world.answers.keys() == {7}
        world.bridge.holds.release()  # the server ends
        await asyncio.gather(*polls)

    asyncio.run(all_of_them())
    headers, body = world.answers[7]
    assert (body, headers) == (b"box/7", {b"content-type": b"text/plain", b"content-length": b"5"})
    assert len(world.answers) == POLLS
    assert world.calls == 2 * POLLS


def test_a_wait_ends_with_its_time_and_with_its_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, monkeypatch, seconds=0.05)
    asyncio.run(world.poll(1))
    assert world.answers[1][1] == b"box/1"
    patient = World(tmp_path, monkeypatch, seconds=30)
    asyncio.run(patient.poll(1, leaves=True))
    assert patient.bridge.holds._waiting == {}
