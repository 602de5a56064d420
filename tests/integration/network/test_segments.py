"""Types of networks: what tells one wire from another, and what hosts are told of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from cloudweb.context import RequestContext
from cloudweb.objects import IncompatibleObject
from network.models import Network, Port
from network.resolution import needs_dhcp_address, port_wirings
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.routers import make_router

pytestmark = pytest.mark.both_databases


def refused(**row: Any) -> bool:
    try:
        with transaction.atomic():
            Network.objects.create(project_id="p", **row)
    except IntegrityError:
        return True
    return False


@pytest.mark.django_db
def test_the_database_holds_that_no_two_networks_are_one_wire() -> None:
    rows: dict[str, dict[str, Any]] = {
        "a VLAN": {"kind": "vlan", "physical_network": "dc", "segmentation_id": 7},
        "that VLAN again": {"kind": "vlan", "physical_network": "dc", "segmentation_id": 7},
        "that VLAN on another wire": {
            "kind": "vlan",
            "physical_network": "dc2",
            "segmentation_id": 7,
        },
        "a tunnel": {"kind": "vxlan", "segmentation_id": 7},
        "that tunnel again": {"kind": "vxlan", "segmentation_id": 7},
        "a flat network beside VLANs": {"kind": "flat", "physical_network": "dc"},
        "that wire again": {"kind": "flat", "physical_network": "dc"},
        "a tunnel without a number": {"kind": "vxlan"},
        "an isolated network with one": {"kind": "isolated", "segmentation_id": 3},
        "an isolated network": {"kind": "isolated"},
        "another": {"kind": "isolated"},
    }

    found = {what: refused(**row) for what, row in rows.items()}

    assert [what for what, was_refused in found.items() if was_refused] == [
        "that VLAN again",
        "that tunnel again",
        "that wire again",
        "a tunnel without a number",
        "an isolated network with one",
    ]


@pytest.mark.django_db
def test_on_a_wire_that_all_hosts_share_a_gateway_that_a_router_has_is_nobody_elses(
    context: RequestContext,
) -> None:
    """Guests on other hosts than the router's must reach it, so no host may answer in its place."""
    found: dict[str, list[bool]] = {}
    addresses: dict[str, bool] = {}
    for kind in ("isolated", "vlan", "vxlan"):
        network = make_network(context)
        number = {} if kind == "isolated" else {"segmentation_id": 5, "physical_network": kind}
        Network.objects.filter(id=network.id).update(kind=kind, **number)
        network.refresh_from_db()
        subnet = make_subnet(network, context)
        addresses[kind] = needs_dhcp_address(subnet, network)
        ports = [make_port(network, context) for _ in range(2)]
        for port, host in zip(ports, ("host-a", "host-b"), strict=True):
            Port.objects.filter(id=port.id).update(host=host)
        ids = [port.id for port in ports]
        before = [one.network.subnets[0].routed for one in port_wirings(ids)]
        router = make_router(context, subnets=[subnet])
        Port.objects.filter(router_port__router=router).update(host="host-a")
        after = [one.network.subnets[0].routed for one in port_wirings(ids)]
        found[kind] = before + after

    assert found == {
        "isolated": [False, False, True, False],
        "vlan": [True, True, True, True],
        "vxlan": [False, False, True, True],
    }
    assert addresses == {"isolated": False, "vlan": True, "vxlan": False}


@pytest.mark.django_db
def test_hosts_of_an_older_release_have_flat_networks_as_ever_and_are_told_of_no_others(
    context: RequestContext,
) -> None:
    found: dict[str, str] = {}
    rows: dict[str, dict[str, Any]] = {
        "isolated": {},
        "flat": {"physical_network": "public"},
        "vxlan": {"segmentation_id": 5},
    }
    for kind, row in rows.items():
        network = make_network(context, kind=kind, **row)
        make_subnet(network, context)
        (wiring,) = port_wirings([make_port(network, context).id])
        found[kind] = wiring.network.segment.network_type if wiring.network.segment else ""
        try:
            told = wiring.dump(version="1.3")
        except IncompatibleObject:
            found[kind] += " untold"
        else:
            assert "segment" not in told["data"]["network"]
    assert found == {"isolated": "", "flat": "flat", "vxlan": "vxlan untold"}
