"""What users see while something the cloud needs is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from cloudweb import process
from cloudweb.files import write_atomically
from instances.models import Instance
from operations.testing import memory
from tests.builders.instances import NOTHING, Lab, census, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def test_broker_down_still_accepts(home: Lab) -> None:
    home.cloud.broker.is_down = True
    server_id = home.create(settle=False)
    home.cloud.pump()
    assert home.show(server_id)["status"] == "BUILD"
    home.cloud.broker.is_down = False
    home.cloud.settle()
    assert home.show(server_id)["status"] == "ACTIVE"
    home.cloud.broker.is_down = True
    assert home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}").status_code == 204
    home.cloud.broker.is_down = False
    home.cloud.settle()
    assert census(home) == NOTHING


def test_what_a_host_must_answer_now_is_503_with_retry_after(home: Lab) -> None:
    server_id = home.create()
    home.cloud.broker.is_down = True
    answer = home.act(server_id, "os-getConsoleOutput", {})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "serviceUnavailable" in answer.json()


def test_database_away_is_503(home: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("could not connect to server")

    monkeypatch.setattr(Instance.objects, "filter", away)
    answer = home.client.send("GET", "/compute/v2.1/servers")
    assert answer.status_code == 503
    assert answer.json()["serviceUnavailable"]["message"] == "The database is unavailable for now."
    assert "connect" not in answer.content.decode()


def test_nothing_but_sql_happens_inside_a_transaction(
    home: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPERATIONS, "Databases": no RPC, command, file or sleep while the database is held."""
    caught: list[str] = []

    def watched(name: str, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if connection.in_atomic_block:
                caught.append(name)
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(memory.MemoryBroker, "send", watched("send", memory.MemoryBroker.send))
    monkeypatch.setattr(process, "run", watched("run", process.run))
    monkeypatch.setattr(time, "sleep", watched("sleep", time.sleep))
    monkeypatch.setattr("cloudweb.orderbook.write_atomically", watched("file", write_atomically))
    server_id = home.create()
    for action, value in (("os-stop", None), ("os-start", None), ("reboot", {"type": "HARD"})):
        assert home.act(server_id, action, value).status_code == 202
        home.cloud.settle()
    home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}")
    home.cloud.settle()
    assert census(home) == NOTHING
    assert caught == []
