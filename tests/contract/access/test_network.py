"""Every route of network by everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cloudweb.context import RequestContext
from identity.models import User
from network.drivers.base import CAPABILITIES
from network.manager import (
    AddressGroupManager,
    AddressScopeManager,
    AutoAllocatedTopologyManager,
    DefaultRuleManager,
    FloatingIpManager,
    NetworkManager,
    PortForwardingManager,
    PortManager,
    QosPolicyManager,
    RouterManager,
    SecurityGroupManager,
    SecurityGroupRuleManager,
    SegmentRangeManager,
    SubnetManager,
    SubnetPoolManager,
    TrunkManager,
)
from network.manager.port_forwarding import Ports
from network.models import Network
from tests.builders.access import (
    EVERY_TOKEN,
    OPERATORS,
    PROJECT_MEMBERS,
    PROJECT_READERS,
    READERS_OF_ALL,
    Line,
    World,
    access_test,
    shared_world,
)
from tests.builders.identity import ApiClient
from tests.builders.networks import (
    make_agent,
    make_group,
    make_network,
    make_pool,
    make_port,
    make_range,
    make_subnet,
    share,
)
from tests.builders.qos import make_qos_policy
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = pytest.mark.both_databases

V2 = "/network/v2.0"
NOUNS = {
    "networks": NetworkManager,
    "subnets": SubnetManager,
    "ports": PortManager,
    "policies": QosPolicyManager,
    "routers": RouterManager,
    "floatingips": FloatingIpManager,
    "subnetpools": SubnetPoolManager,
    "address-scopes": AddressScopeManager,
    "address-groups": AddressGroupManager,
    "security-groups": SecurityGroupManager,
    "security-group-rules": SecurityGroupRuleManager,
    "trunks": TrunkManager,
}
#: Everybody sees networks that lead outside: they are no part of what a project has.
LISTS = [f"{V2}/{noun}" for noun in NOUNS if noun not in ("networks", "policies")]
LISTS.append(f"{V2}/qos/policies")
LISTS.append(f"{V2}/network-ip-availabilities")
LISTS.append(f"{V2}/rbac-policies")
LISTS.append(f"{V2}/networks?router:external=False")
NAMED = {"name": "x"}
SUBNET = {"network_id": "{networks}", "cidr": "10.9.0.0/24", "ip_version": 4}
ROUTE = {"destination": "10.66.0.0/16", "nexthop": "10.8.0.9"}
FORWARDINGS = "/floatingips/{shared}/port_forwardings"
FORWARDING = {
    "protocol": "udp",
    "internal_port_id": "{inner_port}",
    "internal_port": 53,
    "external_port": 53,
}
TRUNK = "/trunks/{trunks}"
ADDRESSES = "/address-groups/{address-groups}"
TOPOLOGY = f"{V2}/auto-allocated-topology/{{project_id}}"
POOL = "/subnetpools/{subnetpools}"
SHARING = {
    "object_type": "network",
    "object_id": "{networks}",
    "action": "access_as_shared",
    "target_tenant": "b" * 32,
}
RANGES = "/network_segment_ranges/{range}"
RANGE = {"network_type": "vxlan", "minimum": 20, "maximum": 29}
LIMIT = {"max_kbps": 1000, "direction": "ingress"}
MARK = {"dscp_marking_rule": {"dscp_mark": 10}}
RULE = {"security_group_id": "{security-groups}", "direction": "ingress"}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of one of each, with the tag ``red``, and of what can be removed."""
    context = RequestContext.system(project_id=owner.default_project_id)
    network = make_network(context)
    lone = make_network(context, name="lone")
    group = make_group(context)
    policy = make_qos_policy(context, egress=1000)
    marking = make_qos_policy(context, dscp=26)
    rule = group.rules.first()
    assert rule is not None
    ids = {
        "networks": str(network.id),
        "subnets": str(make_subnet(network, context).id),
        "ports": str(make_port(network, context).id),
        "policies": str(policy.id),
        "limit": str(policy.rules.get().id),
        "marking": str(marking.id),
        "mark": str(marking.rules.get().id),
        "routers": str(make_router(context).id),
        "subnetpools": str(make_pool(context, prefixes=["10.0.0.0/16", "10.2.0.0/16"]).id),
        "address-scopes": str(AddressScopeManager(context).create(ip_version=4).id),
        "address-groups": str(AddressGroupManager(context).create(addresses=["10.1.1.1"]).id),
        "security-groups": str(group.id),
        "security-group-rules": str(rule.id),
    }
    ids |= build_trunk(network, context)
    ids |= build_outside(context)
    make_pool(context, is_default=True)
    NetworkManager(context).update(ids["external"], is_default=True)
    AutoAllocatedTopologyManager(context).get(owner.default_project_id or "")
    ids["default_rule"] = str(DefaultRuleManager(context).list().rows[0].id)
    ids["policy"] = str(share(lone, context).id)
    for noun, manager in NOUNS.items():
        manager(context).add_tags(ids[noun], ["red"])
    ids["range"] = str(make_range(minimum=1, maximum=9).id)
    SegmentRangeManager(context).add_tags(ids["range"], ["red"])
    ids["agent"] = str(make_agent("h1", capabilities=CAPABILITIES).id)
    return ids | {"lone": str(lone.id), "spare": str(make_subnet(lone, context).id)}


def build_trunk(network: Network, context: RequestContext) -> dict[str, str]:
    """Return the ids of a trunk with a subport, and of ports that are in none."""
    parent, subport, free, lone = (make_port(network, context) for _ in range(4))
    said = [{"port_id": subport.id, "segmentation_id": 7}]
    trunk = TrunkManager(context).create(port_id=parent.id, sub_ports=said)
    return {
        "trunks": str(trunk.id),
        "subport": str(subport.id),
        "free_port": str(free.id),
        "lone_port": str(lone.id),
    }


def build_outside(context: RequestContext) -> dict[str, str]:
    """Return the ids of what leads outside: a router in use, two floating IPs, one that forwards a port."""
    external = make_external(context)
    inner = make_network(context, name="inner")
    subnet = make_subnet(inner, context, cidr="10.8.0.0/24")
    free = make_subnet(make_network(context, name="free"), context, cidr="10.7.0.0/24")
    port = make_port(inner, context)
    leg = make_subnet(make_network(context, name="leg"), context, cidr="10.6.0.0/24")
    router = make_router(context, subnets=[subnet, leg], external=external)
    shared = make_floating_ip(context, external)
    forwarding = PortForwardingManager(context).create(
        shared.id,
        protocol="tcp",
        internal_port_id=port.id,
        internal=Ports(80, 80),
        external=Ports(80, 80),
    )
    return {
        "external": str(external.id),
        "floatingips": str(make_floating_ip(context, external).id),
        "used_router": str(router.id),
        "leg": str(leg.id),
        "free": str(free.id),
        "inner_port": str(port.id),
        "shared": str(shared.id),
        "forwarding": str(forwarding.id),
    }


def read(path: str, *, status: int = 200) -> Line:
    """Return the line of one thing of the project: for others it does not exist."""
    return Line("GET", V2 + path, PROJECT_READERS, status=status, others={"other": 404})


def write(method: str, path: str, body: Any = None, *, status: int = 200) -> Line:
    """Return the line of a change of it."""
    return Line(method, V2 + path, PROJECT_MEMBERS, status=status, others={"other": 404}, body=body)


def managed(method: str, path: str, body: Any = None, *, status: int = 200) -> Line:
    """Return the line of a change that managers of the project make."""
    passes = OPERATORS | {"manager"}
    return Line(method, V2 + path, passes, status=status, body=body)


def listed(path: str) -> Line:
    """Return the line of a list: each sees his own."""
    return Line("GET", V2 + path, PROJECT_READERS | {"other"})


def made(path: str, body: Any, *, others: Mapping[str, int] | None = None) -> Line:
    """Return the line of what is made in the token's project: who has none is refused."""
    passes = PROJECT_MEMBERS - {"system_admin"}
    if others is None:
        passes |= {"other"}
    return Line("POST", V2 + path, passes, status=201, others=others or {}, body=body)


def operators(method: str, path: str, body: Any = None, *, passed: int = 200) -> Line:
    """Return the line of what operators alone see and do."""
    return Line(method, V2 + path, OPERATORS, status=passed, body=body)


def tagged(noun: str) -> list[Line]:
    """Return the lines of one noun's tags."""
    tags = f"/{noun}/{{{noun}}}/tags"
    return [
        read(tags),
        write("PUT", tags, {"tags": ["a"]}),
        write("POST", tags, {"tags": ["a"]}),
        write("DELETE", tags, status=204),
        read(f"{tags}/red", status=204),
        write("PUT", f"{tags}/blue", status=201),
        write("DELETE", f"{tags}/red", status=204),
    ]


#: Whoever has a token of a project, whatever his role there.
IN_A_PROJECT = PROJECT_READERS - {"system_admin"} | {"other", "service"}
LIMITS, MARKS = (
    "/qos/policies/{policies}/bandwidth_limit_rules",
    "/qos/policies/{marking}/dscp_marking_rules",
)
LIMIT_ALIAS, MARK_ALIAS = (
    "/qos/alias_bandwidth_limit_rules/{limit}",
    "/qos/alias_dscp_marking_rules/{mark}",
)
AGENT = V2 + "/agents/{agent}"
QUOTAS = V2 + "/quotas/{project_id}"
LINES = [
    Line("GET", V2, EVERY_TOKEN),
    listed("/networks"),
    made("/networks", {"network": NAMED}),
    read("/networks/{networks}"),
    write("PUT", "/networks/{networks}", {"network": NAMED}),
    write("DELETE", "/networks/{lone}", status=204),
    listed("/subnets"),
    write("POST", "/subnets", {"subnet": SUBNET}, status=201),
    read("/subnets/{subnets}"),
    write("PUT", "/subnets/{subnets}", {"subnet": NAMED}),
    write("DELETE", "/subnets/{spare}", status=204),
    listed("/ports"),
    made("/ports", {"port": {"network_id": "{networks}"}}, others={"other": 404}),
    read("/ports/{ports}"),
    write("PUT", "/ports/{ports}", {"port": NAMED}),
    write("DELETE", "/ports/{ports}", status=204),
    listed("/routers"),
    made("/routers", {"router": NAMED}),
    read("/routers/{routers}"),
    write("PUT", "/routers/{routers}", {"router": NAMED}),
    write("DELETE", "/routers/{routers}", status=204),
    write("PUT", "/routers/{used_router}/add_router_interface", {"subnet_id": "{free}"}),
    write("PUT", "/routers/{used_router}/remove_router_interface", {"subnet_id": "{leg}"}),
    write("PUT", "/routers/{used_router}/add_extraroutes", {"router": {"routes": [ROUTE]}}),
    write("PUT", "/routers/{used_router}/remove_extraroutes", {"router": {"routes": [ROUTE]}}),
    listed("/floatingips"),
    made("/floatingips", {"floatingip": {"floating_network_id": "{external}"}}),
    read("/floatingips/{floatingips}"),
    write("PUT", "/floatingips/{floatingips}", {"floatingip": {"description": "x"}}),
    write("DELETE", "/floatingips/{floatingips}", status=204),
    read(FORWARDINGS),
    write("POST", FORWARDINGS, {"port_forwarding": FORWARDING}, status=201),
    read(f"{FORWARDINGS}/{{forwarding}}"),
    write("PUT", f"{FORWARDINGS}/{{forwarding}}", {"port_forwarding": {"description": "x"}}),
    write("DELETE", f"{FORWARDINGS}/{{forwarding}}", status=204),
    listed("/security-groups"),
    made("/security-groups", {"security_group": NAMED}),
    read("/security-groups/{security-groups}"),
    write("PUT", "/security-groups/{security-groups}", {"security_group": NAMED}),
    write("DELETE", "/security-groups/{security-groups}", status=204),
    listed("/security-group-rules"),
    made("/security-group-rules", {"security_group_rule": RULE}, others={"other": 404}),
    read("/security-group-rules/{security-group-rules}"),
    write("DELETE", "/security-group-rules/{security-group-rules}", status=204),
    listed("/address-groups"),
    made("/address-groups", {"address_group": NAMED}),
    read(ADDRESSES),
    write("PUT", ADDRESSES, {"address_group": NAMED}),
    write("PUT", f"{ADDRESSES}/add_addresses", {"addresses": ["10.1.1.2"]}),
    write("PUT", f"{ADDRESSES}/remove_addresses", {"addresses": ["10.1.1.1"]}),
    write("DELETE", ADDRESSES, status=204),
    listed("/trunks"),
    made("/trunks", {"trunk": {"port_id": "{lone_port}"}}, others={"other": 404}),
    read(TRUNK),
    write("PUT", TRUNK, {"trunk": NAMED}),
    read(f"{TRUNK}/get_subports"),
    write(
        "PUT",
        f"{TRUNK}/add_subports",
        {"sub_ports": [{"port_id": "{free_port}", "segmentation_id": 8}]},
    ),
    write("PUT", f"{TRUNK}/remove_subports", {"sub_ports": [{"port_id": "{subport}"}]}),
    write("DELETE", TRUNK, status=204),
    listed("/address-scopes"),
    made("/address-scopes", {"address_scope": {"ip_version": 4}}),
    read("/address-scopes/{address-scopes}"),
    write("PUT", "/address-scopes/{address-scopes}", {"address_scope": NAMED}),
    write("DELETE", "/address-scopes/{address-scopes}", status=204),
    listed("/subnetpools"),
    made("/subnetpools", {"subnetpool": {"prefixes": ["10.2.0.0/16"]}}),
    read(POOL),
    write("PUT", POOL, {"subnetpool": NAMED}),
    write("PUT", f"{POOL}/add_prefixes", {"prefixes": ["10.3.0.0/16"]}),
    write("PUT", f"{POOL}/remove_prefixes", {"prefixes": ["10.2.0.0/16"]}),
    write("PUT", f"{POOL}/onboard_network_subnets", {"network_id": "{lone}"}),
    write("DELETE", POOL, status=204),
    Line("GET", f"{V2}/default-security-group-rules", EVERY_TOKEN),
    Line("GET", f"{V2}/default-security-group-rules/{{default_rule}}", EVERY_TOKEN),
    Line(
        "POST",
        f"{V2}/default-security-group-rules",
        OPERATORS,
        status=201,
        body={"default_security_group_rule": {"direction": "ingress"}},
    ),
    Line("DELETE", f"{V2}/default-security-group-rules/{{default_rule}}", OPERATORS, status=204),
    Line("GET", TOPOLOGY, PROJECT_MEMBERS),
    Line("DELETE", TOPOLOGY, PROJECT_MEMBERS, status=204),
    listed("/network-ip-availabilities"),
    read("/network-ip-availabilities/{networks}"),
    listed("/rbac-policies"),
    write("POST", "/rbac-policies", {"rbac_policy": SHARING}, status=201),
    read("/rbac-policies/{policy}"),
    write("PUT", "/rbac-policies/{policy}", {"rbac_policy": {"target_tenant": "c" * 32}}),
    write("DELETE", "/rbac-policies/{policy}", status=204),
    listed("/qos/policies"),
    Line(
        "POST",
        V2 + "/qos/policies",
        {"admin", "manager"},
        status=201,
        body={"policy": NAMED},
    ),
    read("/qos/policies/{policies}"),
    managed("PUT", "/qos/policies/{policies}", {"policy": NAMED}),
    managed("DELETE", "/qos/policies/{policies}", status=204),
    read(LIMITS),
    managed("POST", LIMITS, {"bandwidth_limit_rule": LIMIT}, status=201),
    managed("POST", "/qos/policies/{policies}/dscp_marking_rules", MARK, status=201),
    read(MARKS),
    *(
        line
        for one, body in (
            (f"{LIMITS}/{{limit}}", {"bandwidth_limit_rule": {"max_kbps": 7}}),
            (LIMIT_ALIAS, {"bandwidth_limit_rule": {"max_kbps": 7}}),
            (f"{MARKS}/{{mark}}", MARK),
            (MARK_ALIAS, MARK),
        )
        for line in (read(one), managed("PUT", one, body), managed("DELETE", one, status=204))
    ),
    Line("GET", V2 + "/qos/rule-types", EVERY_TOKEN),
    Line(
        "POST",
        V2 + "/path-traces",
        PROJECT_READERS,
        others={"other": 404},
        body={"path_trace": {"destination_port_id": "{inner_port}", "protocol": "icmp"}},
        no_record="it changes nothing",
    ),
    Line("GET", V2 + "/qos/rule-types/dscp_marking", OPERATORS),
    *(line for noun in NOUNS for line in tagged(noun)),
    Line("GET", V2 + "/quotas", OPERATORS),
    Line("GET", V2 + "/quotas/tenant", IN_A_PROJECT),
    Line("GET", V2 + "/quotas/project", IN_A_PROJECT),
    Line("GET", QUOTAS, PROJECT_READERS),
    Line("GET", f"{QUOTAS}/default", PROJECT_READERS),
    Line("GET", f"{QUOTAS}/details.json", PROJECT_READERS),
    Line("PUT", QUOTAS, OPERATORS, body={"quota": {"port": 700}}),
    Line("DELETE", QUOTAS, OPERATORS, status=204),
    operators("GET", "/segments"),
    operators("GET", "/segments/{networks}"),
    operators("PUT", "/segments/{networks}", {"segment": NAMED}),
    operators("GET", "/network_segment_ranges"),
    operators("POST", "/network_segment_ranges", {"network_segment_range": RANGE}, passed=201),
    operators("GET", RANGES),
    operators("PUT", RANGES, {"network_segment_range": NAMED}),
    operators("DELETE", RANGES, passed=204),
    Line("GET", V2 + "/agents", EVERY_TOKEN),
    Line("GET", AGENT, READERS_OF_ALL, others=dict.fromkeys(EVERY_TOKEN - READERS_OF_ALL, 404)),
    Line("PUT", AGENT, OPERATORS, body={"agent": {"description": "x"}}),
    *(
        Line("GET", V2 + path, READERS_OF_ALL)
        for path in (
            "/agents/{agent}/l3-routers",
            "/agents/{agent}/dhcp-networks",
            "/routers/{routers}/l3-agents",
            "/networks/{networks}/dhcp-agents",
        )
    ),
    Line(
        "POST",
        f"{AGENT}/l3-routers",
        OPERATORS,
        status=201,
        body={"router_id": "{used_router}"},
    ),
    Line(
        "DELETE",
        f"{AGENT}/l3-routers/{{used_router}}",
        OPERATORS,
        status=409,
        unfinished="there is one host: test_scheduling",
    ),
    Line(
        "POST",
        f"{AGENT}/dhcp-networks",
        OPERATORS,
        status=409,
        body={"network_id": "{networks}"},
        unfinished="the host has no port of it: test_scheduling",
    ),
    Line("DELETE", f"{AGENT}/dhcp-networks/{{networks}}", OPERATORS, status=204),
    Line("GET", V2 + "/extensions", EVERY_TOKEN),
    Line("GET", V2 + "/extensions/security-group", EVERY_TOKEN),
    Line("GET", V2 + "/availability_zones", EVERY_TOKEN),
    Line("GET", V2 + "/service-providers", EVERY_TOKEN),
]


def check(answer: Any) -> None:
    """What is gone has nothing to say."""
    if answer.status_code == 204:
        assert answer.content == b""


world = shared_world(build)
test_access = access_test(LINES, check)


@pytest.mark.django_db
@pytest.mark.parametrize("path", LISTS)
def test_lists_hold_nothing_of_others(path: str, world: World) -> None:
    (rows,) = world.send(Line("GET", path, {"owner"}), "owner").json().values()
    assert {row["project_id"] for row in rows} == {world.ids["project_id"]}
    (rows,) = world.send(Line("GET", path, {"other"}), "other").json().values()
    assert world.ids["project_id"] not in {row["project_id"] for row in rows}


@pytest.mark.django_db
@pytest.mark.parametrize("noun", NOUNS)
def test_a_tag_that_is_not_there(noun: str, world: World) -> None:
    for method, readers in (("GET", 404), ("DELETE", 403)):
        line = Line(method, f"{V2}/{noun}/{{{noun}}}/tags/none", {"owner"})
        expected = {"anonymous": 401, "other": 404, "reader": readers, "member": 404, "admin": 404}
        found = {caller: world.send(line, caller).status_code for caller in expected}
        assert found == expected


def test_versions_are_for_everybody() -> None:
    for path in ("/network", "/network/"):
        response = ApiClient().get(path)
        assert response.status_code == 200
        (version,) = response.json()["versions"]
        assert version["links"][0]["href"] == "http://testserver/network/v2.0/"
