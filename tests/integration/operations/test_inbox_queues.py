"""Reports pass all replies, and what nobody works on yet stays in the broker (a real Redis)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection

from cloudweb import rpc
from cloudweb.celery import app
from cloudweb.topics import INBOX, REPORTS
from operations import inbox
from operations.testing.processes import Processes
from tests.infrastructure import PATIENCE, wait_until

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
REPLIES = 200


@pytest.fixture
def broker(redis_socket: Path, tmp_path: Path) -> Iterator[redis.Redis]:
    with (
        redis.Redis(unix_socket_path=str(redis_socket)) as client,
        Processes(tmp_path, f"redis+socket://{redis_socket}"),
    ):
        client.flushall()
        yield client
        client.flushall()


@contextmanager
def reading(reader: inbox.Reader) -> Iterator[None]:
    reader.start()
    try:
        yield
    finally:
        reader.stop()
        reader.join(PATIENCE)


def connection() -> Connection:
    return Connection(
        app.conf.broker_url, transport_options=dict(app.conf.broker_transport_options)
    )


def test_a_report_passes_the_replies_that_wait(
    broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, worked, heard = threading.Event(), [], []

    def work(envelope: dict[str, Any]) -> None:
        worked.append(envelope)
        go_on.wait(PATIENCE)

    monkeypatch.setattr(inbox, "receive", work)
    monkeypatch.setattr(inbox, "hear", lambda reports, **_: heard.extend(reports))
    for number in range(REPLIES):
        assert rpc.deliver({"host": "h1", "kind": "reply", "seq": number})
    assert rpc.deliver({"host": "h1", "kind": "report", "seq": 1})
    with reading(inbox.Inbox(connection())), reading(inbox.Reports(connection(), "conductor@x")):
        wait_until(lambda: heard, what="the report is heard")
        wait_until(lambda: len(worked) == inbox.WORKERS, what="all threads are busy")
        # Those in hand and those that a free thread would take next; no more were read.
        assert broker.llen(INBOX) >= REPLIES - 4 * inbox.WORKERS
        go_on.set()
        wait_until(lambda: len(worked) == REPLIES, what="each reply is worked on")
    assert [one.envelope["seq"] for one in heard] == [1]


def test_what_does_not_belong_among_reports_is_dropped(
    broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(inbox, "hear", lambda reports, **_: heard.extend(reports))
    send = rpc.sender().send
    assert send(REPORTS, rpc.ADVANCE, "an operation")
    assert send(REPORTS, rpc.DELIVER, ["no envelope"])
    assert send(REPORTS, rpc.DELIVER, {"host": "h1", "kind": "reply", "seq": 1})
    assert send(REPORTS, rpc.DELIVER, {"mark": "conductor@x", "put_at": 4e9, "signature": "00"})
    for nothing in (b"no message at all", b"\xff", b"[]", b"{}", b'{"properties": {}}'):
        broker.lpush(REPORTS, nothing)
    assert rpc.deliver({"host": "h1", "kind": "report", "seq": 2})
    with reading(inbox.Reports(connection(), "conductor@x")):
        wait_until(lambda: heard, what="the report is heard")
    assert [one.envelope["seq"] for one in heard] == [2]
    assert broker.llen(REPORTS) <= 1  # a mark that was put last
