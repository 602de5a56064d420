"""What crosses the broker is believed once, from who may say it, by whom it is for (OPERATIONS 14, 19)."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError

from cloudweb import events
from cloudweb.agent import Agent, Function
from cloudweb.host import HostRuntime
from cloudweb.messages import Question
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from cloudweb.signing import MAX_AGE, MAX_SKEW
from operations import conductor, epoch, reporting
from operations.joining import add_host, withdraw_host
from operations.models import Debt, HostCredential, Operation, Service, Step
from operations.orders import signed_debt, signed_for
from operations.testing import Cloud, cloud

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Toy(VersionedObject):
    """What the test's agent is told."""

    VERSION: ClassVar[str] = "1.0"

    id: str


BREAK = Method("compute.test_trust_break", Toy, urgent=True)
NAME = Method("compute.test_trust_name", Toy, Toy, query=True)


class Toys(Agent):
    """An agent whose toys break, and whose reports tell a fact."""

    def __init__(self) -> None:
        self.toys = {"ball"}

    def methods(self) -> Mapping[Method[Any], Function]:
        return {BREAK: self.test_trust_break, NAME: self.test_trust_name}

    def test_trust_break(self, toy: Toy, work: Any) -> None:
        self.toys.discard(toy.id)

    def test_trust_name(self, toy: Toy) -> Toy:
        return toy

    def report(self, *, full: bool) -> Toy:
        return Toy(id="seen")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Cloud]:
    with cloud(tmp_path) as made:
        made.add_host("h1", {"compute": Toys()})
        made.add_host("h2", {"compute": Toys()})
        yield made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return of which hosts a part of a report was taken, and the news they are in, as it happens."""
    heard: list[tuple[str, str]] = []

    def note(news: Any) -> None:
        heard.append((type(news).__name__, news.host))

    for module in (events, conductor):  # one that is loaded again takes it from there
        monkeypatch.setattr(module, "emit", note)
    take = (Toy, lambda parts: heard.extend((one.part.id, one.host) for one in parts))
    monkeypatch.setitem(reporting._takers, "compute", take)
    return heard


def rows() -> list[Any]:
    tables = (Service, Operation, Step, Debt, HostCredential)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def says(host: HostRuntime, speak: Callable[[], object]) -> dict[str, Any]:
    """Return what a host sends, without delivering it."""
    sent: list[dict[str, Any]] = []
    host.voice.send, send = lambda message: bool(sent.append(message)) or True, host.voice.send
    speak()
    host.voice.send = send
    return sent[-1]


def test_an_order_signed_for_one_host_changes_nothing_on_another(lab: Cloud) -> None:
    debt = Debt.objects.create(
        host="h1",
        scope="compute:ball",
        epoch=7,
        method=BREAK.name,
        payload=Toy(id="ball").dump(),
        operation_id=uuid.uuid4(),
    )
    question = Question(call="c1", method=NAME.name, payload=Toy(id="ball").dump())
    other = lab.hosts["h2"]
    for message in (signed_debt(debt, debt.payload), signed_for("h1", question)):
        other.receive(message)
    assert other.agents["compute"].toys == {"ball"}
    assert (other.book.records(), list(lab.broker.queues["inbox"])) == ([], [])
    lab.hosts["h1"].receive(signed_debt(debt, debt.payload))
    assert lab.hosts["h1"].agents["compute"].toys == set()


def test_a_report_counts_once_also_after_a_restart_of_either_side(
    lab: Cloud, told: list[tuple[str, str]]
) -> None:
    host = lab.hosts["h1"]
    early, late = says(host, host.report), says(host, host.report)
    conductor.receive(late)
    assert told == [("seen", "h1")]
    told.clear()
    before = rows()
    restarted = importlib.reload(conductor)  # as a new process has it: with an empty memory
    for replayed in (early, late):
        restarted.receive(replayed)
    assert (told, rows()) == ([], before)
    lab.add_host("h1", {"compute": Toys()})  # another start of the host, with numbers of its own
    assert ("seen", "h1") in told
    told.clear()
    before = rows()
    for replayed in (early, late):
        restarted.receive(replayed)
    assert (told, rows()) == ([], before)


def test_a_host_is_believed_about_its_own_topics_only(
    lab: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """h1 cannot keep h2 up, nor a domain that hosts do not have, nor send a part for one it does not run."""
    took: list[str] = []
    take = (Toy, lambda parts: took.extend(one.host for one in parts))
    for domain in ("compute", "network"):
        monkeypatch.setitem(reporting._takers, domain, take)
    lab.kill_host("h2")
    host, down = lab.hosts["h1"], Service.objects.get(topic="compute.h2")
    report = host.report()
    (own,) = report.services
    forged = (
        own,
        *(own.model_copy(update={"domain": name}) for name in ("compute.h2", "storage", "")),
    )
    part = Toy(id="forged").dump()
    lie = report.model_copy(
        update={"services": forged, "parts": {"network": part, "compute": part}}
    )
    conductor.receive(says(host, lambda: host.voice.say("report", lie)))
    told = Service.objects.filter(host="h1").values_list("topic", flat=True)
    assert (list(told), took) == (["compute.h1"], ["h1"])
    old = {**lie.dump(), "data": {"services": [{"topic": "compute.h2", "domain": "compute"}]}}
    monkeypatch.setattr(
        type(lie), "dump", lambda self: old
    )  # as an agent before this contract spoke
    conductor.receive(says(host, lambda: host.voice.say("report", lie)))
    still = Service.objects.get(topic="compute.h2")
    assert (still.last_seen_at, still.is_up) == (down.last_seen_at, False)


@pytest.mark.parametrize("seconds", [MAX_AGE + 5, -MAX_SKEW - 5])
def test_what_was_sent_long_ago_or_after_now_is_not_believed(
    lab: Cloud, told: list[tuple[str, str]], seconds: float
) -> None:
    host = lab.hosts["h1"]
    message = says(host, host.report)
    before = rows()
    with time_machine.travel(message["sent_at"] + seconds, tick=False):
        conductor.receive(message)
    assert (told, rows()) == ([], before)


def test_a_withdrawn_key_is_refused_at_once_and_a_rotated_one_replaced(
    lab: Cloud, told: list[tuple[str, str]]
) -> None:
    host, other = lab.hosts["h1"], lab.hosts["h2"]
    add_host("h1", lab.directory / "h1", new_key=True)
    old = says(host, host.report)
    before = rows()
    conductor.receive(old)
    assert (told, rows()) == ([], before)
    lab.add_host("h1", {"compute": Toys()})  # it starts with what was written
    assert ("seen", "h1") in told
    told.clear()
    call_command("withdraw_host", "h2")
    before = rows()
    conductor.receive(says(other, other.report))
    assert (told, rows()) == ([], before)
    assert not withdraw_host("h2")
    with pytest.raises(CommandError):
        call_command("withdraw_host", "h2")


def test_a_host_cannot_use_up_the_epochs_of_the_cloud(
    lab: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = lab.hosts["h1"]
    before = epoch.current()
    for said in (2**63 - 1, 2**70):
        monkeypatch.setattr(host.book, "top_epoch", lambda said=said: said)
        conductor.receive(says(host, host.report))
    assert before < epoch.current() <= before + 2 * epoch.STEP
    for _ in range(2):
        epoch.raise_above(before + 3 * epoch.STEP)
    assert epoch.draw() > before + 3 * epoch.STEP  # a restored database catches up all the same
