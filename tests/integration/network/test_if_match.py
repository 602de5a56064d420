"""Whoever says which revision it changes, changes that or nothing: of every noun."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.manager import AddressGroupManager, AddressScopeManager, PortForwardingManager
from network.manager.port_forwarding import Ports
from network.models import Network
from tests.builders.identity import ApiClient
from tests.builders.networks import (
    make_group,
    make_network,
    make_pool,
    make_port,
    make_subnet,
    make_trunk,
    share,
)
from tests.builders.qos import make_qos_policy
from tests.builders.routers import make_floating_ip, make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"


@pytest.fixture
def places(admin: ApiClient, context: RequestContext, external: Network) -> dict[str, str]:
    """The path of one of each noun, by its word in bodies."""
    network, group = make_network(context), make_group(context)
    subnet = make_subnet(network, context)
    port = make_port(network, context)
    make_router(context, subnets=[subnet], external=external)
    floating = make_floating_ip(context, external)
    forwarding = PortForwardingManager(context).create(
        floating.id,
        protocol="tcp",
        internal_port_id=port.id,
        internal=Ports(80, 80),
        external=Ports(80, 80),
    )
    rule = group.rules.first()
    assert rule is not None
    default = admin.send("GET", f"{V2}/default-security-group-rules").json()
    return {
        "network": f"networks/{make_network(context).id}",
        "subnet": f"subnets/{make_subnet(make_network(context), context).id}",
        "port": f"ports/{make_port(network, context).id}",
        "router": f"routers/{make_router(context).id}",
        "floatingip": f"floatingips/{make_floating_ip(context, external).id}",
        "port_forwarding": f"floatingips/{floating.id}/port_forwardings/{forwarding.id}",
        "security_group": f"security-groups/{group.id}",
        "security_group_rule": f"security-group-rules/{rule.id}",
        "default_security_group_rule": "default-security-group-rules/"
        + default["default_security_group_rules"][0]["id"],
        "subnetpool": f"subnetpools/{make_pool(context).id}",
        "address_scope": f"address-scopes/{AddressScopeManager(context).create(ip_version=4).id}",
        "address_group": f"address-groups/{AddressGroupManager(context).create().id}",
        "trunk": f"trunks/{make_trunk(context).id}",
        "rbac_policy": f"rbac-policies/{share(network, context).id}",
        "policy": f"qos/policies/{make_qos_policy(context).id}",
    }


def test_a_stale_revision_changes_nothing(admin: ApiClient, places: dict[str, str]) -> None:
    never_changed = {"security_group_rule", "default_security_group_rule"}
    stale = {"If_Match": "revision_number=77"}

    def sent(method: str, noun: str, **headers: str) -> int:
        body: Any = {noun: {}} if method == "PUT" else None
        status: int = admin.send(method, f"{V2}/{places[noun]}", body, **headers).status_code
        return status

    changed = {noun: sent("PUT", noun, **stale) for noun in places if noun not in never_changed}
    assert {*changed.values()} == {412}, changed
    removed = {noun: sent("DELETE", noun, **stale) for noun in places}
    assert {*removed.values()} == {412}, removed
    broken = {noun: sent("DELETE", noun, If_Match="*") for noun in places}
    assert {*broken.values()} == {400}, broken
    for noun in reversed(places):  # rules before their group
        if noun == "port_forwarding":  # which shows no revision
            continue
        found = admin.send("GET", f"{V2}/{places[noun]}").json()[noun]
        current = {"If_Match": f"revision_number={found['revision_number']}"}
        assert sent("DELETE", noun, **current) == 204, noun
