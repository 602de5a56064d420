"""IPv6: which addresses ports get, keep and lose with their subnets and MAC addresses."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.exceptions.ports import AllocationOnAutoAddressSubnet
from network.exceptions.subnets import SubnetInUse
from network.manager import PortManager, RouterManager, SubnetManager
from network.manager.private_network import PrivateNetworkManager
from network.models import FreeRange, Network, Port, PortAddress, Subnet
from tests.builders.identity import ApiClient
from tests.builders.networks import make_context, make_group, make_network, make_port, make_subnet
from tests.builders.routers import make_external

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SYSTEM = RequestContext.system()
V2 = "/network/v2.0"
MAC, OTHER_MAC = "fa:16:3e:00:00:01", "fa:16:3e:00:00:02"
MADE, OTHER_MADE = "f816:3eff:fe00:1", "f816:3eff:fe00:2"
SLAAC = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}


def six(network: Network, cidr: str = "fd00::/64", mode: str = "slaac", **overrides: Any) -> Subnet:
    """Return an IPv6 subnet whose addresses are given in this way."""
    modes = {"ipv6_ra_mode": mode, "ipv6_address_mode": mode}
    return make_subnet(network, cidr=cidr, **modes | overrides)


def addresses(port: Port) -> list[str]:
    return sorted(PortAddress.objects.filter(port=port).values_list("ip_address", flat=True))


def test_the_modes_that_go_together(member: ApiClient, context: RequestContext) -> None:
    """All pairs of modes, with and without DHCP, as Neutron decides."""
    answers: dict[tuple[str | None, str | None, bool], int] = {}
    names = (None, "slaac", "dhcpv6-stateful", "dhcpv6-stateless")
    number = 0
    for ra in names:
        for address in names:
            for dhcp in (True, False):
                number += 1
                body = {
                    "network_id": str(make_network(context).id),
                    "cidr": f"fd00:0:0:{number:x}::/64",
                    "ip_version": 6,
                    "enable_dhcp": dhcp,
                    "ipv6_ra_mode": ra,
                    "ipv6_address_mode": address,
                }
                made = member.send("POST", f"{V2}/subnets", {"subnet": body})
                answers[ra, address, dhcp] = made.status_code
                if made.status_code == 201:
                    shown = made.json()["subnet"]
                    assert (shown["ipv6_ra_mode"], shown["ipv6_address_mode"]) == (ra, address)
    assert answers == {
        (ra, address, dhcp): 201
        if (ra is None and address is None) or (dhcp and (not ra or not address or ra == address))
        else 400
        for ra in names
        for address in names
        for dhcp in (True, False)
    }


def test_a_port_has_one_pooled_address_of_each_version_and_all_that_it_makes_itself() -> None:
    network = make_network()
    make_subnet(network)
    six(network, "fd01::/64")
    six(network, "fd02::/64", "dhcpv6-stateless")
    six(network, "fd03::/64", "dhcpv6-stateful")
    six(network, "fd04::/64", "dhcpv6-stateful")
    six(network, "fd05::/64", "", ipv6_ra_mode="slaac")  # a router of somebody's answers
    expected = ["10.0.0.2", f"fd01::{MADE}", f"fd02::{MADE}", "fd03::2", f"fd05::{MADE}"]
    assert addresses(make_port(network, mac_address=MAC)) == expected
    picky = make_port(network, mac_address=OTHER_MAC, fixed_ips=[{"ip_address": "10.0.0.9"}])
    made = [f"fd01::{OTHER_MADE}", f"fd02::{OTHER_MADE}", f"fd05::{OTHER_MADE}"]
    assert addresses(picky) == ["10.0.0.9", *made]  # a guest makes them whatever was wished for
    PortManager(SYSTEM).update(picky.id, fixed_ips=[{"ip_address": "10.0.0.8"}])
    assert addresses(picky) == ["10.0.0.8", *made]
    assert addresses(make_port(network, fixed_ips=[], mac_address="fa:16:3e:00:00:03"))


def test_a_self_made_address_is_not_chosen() -> None:
    network = make_network()
    six(network)
    for wish in ({"ip_address": "fd00::7"}, {"ip_address": f"fd00::{OTHER_MADE}"}):
        with pytest.raises(AllocationOnAutoAddressSubnet):
            make_port(network, mac_address=MAC, fixed_ips=[wish])
    made = make_port(network, mac_address=MAC, fixed_ips=[{"ip_address": f"fd00::{MADE}"}])
    assert addresses(made) == [f"fd00::{MADE}"]


def test_ports_that_are_there_get_the_addresses_of_a_subnet_that_comes(
    told: list[set[str]],
) -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    group = make_group(context)
    port = make_port(network, context, mac_address=MAC, security_group_ids=[group.id])
    PortManager(SYSTEM).bind(port.id, host="h1", device_id="d", device_owner="compute:nova")
    router = RouterManager(context).create(name="r")
    RouterManager(context).add_interface(router.id, subnet_id=port.addresses.get().subnet_id)
    revision = Port.objects.get(id=port.id).wiring_revision
    told.clear()
    six(network)
    assert addresses(port) == ["10.0.0.2", f"fd00::{MADE}"]
    assert Port.objects.get(id=port.id).wiring_revision > revision
    assert {"h1"} in told
    routers_own = Port.objects.get(device_owner="network:router_interface")
    assert addresses(routers_own) == ["10.0.0.1"]


def test_a_new_mac_address_makes_new_addresses() -> None:
    network = make_network()
    six(network)
    six(network, "fd01::/64", "dhcpv6-stateful")
    port = make_port(network, mac_address=MAC)
    PortManager(SYSTEM).update(port.id, mac_address=OTHER_MAC)
    assert addresses(port) == [f"fd00::{OTHER_MADE}", "fd01::2"]
    assert addresses(make_port(network, mac_address=MAC)) == [f"fd00::{MADE}", "fd01::3"]


def test_a_subnet_with_self_made_addresses_goes_and_takes_them_along(told: list[set[str]]) -> None:
    """Neutron's rule: what nobody asked for keeps no subnet; a router's interface does."""
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    subnet, pooled = six(network), six(network, "fd01::/64", "dhcpv6-stateful")
    port = make_port(network, context, mac_address=MAC)
    router = RouterManager(context).create(name="r")
    RouterManager(context).add_interface(router.id, subnet_id=subnet.id)
    with pytest.raises(SubnetInUse):
        SubnetManager(context).delete(subnet.id)
    RouterManager(context).remove_interface(router.id, subnet_id=subnet.id)
    SubnetManager(context).delete(subnet.id)
    assert addresses(port) == ["10.0.0.2", "fd01::2"]
    with pytest.raises(SubnetInUse):
        SubnetManager(context).delete(pooled.id)


def test_a_port_that_came_while_its_subnet_did_gets_the_address_a_little_later() -> None:
    """Neither saw the other; the control plane looks again."""
    network = make_network()
    six(network)
    port = make_port(network, mac_address=MAC)
    PortAddress.objects.all().delete()
    assert SubnetManager(SYSTEM).address_ports() == 1
    assert addresses(port) == [f"fd00::{MADE}"]
    assert SubnetManager(SYSTEM).address_ports() == 0


def test_a_large_pool_costs_what_a_small_one_does() -> None:
    network = make_network()
    subnet = six(network, "fd00::/64", "dhcpv6-stateful")
    before = FreeRange.objects.filter(subnet=subnet).count()
    made = [make_port(network) for _ in range(3)]
    assert [addresses(port) for port in made] == [["fd00::2"], ["fd00::3"], ["fd00::4"]]
    PortManager(SYSTEM).delete(made[1].id)
    assert (before, FreeRange.objects.filter(subnet=subnet).count()) == (1, 2)
    assert addresses(make_port(network)) == ["fd00::3"]


def test_a_subnet_is_for_the_devices_that_it_names(
    member: ApiClient, context: RequestContext
) -> None:
    """First those that name the device, then those that name none; never those of others."""
    network = make_network(context)
    plain = make_subnet(network, cidr="10.0.0.0/24")
    make_subnet(network, cidr="10.1.0.0/30", service_types=["compute:nova"])
    make_subnet(network, cidr="10.2.0.0/24", service_types=["network:floatingip"])
    six(network, "fd00::/64", service_types=["compute:nova"])
    servers = make_port(network, device_owner="compute:nova", mac_address=MAC)
    assert addresses(servers) == ["10.1.0.2", f"fd00::{MADE}"]
    assert addresses(make_port(network, device_owner="compute:nova"))[0] == "10.0.0.2"  # it is full
    assert addresses(make_port(network)) == ["10.0.0.3"]
    wished = make_port(network, fixed_ips=[{"ip_address": "10.2.0.9"}])
    assert addresses(wished) == ["10.2.0.9"]
    SubnetManager(SYSTEM).update(plain.id, service_types=["network:floatingip"])
    refused = {
        types: member.send(
            "POST",
            f"{V2}/subnets",
            {
                "subnet": {
                    "network_id": str(network.id),
                    "cidr": "10.9.0.0/24",
                    "service_types": types.split(),
                }
            },
        ).status_code
        for types in ("foo", "compute:nova compute:nova", "network:", "compute:x\x00")
    }
    assert refused == {
        "foo": 400,
        "compute:nova compute:nova": 400,
        "network:": 400,
        "compute:x\x00": 400,
    }


def test_ipv6_subnets_of_a_network_share_an_interface(
    member: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    four = make_subnet(network)
    sixes = [six(network, f"fd0{number}::/64") for number in (1, 2)]
    stranger = six(network, "fd03::/64", "", ipv6_address_mode="slaac")
    router = RouterManager(context).create(name="r")
    path = f"{V2}/routers/{router.id}"

    def join(subnet: Subnet, verb: str = "add") -> Any:
        return member.send("PUT", f"{path}/{verb}_router_interface", {"subnet_id": str(subnet.id)})

    first, second, third = (join(subnet).json() for subnet in (four, *sixes))
    assert first["port_id"] != second["port_id"] == third["port_id"]
    assert third["subnet_ids"] == [str(sixes[1].id)]
    port = Port.objects.get(id=second["port_id"])
    assert addresses(port) == ["fd01::1", "fd02::1"]
    assert {join(stranger).status_code, join(sixes[0]).status_code} == {400}
    own = make_port(network, context, fixed_ips=[])  # it has made itself addresses
    taken = member.send("PUT", f"{path}/add_router_interface", {"port_id": str(own.id)})
    assert taken.status_code == 400, taken.content
    assert join(sixes[0], "remove").json()["subnet_ids"] == [str(sixes[0].id)]
    assert addresses(port) == ["fd02::1"]
    assert SubnetManager(context).delete(sixes[0].id) is None
    assert join(sixes[1], "remove").status_code == 200
    assert not Port.objects.filter(id=port.id).exists()


def test_a_router_leads_to_an_external_network_by_both_families(
    member: ApiClient, context: RequestContext
) -> None:
    external = make_external()
    SubnetManager(SYSTEM).create(network_id=external.id, cidr="fd99::/64")
    made = member.send(
        "POST",
        f"{V2}/routers",
        {"router": {"external_gateway_info": {"network_id": str(external.id)}}},
    ).json()["router"]
    fixed = made["external_gateway_info"]["external_fixed_ips"]
    assert sorted(one["ip_address"] for one in fixed) == ["172.24.4.3", "fd99::2"]
    subnet = six(make_network(context))
    RouterManager(context).add_interface(made["id"], subnet_id=subnet.id)
    routes = [{"destination": "fd77::/48", "nexthop": "fd00::5"}]
    body = {"router": {"routes": routes}}
    changed = member.send("PUT", f"{V2}/routers/{made['id']}", body)
    assert changed.json()["router"]["routes"] == routes
    gone = {"subnet_id": str(subnet.id)}
    kept = member.send("PUT", f"{V2}/routers/{made['id']}/remove_router_interface", gone)
    assert kept.status_code == 409, kept.content


def test_ipv6_needs_packets_of_some_size(member: ApiClient, context: RequestContext) -> None:
    small, large = make_network(context, mtu=1279), make_network(context, mtu=1280)
    body = {"cidr": "fd00::/64", "ip_version": 6}
    statuses = {
        network.mtu: member.send(
            "POST", f"{V2}/subnets", {"subnet": {**body, "network_id": str(network.id)}}
        ).status_code
        for network in (small, large)
    }
    assert statuses == {1279: 400, 1280: 201}
    path = f"{V2}/networks/{large.id}"
    assert member.send("PUT", path, {"network": {"mtu": 1279}}).status_code == 400
    assert member.send("PUT", path, {"network": {"mtu": 1300}}).status_code == 200


def test_names_are_shown_and_told_to_the_host(member: ApiClient, context: RequestContext) -> None:
    """The network's domain is where all are known; a port's own comes beside it."""
    network = make_network(context, dns_domain="net.example.")
    make_subnet(network)
    body = {"network_id": str(network.id), "dns_name": "web", "dns_domain": "own.example."}
    shown = member.send("POST", f"{V2}/ports", {"port": body}).json()["port"]
    assert (shown["dns_name"], shown["dns_domain"]) == ("web", "own.example.")
    assert [one["fqdn"] for one in shown["dns_assignment"]] == ["web.net.example."]
    PortManager(SYSTEM).bind(shown["id"], host="h1", device_id="d", device_owner="compute:nova")
    wiring = PortManager(SYSTEM).wiring(shown["id"])
    assert wiring is not None
    assert wiring.dns_domain == "own.example"
    path = f"{V2}/ports/{shown['id']}"
    assert member.send("PUT", path, {"port": {"dns_domain": "a\nb"}}).status_code == 400
    changed = member.send("PUT", path, {"port": {"dns_domain": "other.example"}})
    assert changed.json()["port"]["dns_domain"] == "other.example"
    external = make_external()
    body = {"floating_network_id": str(external.id), "dns_name": "www", "dns_domain": "example."}
    floating = member.send("POST", f"{V2}/floatingips", {"floatingip": body}).json()["floatingip"]
    assert (floating["dns_name"], floating["dns_domain"]) == ("www", "example.")


def test_a_private_network_of_ipv6_has_sane_modes(context: RequestContext) -> None:
    made = {}
    for cidr in ("fd00:1::/64", "fd00:2::/80", "10.9.0.0/24"):
        network = PrivateNetworkManager(context).create(name="n", cidr=cidr)
        made[cidr] = network.subnets.get().ipv6_ra_mode
    assert made == {"fd00:1::/64": "slaac", "fd00:2::/80": "dhcpv6-stateful", "10.9.0.0/24": ""}
