"""Servers of the release before: what they asked for and have becomes rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from instances.models import BlockDevice, Instance, InstancePort
from network.models import Network, Port
from tests.builders.identity import make_member
from tests.builders.networks import make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
BEFORE = "0005_lists_by_state"


def migrate(name: str | None = None) -> Any:
    """Bring the app to a migration, the newest if None; return its models there."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes("instances")
    targets = leaves if name is None else [("instances", name)]
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.fixture
def before() -> Iterator[Any]:
    models = migrate(BEFORE)
    try:
        yield models.get_model("instances", "Instance")
    finally:
        migrate()


def asked(network: Network, **more: Any) -> dict[str, Any]:
    return {"network_id": str(network.id), "fixed_ip": None, **more}


def brought(port: Port) -> dict[str, Any]:
    return {"network_id": str(port.network_id), "port_id": str(port.id)}


def make(before: Any, name: str, **facts: Any) -> Any:
    flavor = {"flavor_id": "1", "flavor_name": "f", "vcpus": 1, "ram": 1, "disk": 7}
    return before.objects.create(name=name, hostname="h", **flavor | facts)


def test_ports_and_wishes_were_two_lists(before: Any) -> None:
    project = make_member("member").default_project_id
    first, second = make_network(name="net1"), make_network(name="net2")
    for network in (first, second):
        make_subnet(network)
    ports = [make_port(network, project_id=project) for network in (first, second, first, second)]
    a, b, c, d = ({"id": str(port.id), "ours": True} for port in ports)
    theirs, lost = c | {"ours": False}, {"id": str(uuid4()), "ours": True}
    wishes = [asked(first), asked(second)]
    old: dict[str, tuple[list[Any], list[Any], str]] = {
        "both": (
            [asked(first, fixed_ip="10.0.0.9", by_admin=True), brought(ports[2])],
            [a, theirs],
            "active",
        ),
        "one was deleted": (wishes, [b], "stopped"),
        "same as an older one's": (wishes[1:], [b], "error"),
        "not yet": ([*wishes, brought(ports[3])], [], "building"),
        "its port is gone": ([asked(first)], [lost], "active"),
        "of an unknown network": ([], [d], "active"),
        "nothing known": ([], [lost | {"id": str(uuid4())}], "active"),
        "none": ([], [], "active"),
        "deleted": (wishes, [], "deleted"),
    }
    for name, (networks, had, vm_state) in reversed(old.items()):
        make(before, name, project_id=project, networks=networks, ports=had, vm_state=vm_state)
    migrate()
    columns = ("port_id", "network_id", "requested_port_id", "fixed_ip", "by_admin")
    found = {
        server.name: [*server.ports.values_list(*columns)] for server in Instance.objects.all()
    }
    one, two, three, four = (port.id for port in ports)
    assert found == {
        "both": [(one, first.id, None, "10.0.0.9", True), (three, first.id, three, "", False)],
        "one was deleted": [(two, second.id, None, "", False)],
        "same as an older one's": [],
        "not yet": [
            (None, first.id, None, "", False),
            (None, second.id, None, "", False),
            (None, second.id, four, "", False),
        ],
        "its port is gone": [
            (
                InstancePort.objects.get(instance__name="its port is gone").port_id,
                first.id,
                None,
                "",
                False,
            )
        ],
        "of an unknown network": [(four, second.id, None, "", False)],
        "nothing known": [],
        "none": [],
        "deleted": [],
    }
    assert str(InstancePort.objects.get(instance__name="its port is gone").port_id) == lost["id"]


def test_an_image_was_the_disk(before: Any) -> None:
    image = uuid4()
    for vm_state in ("active", "deleted"):
        make(before, vm_state, image_id=str(image), vm_state=vm_state)
    make(before, "sized by its image", image_id=str(image), vm_state="stopped", disk=0)
    make(before, "none", vm_state="active")
    migrate()
    columns = (
        "instance__name",
        "source_type",
        "source_id",
        "destination_type",
        "boot_index",
        "size",
    )
    rows = BlockDevice.objects.order_by("instance__name").values_list(*columns)
    assert [*rows] == [
        ("active", "image", image, "local", 0, 7),
        ("sized by its image", "image", image, "local", 0, 0),
    ]
