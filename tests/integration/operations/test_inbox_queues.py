"""Reports pass all replies, and what nobody works on yet stays in the broker (a real Redis)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import redis
from kombu import Connection

from cloudweb import rpc
from cloudweb.celery import app
from cloudweb.topics import DOORBELL, INBOX, REPORTS
from operations import inbox, rings
from operations.reader import WORKERS, Reader
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
def reading(reader: Reader) -> Iterator[None]:
    reader.start()
    try:
        yield
    finally:
        reader.stop()
        reader.join(PATIENCE)


def length(broker: redis.Redis, queue: str) -> int:
    return cast(int, broker.llen(queue))


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
        wait_until(lambda: len(worked) == WORKERS, what="all threads are busy")
        # Those in hand and those that a free thread would take next; no more were read.
        assert length(broker, INBOX) >= REPLIES - 4 * WORKERS
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
    assert rpc.sender().put(REPORTS, {"host": "h1", "kind": "reply", "seq": 1})
    assert rpc.sender().put(REPORTS, ["no envelope"])  # type: ignore[arg-type]
    for nothing in (b"no message at all", b"\xff", b"[]", b"{}", b'{"properties": {}}'):
        broker.lpush(REPORTS, nothing)
    assert rpc.deliver({"host": "h1", "kind": "report", "seq": 2})
    with reading(inbox.Reports(connection(), "conductor@x")):
        wait_until(lambda: heard, what="the report is heard")
    assert [one.envelope["seq"] for one in heard] == [2]
    assert length(broker, REPORTS) <= 1  # a mark that was put last


def test_a_host_of_the_release_before_is_heard(
    broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(inbox, "receive", heard.append)
    monkeypatch.setattr(inbox, "hear", lambda reports, **_: heard.extend(reports))
    reply, report = ({"host": "h1", "kind": kind, "seq": 3} for kind in ("reply", "report"))
    assert rpc.sender().send(INBOX, rpc.DELIVER, reply)
    assert rpc.sender().send(REPORTS, rpc.DELIVER, report)
    with reading(inbox.Inbox(connection())), reading(inbox.Reports(connection(), "conductor@x")):
        wait_until(lambda: len(heard) == 2, what="both are heard")
    assert reply in heard
    assert [one.envelope for one in heard if one != reply] == [report]


def test_a_message_is_plain_json_and_the_broker_keeps_no_books_of_those_read(
    broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(rings, "advance", seen.append)
    assert rpc.ring("an operation")
    message = json.loads(cast(bytes, broker.lindex(DOORBELL, 0)))
    assert json.loads(base64.b64decode(message["body"])) == {"operation": "an operation"}
    assert "task" not in message["headers"]
    assert rpc.sender().put(DOORBELL, {"nobody": "knows"})
    assert rpc.ring("another")
    with reading(rings.Rings(connection(), 1)):
        wait_until(lambda: len(seen) == 2, what="both rings are answered")
        assert not [*broker.scan_iter("*unacked*")]
    assert seen == ["an operation", "another"]


def test_what_is_read_when_it_is_time_to_stop_goes_back(
    broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, worked = threading.Event(), []

    def work(operation: str) -> None:
        worked.append(operation)
        go_on.wait(PATIENCE)

    monkeypatch.setattr(rings, "advance", work)
    for number in range(20):
        assert rpc.ring(str(number))
    reader = rings.Rings(connection(), 1)
    with reading(reader):
        wait_until(lambda: length(broker, DOORBELL) == 17, what="one waits for room")
    left = length(broker, DOORBELL)
    go_on.set()
    reader._pool.shutdown()
    assert (left, worked) == (18, ["0", "1"])
