"""Subnets as clients use them: blocks, gateways, modes of IPv6."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.drivers.linuxbridge.dhcp_lines import option_lines
from network.drivers.linuxbridge.gateway import gateway_addresses
from network.manager import PortManager
from tests.builders.identity import ApiClient
from tests.builders.network_api import V2, error_of
from tests.builders.networks import make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_a_subnet_is_normalised_and_its_gateway_the_first_address(
    member: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    body = {"subnet": {"network_id": str(network.id), "cidr": "10.1.2.77/24", "ip_version": 4}}
    subnet = member.send("POST", f"{V2}/subnets", body).json()["subnet"]
    assert (subnet["cidr"], subnet["gateway_ip"]) == ("10.1.2.0/24", "10.1.2.1")
    assert subnet["allocation_pools"] == [{"start": "10.1.2.2", "end": "10.1.2.254"}]
    body["subnet"] |= {"cidr": "10.2.0.0/24", "gateway_ip": None}
    assert member.send("POST", f"{V2}/subnets", body).json()["subnet"]["gateway_ip"] is None


def test_a_gateway_off_its_subnet_leaves_dhcp_an_address_there(
    member: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    subnet = make_subnet(network, gateway_ip="10.9.0.1", context=context)
    port = make_port(network, context)
    told = PortManager(RequestContext.system()).wiring(port.id).network
    (wired,) = told.subnets
    assert (wired.gateway_ip, wired.dhcp_server_ip) == ("10.9.0.1", "10.0.0.1")
    assert gateway_addresses(told) == ["10.9.0.1/32", "10.0.0.1/24"]
    (routes,) = [line for line in option_lines(told, [wired]) if "classless" in line]
    assert routes.endswith("10.9.0.1/32,0.0.0.0,169.254.169.254/32,10.9.0.1,0.0.0.0/0,10.9.0.1")
    url = f"{V2}/subnets/{subnet.id}"  # and back on it: the gateway's address is the server's
    free = member.send("PUT", url, {"subnet": {"gateway_ip": "10.0.0.1"}})
    assert free.status_code == 409  # DHCP has it now
    pools = [{"start": "10.0.0.1", "end": "10.0.0.200"}]
    back = {"gateway_ip": "10.0.0.254", "allocation_pools": pools}
    assert member.send("PUT", url, {"subnet": back}).status_code == 200
    (wired,) = PortManager(RequestContext.system()).wiring(port.id).network.subnets
    assert wired.dhcp_server_ip == "10.0.0.254"


@pytest.mark.parametrize("mode", ["slaac", "dhcpv6-stateless", "dhcpv6-stateful"])
def test_ipv6_addresses_follow_the_mode(
    member: ApiClient, context: RequestContext, mode: str
) -> None:
    network = make_network(context)
    subnet = {
        "network_id": str(network.id),
        "cidr": "fd00::/64",
        "ip_version": 6,
        "ipv6_ra_mode": mode,
        "ipv6_address_mode": mode,
    }
    assert member.send("POST", f"{V2}/subnets", {"subnet": subnet}).status_code == 201
    port = {"network_id": str(network.id), "mac_address": "fa:16:3e:00:00:01"}
    made = member.send("POST", f"{V2}/ports", {"port": port}).json()["port"]
    expected = "fd00::2" if mode == "dhcpv6-stateful" else "fd00::f816:3eff:fe00:1"
    assert [one["ip_address"] for one in made["fixed_ips"]] == [expected]
    wish = {**port, "mac_address": None, "fixed_ips": [{"ip_address": "fd00::77"}]}
    response = member.send("POST", f"{V2}/ports", {"port": wish})
    assert response.status_code == (201 if mode == "dhcpv6-stateful" else 400)


@pytest.mark.parametrize(
    "change",
    [
        {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "dhcpv6-stateful"},
        {"cidr": "fd00::/80", "ipv6_ra_mode": "slaac"},
        {"enable_dhcp": False, "ipv6_ra_mode": "slaac"},
    ],
)
def test_ipv6_modes_that_do_not_go_together(
    member: ApiClient, context: RequestContext, change: dict[str, Any]
) -> None:
    subnet = {"network_id": str(make_network(context).id), "cidr": "fd00::/64", "ip_version": 6}
    response = member.send("POST", f"{V2}/subnets", {"subnet": {**subnet, **change}})
    assert error_of(response) == (400, "InvalidInput")
