"""A host that leaves for good: what it says, what it waits for, and what it leaves as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from cloudweb import leaving, line
from cloudweb.messages import Envelope
from cloudweb.remotes import AnswerMessage, ObjectAction
from cloudweb.reports import CallAnswer
from cloudweb.rpc import direct
from cloudweb.signing import check_mac
from tests.builders.toy_host import KEY, SIGNER, Stage

TOPICS = ("compute.h1",)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """An app whose broker is in memory, and a control plane behind it that says ``answer``."""
    monkeypatch.setattr(line, "AGAIN", 0.3)
    monkeypatch.setattr(leaving, "PATIENCE", 0.9)
    made = Celery("leaving", broker="memory://")
    with made.connection_for_write() as connection, connection.channel() as channel:
        queue = direct(TOPICS[0])(channel)
        queue.declare()
        queue.purge()  # tests share what is in memory
    yield made
    made.close()


def put(app: Celery, task: str, argument: dict[str, Any]) -> None:
    app.send_task(task, args=(argument,), queue=direct(TOPICS[0]), ignore_result=True)  # type: ignore[arg-type]


def answer_with(app: Celery, monkeypatch: pytest.MonkeyPatch, **said: Any) -> list[ObjectAction]:
    heard: list[ObjectAction] = []

    def deliver(message: dict[str, Any]) -> bool:
        action = ObjectAction.load(Envelope.read(check_mac(KEY.encode(), message)).body)
        heard.append(action)
        answer = CallAnswer(call=action.call, **said)
        put(app, "compute.answer", {"a": "forged one"})
        signed = SIGNER.sign(AnswerMessage(answer=answer.dump()).flat(), topic=TOPICS[0])
        put(app, "compute.answer", signed)
        return True

    monkeypatch.setattr(leaving, "deliver", deliver)
    return heard


def waiting(app: Celery) -> int:
    with app.connection_for_read() as connection, connection.channel() as channel:
        return int(direct(TOPICS[0])(channel).queue_declare(passive=True).message_count)


def test_a_host_that_may_go_takes_all_of_it_along(
    app: Celery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Stage(tmp_path)
    heard = answer_with(app, monkeypatch, outcome="DONE")
    put(app, "compute.spawn", {"an": "order"})
    removed: list[str] = []
    monkeypatch.setattr(leaving, "remove_host", lambda host, place: removed.append(host) or ())
    assert leaving.leave("h1", tmp_path, TOPICS, app) == 0
    assert (heard[0].method, heard[0].object["data"]) == ("service.host.destroy", {"host": "h1"})
    assert (removed, (tmp_path / "credentials").exists()) == (["h1"], False)
    assert waiting(app) == 1  # what was no answer is as it was
    assert leaving.leave("h1", tmp_path, TOPICS, app) == 1  # it is in no cloud any more


def test_one_that_may_not_stays_as_it_is(
    app: Celery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Stage(tmp_path)
    answer_with(app, monkeypatch, outcome="FINAL", error={"public": "It has 2 servers."})
    monkeypatch.setattr(leaving, "remove_host", lambda host, place: pytest.fail("removed"))
    assert leaving.leave("h1", tmp_path, TOPICS, app) == 1
    assert "It has 2 servers." in capsys.readouterr().err
    assert (tmp_path / "credentials" / "host.key").exists()


def test_nobody_answers(
    app: Celery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Stage(tmp_path)
    said: list[Any] = []
    monkeypatch.setattr(leaving, "deliver", lambda message: not said.append(message))  # type: ignore[func-returns-value]
    assert leaving.leave("h1", tmp_path, TOPICS, app) == 1
    assert "does not answer" in capsys.readouterr().err
    assert len({one["body"]["data"]["call"] for one in said}) == 1
    assert len(said) == 3  # it is done once, however often it is said
