"""Operators see who is of which release, and what waits for an upgrade."""

from __future__ import annotations

import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from cloudweb.database.clock import now
from cloudweb.rpc import Method
from cloudweb.version import RELEASE
from compute.rpc import DESTROY, REBOOT, SPAWN
from operations.models import Debt, Operation, Service, Step
from operations.standing import Standing, standings

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def service(host: str, **facts: Any) -> Service:
    values = {"version": RELEASE, "speaks": {}, "last_seen_at": now(), **facts}
    number = Service.objects.count() + 1
    domain = values.pop("domain", "compute")
    return Service.objects.create(
        topic=f"{domain}.{host}", domain=domain, host=host, number=number, **values
    )


def operation(**facts: Any) -> Operation:
    values = {"kind": "compute.nothing", "resource_type": "server", "resource_id": "s1", "state": "WAITING",
              "epoch": 1, "next_at": now(), "deadline_at": now(), **facts}  # fmt: skip
    return Operation.objects.create(**values)


def standing(topic: str) -> Standing:
    return next(one for one in standings() if one.topic == topic)


def test_a_host_that_speaks_less_is_behind() -> None:
    all_of_it = {
        name: method.payload.VERSION
        for name, method in Method.REGISTRY.items()
        if method.domain == "compute"
    }
    service("new", speaks=all_of_it)
    service("old", speaks={**all_of_it, REBOOT.name: "1.0"}, version="0.0.9")
    without = {name: said for name, said in all_of_it.items() if name != SPAWN.name}
    service("same", speaks=without)
    service("newer", version="99.0.0", speaks={})
    service("silent", version="")
    assert [(one.topic, one.age) for one in standings()] == [
        ("compute.new", "as this"),
        ("compute.newer", "ahead"),
        ("compute.old", "behind"),
        ("compute.same", "behind"),
        ("compute.silent", "unknown"),
    ]
    assert standing("compute.old").older == {REBOOT.name: ("1.0", REBOOT.payload.VERSION)}
    assert standing("compute.same").lacks == [SPAWN.name]


def test_what_waits_for_a_host_is_said() -> None:
    service("old", version="0.0.9")
    service("other", version="0.0.9")
    why = "Host old has to be upgraded first: compute.destroy takes GuestRef 1.0 there."
    Debt.objects.create(
        host="old", scope="compute:s1", epoch=1, method=DESTROY.name, payload={},
        operation_id=uuid.uuid4(), error_detail=why,
    )  # fmt: skip
    refused = operation(state="UNDONE", next_at=None)
    Step.objects.create(
        operation=refused, seq=0, name="spawn", error_code="host_too_old", error_detail=why
    )
    owes, was = standing("compute.old").waits
    assert owes == f"It owes compute.destroy of compute:s1: {why}"
    assert was == f"compute.nothing of server s1 was refused: {why}"
    assert standing("compute.other").waits == []


def test_plans_of_a_newer_release_wait_for_control_workers() -> None:
    service("c1", domain="conductor")
    strange = operation(kind="compute.of_tomorrow")
    planned = operation(kind="instances.reboot", resource_id="s2")
    Step.objects.create(operation=planned, seq=0, name="dance")
    assert standing("conductor.c1").waits == [
        f"Operation {strange.id}: compute.of_tomorrow is of a newer release.",
        f"Operation {planned.id}: step 'dance' of instances.reboot is of a newer release.",
    ]


def test_the_command_says_it_and_fails_while_somebody_is_behind() -> None:
    service("old", speaks={REBOOT.name: "1.0"}, version="0.0.9")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("versions", "--all", stdout=out)
    said = out.getvalue()
    for words in (f"This code is {RELEASE}.", "compute.old", "0.0.9", "up    behind",
                  f"speaks {REBOOT.name} 1.0, this code", "does not know compute.spawn"):  # fmt: skip
        assert words in said
    Service.objects.all().delete()
    call_command("versions", stdout=StringIO())
