"""When a host is provably dead, who may say so, and how long that counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from audit.models import Record
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.encryption import decrypt
from cloudweb.exceptions import Conflict, InvalidInput
from compute.exceptions import HostHasNoFence, HostIsUp, HostNotFound
from compute.fencing.fake import FakeFence
from compute.manager import HostFailureManager, HostFenceManager, HostManager
from compute.models import Host, HostFailure, HostFence
from operations.models import Operation, Service
from operations.testing import Cloud, cloud
from tests.builders.compute import make_context, make_host

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setattr("compute.operations.power_host.FENCE_PATIENCE", 0)
    machines = FakeFence.machines
    with cloud(tmp_path) as found:
        make_host("h1")
        yield found
    for kept in (machines.powers, machines.broken, machines.stuck):
        kept.clear()
    machines.cuts.clear()


@cache
def admin() -> RequestContext:
    return make_context(roles=frozenset({"admin"}))


def fences() -> HostFenceManager:
    return HostFenceManager(admin())


def proof() -> str | None:
    found = HostFailureManager(admin()).proof("h1")
    return None if found is None else str(found.kind)


def heard(**ago: float) -> None:
    """Let the host have been heard last so long ago."""
    Service.objects.filter(topic="compute.h1").update(last_seen_at=now() - timedelta(**ago))


def test_a_host_that_is_off_by_its_power_control_is_dead(made: Cloud) -> None:
    fences().configure("h1", kind="fake")
    with pytest.raises(HostIsUp, match="Compute service of h1 is still in use"):
        fences().power("h1", "off")
    heard(minutes=5)
    assert proof() is None  # silence proves nothing
    fences().power("h1", "off", reason="smoke")
    made.settle()
    assert proof() == "fenced"
    row = HostFailure.objects.get()
    assert (row.reason, row.user_id, row.returned_at) == ("smoke", admin().user_id, None)
    assert HostFence.objects.get().power == "off"
    fences().power("h1", "on")
    made.settle()
    assert proof() is None  # it has power: it may be anything


@pytest.mark.parametrize("trouble", ["broken", "stuck"])
def test_what_a_power_control_does_not_say_is_no_proof(made: Cloud, trouble: str) -> None:
    fences().configure("h1", kind="fake")
    heard(minutes=5)
    getattr(FakeFence.machines, trouble).add("h1")
    fences().power("h1", "off")
    with pytest.raises(Conflict):  # one at a time
        fences().power("h1", "off")
    made.settle()
    assert proof() is None
    assert HostFence.objects.get().error
    assert Operation.objects.get().state == "UNDONE"


def test_an_operator_confirms_with_a_reason_and_is_on_record(made: Cloud) -> None:
    deaths = HostFailureManager(admin())
    with pytest.raises(HostIsUp):
        deaths.confirm_off("h1", reason="I looked.")
    heard(minutes=5)
    with pytest.raises(InvalidInput):
        deaths.confirm_off("h1", reason=" ")
    with pytest.raises(HostNotFound):
        deaths.confirm_off("h9", reason="I looked.")
    deaths.confirm_off("h1", reason="I pulled the plug.")
    assert proof() == "confirmed"
    done = Record.objects.filter(action="compute:failures:confirm", outcome="success").get()
    assert (done.target_id, done.user_id) == ("h1", admin().user_id)


def test_a_host_that_speaks_is_not_dead_whoever_says_so(made: Cloud) -> None:
    hosts = HostManager(admin())
    hosts.force_down("h1", forced=True)
    heard(seconds=-1)  # it reports all the same
    assert proof() is None
    heard(minutes=5)
    assert proof() == "confirmed"  # Nova's forced_down: "it was fenced"
    hosts.force_down("h1", forced=False)
    assert proof() is None
    hosts.force_down("h1", forced=True)
    heard(seconds=-1)
    HostFailureManager(RequestContext.system()).note_failures()
    assert not HostFailure.objects.filter(returned_at=None).exists()


def test_a_host_that_fences_itself_is_dead_when_it_must_have_done_so(made: Cloud) -> None:
    heard(minutes=10)
    assert proof() is None  # it never said that it would
    Host.objects.update(self_fence=120)
    heard(seconds=140)
    assert proof() is None  # some seconds more, for the stopping itself
    heard(seconds=160)
    HostFailureManager(RequestContext.system()).note_failures()
    assert proof() == "lease"
    heard(seconds=0)
    assert proof() is None


def test_a_lease_does_not_run_out_while_nobody_reads_reports(made: Cloud) -> None:
    Host.objects.update(self_fence=120)
    heard(minutes=10)
    Service.objects.filter(topic__startswith="conductor").delete()
    Service.objects.create(
        topic="conductor@x", domain="conductor", host="x", number=99,
        silent_before=now() - timedelta(minutes=10),
    )  # fmt: skip
    assert proof() is None


def test_a_fence_keeps_its_password_to_itself(made: Cloud) -> None:
    said: dict[str, Any] = {"address": "10.0.0.9", "user": "root"}
    fences().configure("h1", kind="ipmi", password="s3cret", **said)
    row = HostFence.objects.get()
    assert "s3cret" not in row.password
    assert decrypt(row.password) == "s3cret"
    fences().configure("h1", kind="redfish", **said)
    assert decrypt(HostFence.objects.get().password) == "s3cret"
    for wrong in ({"kind": "magic"}, {"kind": "ipmi"}):
        with pytest.raises(InvalidInput):
            fences().configure("h1", **wrong)
    fences().forget("h1")
    with pytest.raises(HostHasNoFence):
        fences().power("h1", "")
