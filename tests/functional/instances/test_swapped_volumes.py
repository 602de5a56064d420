"""One volume takes another's place in a running server, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from compute.drivers.base import NotMirrored
from compute.models import Host
from instances.models import BlockDevice, Instance
from operations.models import Operation
from tests.builders.identity import ApiClient, client_of, make_member
from tests.builders.instances import Lab, lab
from volume.manager import StuckAttachments
from volume.models import Attachment, Volume

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def operator(home: Lab) -> ApiClient:
    return client_of(make_member("admin"))


def attach(home: Lab, server: str, volume: str, **said: Any) -> int:
    body = {"volumeAttachment": {"volumeId": volume, **said}}
    path = f"/servers/{server}/os-volume_attachments"
    return int(home.send("POST", path, body, version="2.89").status_code)


def swap(home: Lab, operator: Any, server: str, old: str, new: str) -> int:
    path = f"/servers/{server}/os-volume_attachments/{old}"
    body = {"volumeAttachment": {"volumeId": new}}
    answer = home.send("PUT", path, body, version="2.85", client=operator)
    return int(answer.status_code)


def shown(home: Lab, server: str) -> list[tuple[str, str, bool]]:
    path = f"/servers/{server}/os-volume_attachments"
    found = home.send("GET", path, version="2.89").json()["volumeAttachments"]
    return [(one["volumeId"], one["device"], one["delete_on_termination"]) for one in found]


def beneath(home: Lab, server: str) -> dict[str, str]:
    guests = {one.id: driver for driver in home.guests.values() for one in driver.list()}
    return dict(guests[server].beneath(server))


def status(volume: str) -> str:
    return str(Volume.objects.get(id=volume).status)


def test_the_guest_keeps_its_disk_and_gets_what_is_under_it(home: Lab, operator: ApiClient) -> None:
    server, old, new = home.create(), home.make_volume(), home.make_volume(size=2)
    Volume.objects.filter(id=old).update(bootable=True, image_metadata={"kernel_id": "k"})
    attach(home, server, old, delete_on_termination=True)
    home.cloud.settle()
    assert swap(home, operator, server, old, new) == 202
    assert Instance.objects.get(id=server).task_state == "swapping_volume"
    assert (status(old), status(new)) == ("detaching", "reserved")
    assert swap(home, operator, server, old, new) == 409
    home.cloud.settle()
    assert Instance.objects.get(id=server).task_state is None
    assert (status(old), status(new)) == ("available", "in-use")
    assert shown(home, server) == [(new, "/dev/vdb", True)]
    assert beneath(home, server) == {old: new}
    assert [str(one.volume_id) for one in Attachment.objects.all()] == [new]
    taken = Volume.objects.get(id=new)
    assert (taken.bootable, taken.image_metadata) == (True, {"kernel_id": "k"})
    path = f"/servers/{server}/os-instance-actions"
    log = home.send("GET", path).json()["instanceActions"]
    assert "swap_volume" in [one["action"] for one in log]

    # its next starts have it, and it grows under the same name
    for action in ("os-stop", "os-start"):
        home.send("POST", f"/servers/{server}/action", {action: None})
        home.cloud.settle()
    assert beneath(home, server) == {old: new}

    # the old one's name is taken in this guest, until it takes its place again or that is detached
    assert attach(home, server, old) == 400
    home.send("DELETE", f"/servers/{server}/os-volume_attachments/{new}")
    home.cloud.settle()
    assert (status(new), beneath(home, server)) == ("available", {})
    assert attach(home, server, old) == 200
    home.cloud.settle()
    assert swap(home, operator, server, old, new) == 202
    home.cloud.settle()
    third = home.make_volume(size=2)
    Volume.objects.filter(id=old).update(size=2)  # it was extended meanwhile
    assert swap(home, operator, server, new, third) == 202
    home.cloud.settle()
    assert beneath(home, server) == {old: third}
    assert swap(home, operator, server, third, old) == 202
    home.cloud.settle()
    assert beneath(home, server) == {old: old}
    assert BlockDevice.objects.get(volume_id=old).serial is None
    home.send("DELETE", f"/servers/{server}")
    home.cloud.settle()
    assert {status(one) for one in (old, new, third)} == {"available"}


def test_what_cannot_be_swapped_is_said_and_changes_nothing(home: Lab, operator: ApiClient) -> None:
    server, other = home.create(), home.create()
    old, new, elsewhere = (home.make_volume(size=2) for _ in range(3))
    small, foreign = home.make_volume(size=1), home.make_volume(size=2)
    attach(home, server, old)
    attach(home, other, elsewhere)
    home.cloud.settle()
    Volume.objects.filter(id=foreign).update(project_id="another")
    unknown = "00000000-0000-4000-8000-000000000001"
    rows = Volume.objects.filter
    hosts = list(Host.objects.all())

    def with_change(undo: Any, *changes: Any) -> int:
        del changes
        try:
            return swap(home, operator, server, old, new)
        finally:
            undo()

    found = {
        "a tenant": swap(home, None, server, old, new),
        "unknown volume": swap(home, operator, server, old, unknown),
        "unknown server": swap(home, operator, unknown, old, new),
        "not attached": swap(home, operator, server, new, old),
        "another project's": swap(home, operator, server, old, foreign),
        "smaller": swap(home, operator, server, old, small),
        "in use": swap(home, operator, server, old, elsewhere),
        "read-only": with_change(
            lambda: rows(id=new).update(read_only=False), rows(id=new).update(read_only=True)
        ),
        "migrating": with_change(
            lambda: rows(id=old).update(migration_status=None),
            rows(id=old).update(migration_status="migrating"),
        ),
        "stopped": with_change(
            lambda: Instance.objects.filter(id=server).update(vm_state="active"),
            Instance.objects.filter(id=server).update(vm_state="stopped"),
        ),
        "a hypervisor that cannot": with_change(
            lambda: [Host.objects.filter(pk=one.pk).update(capabilities=one.capabilities) for one in hosts],
            Host.objects.update(capabilities=["hot_plug"]),
        ),
    }  # fmt: skip
    assert found == {
        "a tenant": 403,
        "unknown volume": 404,
        "unknown server": 404,
        "not attached": 404,
        "another project's": 404,
        "smaller": 400,
        "in use": 400,
        "read-only": 400,
        "migrating": 400,
        "stopped": 409,
        "a hypervisor that cannot": 400,
    }
    assert (status(old), status(new)) == ("in-use", "available")
    assert not Operation.objects.filter(kind="instances.swap_volume").exists()


def refuse(*args: object, **said: object) -> None:
    raise NotMirrored


def test_a_guest_that_cannot_go_over_keeps_what_it_has(home: Lab, operator: ApiClient) -> None:
    server, old, new = home.create(), home.make_volume(), home.make_volume()
    attach(home, server, old)
    home.cloud.settle()
    for driver in home.guests.values():
        driver.swap_disk = refuse  # type: ignore[method-assign]
    assert swap(home, operator, server, old, new) == 202
    home.cloud.settle()
    assert Instance.objects.get(id=server).task_state is None
    assert (status(old), status(new)) == ("in-use", "available")
    assert shown(home, server) == [(old, "/dev/vdb", False)]
    assert beneath(home, server) == {old: old}
    ended = Operation.objects.get(kind="instances.swap_volume")
    assert (ended.state, "has the volume that it had" in ended.error_public) == ("UNDONE", True)


@pytest.mark.parametrize("taken", ["old", "new"])
def test_what_an_operator_takes_away_meanwhile_is_no_obstacle(
    home: Lab, operator: ApiClient, taken: str
) -> None:
    server, old, new = home.create(), home.make_volume(), home.make_volume()
    attach(home, server, old)
    home.cloud.settle()
    assert swap(home, operator, server, old, new) == 202
    volume = {"old": old, "new": new}[taken]
    StuckAttachments(RequestContext.system()).force_detach(volume)
    home.cloud.settle()
    assert Instance.objects.get(id=server).task_state is None
    assert status(volume) == "available"
    rows = {str(one.volume_id): one.status for one in Attachment.objects.all()}
    assert {str(one) for one in BlockDevice.objects.values_list("volume_id", flat=True) if one} == {
        *rows
    }
    assert {*rows.values()} <= {"attached"}
