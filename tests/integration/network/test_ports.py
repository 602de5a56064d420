"""A port from its making to its end, and what its host is told meanwhile."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from cloudweb.exceptions import InvalidInput, PolicyNotAuthorized, QuotaExceeded
from identity import quotas
from network import states
from network.exceptions.networks import NetworkNotFound
from network.exceptions.ports import (
    InvalidIpForNetwork,
    IpAddressAlreadyAllocated,
    MacAddressInUse,
    PortInUse,
    PortNotFound,
    ServicePortInUse,
)
from network.exceptions.security_groups import (
    SecurityGroupAmbiguous,
    SecurityGroupInUse,
    SecurityGroupNotFound,
)
from network.manager import (
    NetworkManager,
    PortManager,
    SecurityGroupManager,
    SecurityGroupRuleManager,
    SubnetManager,
)
from network.models import FreeRange, Port, PortAddress, PortSecurityGroup, SecurityGroup
from network.rows import PortCard
from tests.builders.networks import make_context, make_group, make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SYSTEM = RequestContext.system()


def bound_port(network, context, host="h1", **overrides):
    port = make_port(network, context, **overrides)
    PortManager(SYSTEM).bind(
        port.id, host=host, device_id=uuid.uuid4().hex, device_owner="compute:nova"
    )
    PortManager(SYSTEM).wiring(port.id)
    PortManager(SYSTEM).set_status(port.id, states.ACTIVE)
    return PortManager(SYSTEM).get(port.id)


def test_a_port_gets_an_address_and_the_default_group() -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    port = make_port(network, context)
    assert port.addresses.get().ip_address == "10.0.0.2"
    assert port.security_groups.get().name == "default"
    assert port.mac_address.startswith("fa:16:3e:")


def test_nothing_is_left_of_a_deleted_port() -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    before = list(FreeRange.objects.values_list("first", "last"))
    PortManager(context).delete(make_port(network, context).id)
    assert not PortAddress.objects.exists()
    assert not PortSecurityGroup.objects.exists()
    assert list(FreeRange.objects.values_list("first", "last")) == before


def test_another_projects_things_do_not_exist() -> None:
    mine, other = make_context(), make_context()
    network = make_network(mine)
    make_subnet(network)
    port = make_port(network, mine)
    with pytest.raises(PortNotFound):
        PortManager(other).get(port.id)
    with pytest.raises(PortNotFound):
        PortManager(other).delete(port.id)
    with pytest.raises(NetworkNotFound):
        make_port(network, other)
    own = make_network(other)
    group = make_group(mine)
    with pytest.raises(SecurityGroupNotFound):
        make_port(own, other, security_group_ids=[group.id])


def test_a_shared_network_serves_others_but_is_not_theirs() -> None:
    admin, tenant = make_context("admin"), make_context()
    network = make_network(admin, shared=True)
    make_subnet(network)
    port = make_port(network, tenant)
    assert port.project_id == tenant.project_id
    with pytest.raises(PolicyNotAuthorized):
        NetworkManager(tenant).update(network.id, name="mine")
    with pytest.raises(PolicyNotAuthorized):
        make_port(network, tenant, fixed_ips=[{"ip_address": "10.0.0.9"}])
    with pytest.raises(PolicyNotAuthorized):
        SubnetManager(tenant).create(network_id=network.id, cidr="10.9.0.0/24")


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"ip_address": "10.0.0.1"}, IpAddressAlreadyAllocated),  # the gateway's
        ({"ip_address": "10.0.0.2"}, IpAddressAlreadyAllocated),
        ({"ip_address": "10.1.0.2"}, InvalidIpForNetwork),
    ],
)
def test_wishes_that_cannot_be_met(wish: dict[str, str], error: type[Exception]) -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    make_port(network, context)
    with pytest.raises(error):
        make_port(network, context, fixed_ips=[wish])
    assert Port.objects.count() == 1


def test_a_mac_address_is_one_ports_alone() -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    first = make_port(network, context)
    with pytest.raises(MacAddressInUse):
        make_port(network, context, mac_address=first.mac_address)


def test_the_quota_holds() -> None:
    context = make_context()
    network = make_network(context)
    quotas.update(context.project_id, "network", {"port": 1})
    make_port(network, context)
    with pytest.raises(QuotaExceeded):
        make_port(network, context)


def test_a_port_serves_one_device() -> None:
    context = make_context()
    port = make_port(make_network(context), context)
    manager = PortManager(context)
    manager.bind(port.id, host="h1", device_id="a", device_owner="compute:nova", hostname="web")
    manager.bind(port.id, host="h1", device_id="a", device_owner="compute:nova", hostname="web")
    with pytest.raises(PortInUse):
        manager.bind(port.id, host="h2", device_id="b", device_owner="compute:nova")
    free = manager.unbind(port.id)
    assert (free.device_id, free.host, free.hostname, free.status) == ("", "", "", states.DOWN)


def test_the_cards_of_devices_are_four_queries_and_no_models() -> None:
    context = make_context()
    network = make_network(context, name="home")
    make_subnet(network)
    make_subnet(network, cidr="fd00::/64")
    groups = [make_group(context, name=name) for name in ("web", "db")]
    ids = [group.id for group in groups]
    ports = [make_port(network, context, security_group_ids=ids) for _ in range(3)]
    theirs = str(make_port(make_network(), None).id)
    wanted = [str(port.id) for port in ports]
    with CaptureQueriesContext(connection) as queries:
        found = PortManager(context).cards([*wanted, theirs, str(uuid.uuid4()), "no id"])
    assert len(queries) == 4
    assert found.keys() == {*wanted}
    assert [found[one] for one in wanted] == [
        PortCard(
            id=str(port.id),
            network_id=str(network.id),
            network_name="home",
            is_reachable=port.network.is_reachable,
            mac_address=port.mac_address,
            status="DOWN",
            addresses=[(str(a.subnet_id), a.ip_address) for a in port.addresses.all()],
            groups=[(str(group.id), group.name) for group in groups_of(port)],
        )
        for port in ports
    ]


def groups_of(port: Port) -> list[SecurityGroup]:
    rows = port.memberships.select_related("security_group").order_by("id")
    return [membership.security_group for membership in rows]


def test_members_of_a_remote_group_become_addresses_of_the_same_network() -> None:
    context = make_context()
    here, there = make_network(context), make_network(context)
    make_subnet(here)
    make_subnet(there)
    first, second = make_port(here, context), make_port(here, context)
    make_port(there, context, fixed_ips=[{"ip_address": "10.0.0.77"}])
    PortManager(SYSTEM).bind(first.id, host="h1", device_id="a", device_owner="compute:nova")
    wiring = PortManager(SYSTEM).wiring(first.id)
    group = str(group_of(first))
    entering = {(rule.group_id, rule.ethertype) for rule in wiring.group_rules}
    assert entering == {(group, "IPv4"), (group, "IPv6")}
    assert {rule.direction for rule in wiring.rules} == {"egress"}  # nothing that all may pass
    members = {f"{port.addresses.get().ip_address}/32" for port in (first, second)}
    assert [(one.group_id, {*one.members}) for one in wiring.groups] == [(group, members)]
    assert wiring.network.subnets[0].dhcp_server_ip == "10.0.0.1"


def group_of(port: Port) -> uuid.UUID:
    return port.memberships.get().security_group_id


def test_an_empty_remote_group_lets_nobody_in() -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    group, empty = make_group(context), make_group(context, name="empty")
    SecurityGroupRuleManager(context).create(
        security_group_id=group.id, direction="ingress", remote_group_id=empty.id
    )
    port = make_port(network, context, security_group_ids=[group.id])
    wiring = PortManager(SYSTEM).wiring(port.id)
    assert {rule.direction for rule in wiring.rules} == {"egress"}
    assert [(one.group_id, one.members) for one in wiring.groups] == [(str(empty.id), ())]


def test_wirings_cost_the_same_for_one_port_and_for_many() -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    ports = [make_port(network, context) for _ in range(20)]
    from network.resolution import port_wirings

    with CaptureQueriesContext(connection) as one:
        port_wirings([ports[0].id])
    with CaptureQueriesContext(connection) as many:
        assert len(port_wirings([port.id for port in ports])) == 20
    assert len(one) == len(many) == 6


def test_hosts_learn_of_rules_members_networks_and_ports(told: list[set[str]]) -> None:
    context = make_context()
    network = make_network(context)
    subnet = make_subnet(network)
    first = bound_port(network, context, "h1")
    told.clear()
    before = first.wiring_revision
    make_port(network, context)  # joins the default group
    assert told.pop() == {"h1"}
    group = SecurityGroupManager(context).resolve("default", context.project_id)
    SecurityGroupRuleManager(context).create(
        security_group_id=group.id,
        direction="ingress",
        protocol="tcp",
        port_range_min=22,
        port_range_max=22,
    )
    assert told.pop() == {"h1"}
    SubnetManager(context).update(subnet.id, dns_nameservers=["10.0.0.9"])
    assert told.pop() == {"h1"}
    PortManager(context).update(first.id, admin_state_up=False)
    assert told.pop() == {"h1"}
    assert (
        Port.objects.get(id=first.id).wiring_revision == before + 3
    )  # who is a member is told apart
    NetworkManager(context).update(network.id, name="new")  # nothing a host must know
    assert told == []


def test_a_host_that_confirmed_an_older_picture_is_told_again(told: list[set[str]]) -> None:
    context = make_context()
    port = make_port(make_network(context), context)
    PortManager(SYSTEM).bind(port.id, host="h1", device_id="a", device_owner="compute:nova")
    PortManager(SYSTEM).wiring(port.id)
    PortManager(context).update(port.id, admin_state_up=False)
    told.clear()
    PortManager(SYSTEM).set_status(port.id, states.ACTIVE)
    assert told == [{"h1"}]
    assert list(Port.objects.outdated_on("h1").values_list("id", flat=True)) == [port.id]


def test_the_dhcp_server_gets_an_address_where_the_gateway_is_not_ours() -> None:
    admin = make_context("admin")
    flat = make_network(admin, kind="flat", physical_network="public", shared=True)
    subnet = make_subnet(flat, cidr="172.24.4.0/24")
    server = Port.objects.get(network=flat, device_owner=states.DHCP_OWNER)
    assert server.addresses.get().ip_address == "172.24.4.2"
    wiring = PortManager(SYSTEM).wiring(make_port(flat, admin).id)
    assert wiring.network.subnets[0].dhcp_server_ip == "172.24.4.2"
    with pytest.raises(ServicePortInUse):
        PortManager(admin).delete(server.id)
    PortManager(admin).delete(Port.objects.exclude(id=server.id).get().id)
    SubnetManager(admin).delete(subnet.id)
    assert not Port.objects.exists()


def test_losing_the_gateway_moves_dhcp_to_an_address_of_its_own_and_back() -> None:
    context = make_context()
    network = make_network(context)
    subnet = make_subnet(network)
    SubnetManager(context).update(subnet.id, gateway_ip=None)
    assert PortAddress.objects.get().port.device_owner == states.DHCP_OWNER
    SubnetManager(context).update(subnet.id, gateway_ip="10.0.0.1")
    assert not Port.objects.exists()


def test_a_group_of_members_stays_and_an_ambiguous_name_is_refused() -> None:
    context = make_context()
    network = make_network(context)
    group = make_group(context)
    make_port(network, context, security_group_ids=[group.id])
    with pytest.raises(SecurityGroupInUse):
        SecurityGroupManager(context).delete(group.id)
    make_group(context)
    with pytest.raises(SecurityGroupAmbiguous, match="Multiple security_group matches"):
        SecurityGroupManager(context).resolve("web", context.project_id)


def test_bulk_is_all_or_nothing() -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    wish = {"network_id": network.id, "fixed_ips": [{"ip_address": "10.0.0.9"}]}
    with pytest.raises(IpAddressAlreadyAllocated):
        PortManager(context).create_many([wish, wish])
    assert not Port.objects.exists()


def test_servers_get_own_networks_before_shared_ones_and_only_with_a_subnet() -> None:
    admin, tenant = make_context("admin"), make_context()
    shared = make_network(admin, shared=True)
    make_subnet(shared)
    own = make_network(tenant)
    make_subnet(own)
    make_network(tenant, name="bare")
    make_subnet(make_network(make_context()))
    assert [n.id for n in NetworkManager(tenant).usable_by_servers()] == [own.id, shared.id]


def test_a_ports_life_costs_a_pinned_number_of_statements() -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    make_port(network, context)  # the project's quota row and default group are there
    with CaptureQueriesContext(connection) as made:
        port = make_port(network, context)
    with CaptureQueriesContext(connection) as gone:
        PortManager(context).delete(port.id)
    assert (len(made), len(gone)) == (
        18,
        21,
    )  # three of each for members, two to look for floating IPs


def test_options_for_dhcp_are_merged_and_told_to_the_host(told: list[set[str]]) -> None:
    """As Neutron does: the same name and version is replaced, no value takes it away, others stay."""
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    boot = {"opt_name": "bootfile-name", "opt_value": "pxelinux.0"}
    six = {"opt_name": "dns-server", "opt_value": "fd00::1", "ip_version": 6}
    port = bound_port(network, context, extra_dhcp_opts=[boot, six])
    told.clear()
    new = [
        {"opt_name": "bootfile-name", "opt_value": None},
        {"opt_name": "dns-server", "opt_value": "10.0.0.9"},
    ]
    PortManager(context).update(port.id, extra_dhcp_opts=new)
    assert told == [{"h1"}]
    wiring = PortManager(SYSTEM).wiring(port.id)
    assert wiring is not None
    found = {(one.name, one.ip_version): one.value for one in wiring.dhcp_options}
    assert found == {("dns-server", 6): "fd00::1", ("dns-server", 4): "10.0.0.9"}
    bad = (
        [{"opt_name": "mtu", "opt_value": "1\nx"}],
        [{"opt_name": "no-such", "opt_value": "1"}],
        [{"opt_name": "mtu", "opt_value": ""}],
        [boot, boot],
        [{"opt_name": str(number), "opt_value": "1"} for number in range(130, 162)],
    )
    for options in bad:
        with pytest.raises(InvalidInput):
            PortManager(context).update(port.id, extra_dhcp_opts=options)
