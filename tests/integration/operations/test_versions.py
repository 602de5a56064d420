"""One control plane, a host of the release before and one of this: each is told what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.db import transaction

from cloudweb.agent import Agent, Function
from cloudweb.context import RequestContext
from cloudweb.objects import IncompatibleObject, VersionedObject, unless_used
from cloudweb.rpc import Method
from operations.asking import ask
from operations.models import Debt, Operation, Step
from operations.saga import Run, Saga, StepFailed
from operations.saga import Step as Declared
from operations.testing import Cloud, check_invariants, cloud, unpaid_debts
from operations.versions import HostTooOld

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Lamp(VersionedObject):
    """A payload that got a colour, which matters, and a maker, which does not."""

    VERSION: ClassVar[str] = "1.2"
    DOWNGRADES: ClassVar[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {
        2: lambda data: {key: value for key, value in data.items() if key != "maker"},
        1: unless_used("colour", "white"),
    }

    id: str
    colour: str = "white"
    maker: str = ""


class OldLamp(VersionedObject):
    """The same as the release before knew it."""

    VERSION: ClassVar[str] = "1.0"

    id: str


OldLamp.__name__ = "Lamp"
OLD = {
    name: Method(f"compute.test_{name}_lamp", OldLamp, urgent=name == "break")
    for name in ("light", "break")
}
LIGHT = Method("compute.test_light_lamp", Lamp)
BREAK = Method("compute.test_break_lamp", Lamp, urgent=True)
SPIN = Method("compute.test_spin_lamp", Lamp, query=True)  # unknown to the release before
VersionedObject.REGISTRY["Lamp"] = Lamp

told: list[tuple[str, str, str, dict[str, Any]]] = []  # host, method, version on the wire, payload
hosts: list[str] = []
faults: dict[str, list[Exception]] = {}


class LampAgent(Agent):
    def __init__(self, methods: Mapping[str, Method[Any]]) -> None:
        self._methods = methods

    def methods(self) -> Mapping[Method[Any], Function]:
        return {method: lambda lamp, work=None: None for method in self._methods.values()}


def choose(run: Run) -> dict[str, str]:
    left = [host for host in hosts if host not in run.excluded_hosts]
    if not left:
        raise StepFailed("No host is left.")
    return {"host": left[0]}


def order(method: Method[Lamp]) -> Callable[[Run], Any]:
    def give(run: Run) -> Any:
        lamp = Lamp(id=run.resource_id, maker="us", colour=run.args.get("colour", "white"))
        return method.order(
            host=run.results["choose"]["host"], resource_id=run.resource_id, payload=lamp
        )

    return give


def last(run: Run) -> None:
    if faults.get("last"):
        raise faults["last"].pop()


class LightLamp(Saga):
    kind = "test.light_lamp"
    resource_type = "lamp"
    steps = (
        Declared("choose", choose, undo=lambda run: None),
        Declared("light", order(LIGHT), undo=order(BREAK)),
        Declared("last", last),
    )


class PlacedLamp(LightLamp):
    kind = "test.placed_lamp"
    retry_from = "choose"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Cloud]:
    told.clear()
    faults.clear()
    hosts[:] = ["old"]

    def listen(queue: str, task: str, argument: Any) -> bool:
        if queue.startswith("compute.") and "payload" in argument:
            wire = argument["payload"]
            told.append((queue.partition(".")[2], task, wire["version"], wire["data"]))
        return False

    with cloud(tmp_path) as made:
        made.add_host("old", {"compute": LampAgent(OLD)})
        made.add_host("new", {"compute": LampAgent({"l": LIGHT, "b": BREAK, "s": SPIN})})
        made.broker.lose = listen
        yield made


def light(saga: type[Saga] = LightLamp, **args: Any) -> Operation:
    with transaction.atomic():
        return saga.start(RequestContext.system(project_id="p"), resource_id="a", args=args)


def again(operation: Operation) -> Operation:
    return Operation.objects.get(id=operation.id)


def test_each_host_is_told_in_the_version_it_speaks(lab: Cloud) -> None:
    first = light()
    lab.settle()
    hosts[:] = ["new"]
    second = light(colour="red")
    lab.settle()
    assert {again(first).state, again(second).state} == {"DONE"}
    assert told == [
        ("old", "compute.test_light_lamp", "1.0", {"id": "a"}),
        ("new", "compute.test_light_lamp", "1.2", {"id": "a", "colour": "red", "maker": "us"}),
    ]


def test_what_no_version_can_say_is_refused_before_anything_starts(lab: Cloud) -> None:
    refused = light(colour="red")
    lab.settle()
    found = again(refused)
    assert (found.state, found.error_code) == ("UNDONE", "host_too_old")
    assert found.error_public == "The host of this resource cannot do this for now."
    for word in ("old", "compute.test_light_lamp", "Lamp 1.0", "colour"):
        assert word in found.error_detail
    assert "old" not in found.error_public
    assert told == []  # neither the order nor an undo of what never was
    assert Step.objects.get(operation=refused, name="light").state == "PENDING"
    check_invariants()


def test_a_build_goes_to_a_host_that_can(lab: Cloud) -> None:
    hosts[:] = ["old", "new"]
    built = light(PlacedLamp, colour="red")
    lab.settle()
    assert (again(built).state, again(built).excluded_hosts) == ("DONE", ["old"])
    assert [host for host, *_ in told] == ["new"]


def test_a_debt_is_said_as_the_host_speaks_when_it_pays(lab: Cloud) -> None:
    hosts[:] = ["new"]
    faults["last"] = [StepFailed("No.")]
    broken = light()
    original = lab.broker.lose
    lab.broker.lose = lambda queue, task, argument: (
        original(queue, task, argument) or (task == BREAK.name and not lab.kill_host("new"))
    )
    lab.settle()
    assert (again(broken).state, unpaid_debts()) == ("UNDONE", 1)
    assert "object" not in str(
        Debt.objects.values().get()
    )  # what a disk is opened with may be in it
    told.clear()
    lab.broker.lose = original
    lab.add_host("new", {"compute": LampAgent(OLD)})  # it came back with the older release
    assert told == [("new", "compute.test_break_lamp", "1.0", {"id": "a"})]
    assert unpaid_debts() == 0


def test_a_debt_that_cannot_be_said_waits_for_the_upgrade_and_says_so(lab: Cloud) -> None:
    wire = Lamp(id="a", colour="red").dump()
    debt = Debt.objects.create(
        host="old", scope="compute:a", epoch=1, method=BREAK.name, payload=wire,
        operation_id="00000000-0000-0000-0000-000000000000",
    )  # fmt: skip
    other = Debt.objects.create(
        host="old", scope="compute:b", epoch=1, method=BREAK.name, payload=Lamp(id="b").dump(),
        operation_id="00000000-0000-0000-0000-000000000000",
    )  # fmt: skip
    lab.report()
    lab.pump()
    debt.refresh_from_db()
    other.refresh_from_db()
    assert (debt.paid_at, debt.attempts) == (None, 0)
    assert "Host old has to be upgraded first" in debt.error_detail
    assert other.paid_at is not None
    Debt.objects.update(handed_at=None)
    lab.add_host("old", {"compute": LampAgent({"l": LIGHT, "b": BREAK})})
    lab.pump()
    assert unpaid_debts() == 0


def test_a_question_an_older_host_does_not_know_is_not_asked(lab: Cloud) -> None:
    question = SPIN.order(host="old", resource_id="a", payload=Lamp(id="a"))
    with pytest.raises(HostTooOld) as refused:
        ask(question)
    assert (refused.value.status, told) == (503, [])
    assert "does not know compute.test_spin_lamp" in refused.value.detail


def test_a_minor_without_a_downgrade_is_refused() -> None:
    class Chair(VersionedObject):
        VERSION: ClassVar[str] = "1.1"

        id: str

    assert Chair(id="a").dump(version="1.7")["version"] == "1.1"
    for version in ("1.0", "2.0"):
        with pytest.raises(IncompatibleObject):
            Chair(id="a").dump(version=version)
