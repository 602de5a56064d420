"""What hosts have done in the control plane: each method for its own host alone, once, in versions both read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.db import transaction

from cloudweb.agent import Agent, Function
from cloudweb.context import RequestContext
from cloudweb.driver import Work
from cloudweb.line import ConductorAway, ConductorTooOld, Refused
from cloudweb.objects import VersionedObject
from cloudweb.remotes import (
    DESTROY_HOST,
    SAVE_TASK,
    HostService,
    HostTask,
    ObjectAction,
    RemoteMethod,
    TaskProgress,
)
from cloudweb.reports import Notice
from cloudweb.rpc import Method
from operations import conductor
from operations.models import Debt, HostCredential, Operation, RemoteCall, Service, Step
from operations.saga import Run, Saga
from operations.saga import Step as Declared
from operations.testing import Cloud, check_invariants, cloud

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Kite(VersionedObject):
    VERSION: ClassVar[str] = "1.0"
    id: str


FLY = Method("compute.test_fly_kite", Kite)


class FlyKite(Saga):
    kind = "test.fly_kite"
    resource_type = "kite"
    steps = (Declared("fly", lambda run: fly(run)),)


def fly(run: Run) -> Any:
    return FLY.order(host="h1", resource_id=run.resource_id, payload=Kite(id=run.resource_id))


class KiteAgent(Agent):
    """Flies kites; ``during`` is what happens meanwhile."""

    def __init__(self) -> None:
        self.during: Callable[[Work], None] = lambda work: None

    def methods(self) -> Mapping[Method[Any], Function]:
        return {FLY: self.fly}

    def fly(self, kite: Kite, work: Work) -> None:
        self.during(work)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Cloud]:
    with cloud(tmp_path) as made:
        for name in ("h1", "h2"):
            made.add_host(name, {"compute": KiteAgent()})
        yield made


def task_of_h1(lab: Cloud) -> HostTask:
    """Let h1 be ordered something that never arrives; return the task."""
    lab.broker.lose = lambda _queue, task, _argument: task == FLY.name
    with transaction.atomic():
        operation = FlyKite.start(RequestContext.system(project_id="p"), resource_id="a")
    lab.pump()
    step = Step.objects.get(operation=operation)
    return HostTask(op=str(operation.id), seq=step.seq, direction="do", attempt=step.attempt)


def progress_of_h1() -> Any:
    return Step.objects.values_list("progress", "progress_text").get()


def hosts() -> Any:
    return [*HostCredential.objects.order_by("host").values_list("host", flat=True)]


#: Of each method: an object of h1, one of nobody, what it takes, what is there before and after.
Case = tuple[Callable[[Cloud], VersionedObject], Callable[[Cloud], VersionedObject], Any,
             Callable[[], Any], Any, Any]  # fmt: skip
CASES: dict[str, Case] = {
    SAVE_TASK.name: (
        task_of_h1,
        lambda lab: HostTask(op=str(uuid.uuid4()), seq=0, direction="do", attempt=1),
        TaskProgress(percent=40, text="fetching the image"),
        progress_of_h1,
        (0, ""),
        (40, "fetching the image"),
    ),
    DESTROY_HOST.name: (
        lambda lab: HostService(host="h1"),
        lambda lab: HostService(host="h9"),
        None,
        hosts,
        ["h1", "h2"],
        ["h2"],
    ),
}
METHODS = pytest.mark.parametrize("name", sorted(RemoteMethod.REGISTRY))


def action(name: str, owner: VersionedObject, **wire: Any) -> ObjectAction:
    argument = CASES[name][2]
    return ObjectAction(
        call=uuid.uuid4().hex,
        method=name,
        object={**owner.dump(), **wire},
        argument=argument.dump() if argument else None,
        domain="compute",
    )


def say(lab: Cloud, host: str, said: ObjectAction) -> dict[str, Any]:
    """Let a host say it; return what it is answered."""
    lab.hosts[host].voice.say("object_action", said)
    lab.pump()
    answer: dict[str, Any] = RemoteCall.objects.get(host=host, call=said.call).answer["data"]
    return answer


def test_every_method_has_its_cases() -> None:
    assert CASES.keys() == RemoteMethod.REGISTRY.keys()


@METHODS
def test_the_host_of_an_object_may(lab: Cloud, name: str) -> None:
    mine, _, _, look, before, after = CASES[name]
    said = action(name, mine(lab))
    if name != DESTROY_HOST.name:
        assert look() == before
    assert say(lab, "h1", said)["outcome"] == "DONE"
    assert look() == after
    check_invariants()


@METHODS
def test_another_host_may_not_and_learns_nothing(lab: Cloud, name: str) -> None:
    mine, nobodys, _, look, before, _ = CASES[name]
    theirs = say(lab, "h2", action(name, mine(lab)))
    unknown = say(lab, "h2", action(name, nobodys(lab)))
    assert theirs["outcome"] == unknown["outcome"] == "FINAL"
    assert theirs["error"] == unknown["error"]
    assert theirs["error"]["code"] == "not_bound"
    assert look() == before


@METHODS
def test_another_major_is_refused_and_a_newer_minor_read(lab: Cloud, name: str) -> None:
    mine, _, _, look, before, after = CASES[name]
    owner = mine(lab)
    refused = say(lab, "h1", action(name, owner, version="2.0"))
    assert (refused["outcome"], refused["error"]["code"]) == ("FINAL", "incompatible_object")
    assert look() == before
    newer = owner.dump()["data"] | {"news": 1}
    assert say(lab, "h1", action(name, owner, version="1.9", data=newer))["outcome"] == "DONE"
    assert look() == after


@METHODS
def test_what_is_said_again_is_done_once_and_answered_the_same(lab: Cloud, name: str) -> None:
    mine, _, _, look, _, after = CASES[name]
    said, envelopes = action(name, mine(lab)), list[dict[str, Any]]()
    voice = lab.hosts["h1"].voice
    send, voice.send = voice.send, lambda message: not envelopes.append(message)  # type: ignore[func-returns-value]
    voice.say("object_action", said)
    voice.send = send
    conductor.receive(envelopes[0])
    answer = RemoteCall.objects.get().answer
    assert look() == after
    Step.objects.update(progress=1, progress_text="later")
    later = look()
    conductor.receive(envelopes[0])  # whoever could read the broker put it there again
    assert look() == later
    assert RemoteCall.objects.get().answer == answer


@METHODS
def test_an_envelope_of_one_host_counts_for_no_other(lab: Cloud, name: str) -> None:
    mine, _, _, look, before, _ = CASES[name]
    said, envelopes = action(name, mine(lab)), list[dict[str, Any]]()
    voice = lab.hosts["h2"].voice
    voice.send = lambda message: not envelopes.append(message)  # type: ignore[func-returns-value]
    voice.say("object_action", said)
    for forged in (
        {**envelopes[0], "host": "h1"},
        {**envelopes[0], "mac": "0" * 64},
        {**envelopes[0], "kind": "report"},
    ):
        conductor.receive(json.loads(json.dumps(forged)))
    assert (look(), RemoteCall.objects.count()) == (before, 0)


@pytest.mark.parametrize("name", ["", "instance", "operations.leaving.destroy", "os.system"])
def test_what_is_no_method_is_not_looked_for(lab: Cloud, name: str) -> None:
    said = ObjectAction(
        call=uuid.uuid4().hex, method=name, object=HostService(host="h1").dump(), domain="compute"
    )
    assert say(lab, "h1", said)["error"]["code"] == "unknown_method"
    assert hosts() == ["h1", "h2"]


def test_a_task_that_ended_or_was_ordered_anew_is_nobodys(lab: Cloud) -> None:
    task = task_of_h1(lab)
    Step.objects.update(attempt=2)
    assert say(lab, "h1", action(SAVE_TASK.name, task))["error"]["code"] == "not_bound"
    Step.objects.update(attempt=1, state="DONE")
    assert say(lab, "h1", action(SAVE_TASK.name, task))["error"]["code"] == "not_bound"
    assert progress_of_h1() == (0, "")


def test_progress_is_seen_while_the_work_goes_on(lab: Cloud) -> None:
    seen: list[Any] = []
    host = lab.hosts["h1"]
    agent = host.agents["compute"]
    assert isinstance(agent, KiteAgent)

    def during(work: Work) -> None:
        for percent in (10, 60, 60):
            work.progress(percent, "up it goes")
            host.reporter.tell_progress()
            sent = [one for one in lab.broker.queues["inbox"] if one[1]["kind"] == "object_action"]
            lab.broker.queues["inbox"].clear()
            for _, envelope in sent:
                conductor.receive(envelope)
            seen.append((len(sent), *progress_of_h1()))

    agent.during = during
    with transaction.atomic():
        operation = FlyKite.start(RequestContext.system(project_id="p"), resource_id="a")
    lab.settle()
    assert seen == [(1, 10, "up it goes"), (1, 60, "up it goes"), (0, 60, "up it goes")]
    assert Operation.objects.get(id=operation.id).state == "DONE"


def test_a_control_plane_that_does_not_know_the_method_is_not_told(lab: Cloud) -> None:
    task, line = task_of_h1(lab), lab.hosts["h1"].line
    progress = TaskProgress(percent=1)
    assert line.tell(SAVE_TASK, task, progress)
    line.hears(None)  # as one of the release before answers
    assert not line.tell(SAVE_TASK, task, progress)
    with pytest.raises(ConductorTooOld):
        line.ask(DESTROY_HOST, HostService(host="h1"), timeout=1)
    notice = Notice(now=0, hears=None)
    assert "hears" not in notice.dump(version="1.2")["data"]


def test_who_asks_gets_the_answer_on_its_own_queue(
    lab: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = lab.hosts["h1"]
    send = host.voice.send

    def at_once(message: dict[str, Any]) -> bool:
        send(message)
        lab.pump()
        return True

    host.voice.send = at_once
    Debt.objects.create(
        host="h1", scope="compute:a", epoch=1, method=FLY.name, payload=Kite(id="a").dump(),
        operation_id=uuid.uuid4(),
    )  # fmt: skip
    with pytest.raises(Refused, match="cannot leave: it still has 1 undos to pay"):
        host.line.ask(DESTROY_HOST, HostService(host="h1"), timeout=1)
    Debt.objects.all().delete()
    assert host.line.ask(DESTROY_HOST, HostService(host="h1"), timeout=1) is None
    assert (hosts(), Service.objects.filter(host="h1").count()) == (["h2"], 0)
    host.report()
    lab.pump()
    assert not Service.objects.filter(host="h1").exists()  # nothing it says is believed any more
    monkeypatch.setattr("cloudweb.line.AGAIN", 0.001)
    with pytest.raises(ConductorAway):
        host.line.ask(DESTROY_HOST, HostService(host="h1"), timeout=0.002)
