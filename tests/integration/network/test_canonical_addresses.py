"""Addresses have no zone and one form: what is stored, compared, filtered by and told to hosts."""

from __future__ import annotations

import importlib
import uuid
from typing import Any

import pytest
from django.apps import apps

from cloudweb.driver import DriverError
from cloudweb.exceptions import InvalidInput
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.linuxbridge.dhcp_lines import host_lines, option_lines
from network.drivers.linuxbridge.filters import network_filters
from network.drivers.linuxbridge.texts import checked, written
from network.manager import PortManager
from network.models import Port, PortAddress, SecurityGroup, SecurityGroupRule, Subnet
from network.objects import HostRoute
from tests.builders import ports as wirings
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    make_member,
    make_project,
)
from tests.builders.networks import make_context, make_network, make_port, make_subnet
from tests.builders.servers import make_server

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"
EVIL = "fd00::5%\n192.0.2.66 mirror.example"


@pytest.fixture
def member() -> ApiClient:
    return client_with("member", project=make_project())


def made(client: ApiClient, noun: str, **values: Any) -> Any:
    answer = client.send("POST", f"{V2}/{noun}s".replace("_", "-"), {noun: values})
    assert answer.status_code == 201, answer.content
    return answer.json()[noun]


def test_no_zone_gets_in_anywhere(member: ApiClient) -> None:
    network = made(member, "network")["id"]
    subnet = made(member, "subnet", network_id=network, cidr="fd00::/64", ip_version=6)
    port = made(member, "port", network_id=network)
    group = made(member, "security_group", name="g")["id"]
    zoned = {"fd00::5%eth0", EVIL, "fd00::5%", "fe80::1%1"}

    def sent(method: str, path: str, noun: str, **values: Any) -> int:
        return member.send(method, f"{V2}{path}", {noun: values}).status_code

    answers = {}
    for bad in zoned:
        new = {"network_id": network, "ip_version": 6, "cidr": "fd01::/64"}
        change = f"/subnets/{subnet['id']}"
        one = f"/ports/{port['id']}"
        rule = {"security_group_id": group, "direction": "ingress", "ethertype": "IPv6"}
        answers |= {
            ("cidr", bad): sent("POST", "/subnets", "subnet", **new | {"cidr": f"{bad}/64"}),
            ("gateway", bad): sent("POST", "/subnets", "subnet", **new, gateway_ip=bad),
            ("dns", bad): sent("POST", "/subnets", "subnet", **new, dns_nameservers=[bad]),
            ("dns, later", bad): sent("PUT", change, "subnet", dns_nameservers=[bad]),
            ("pool", bad): sent("PUT", change, "subnet", allocation_pools=[{"start": bad, "end": bad}]),
            ("hop", bad): sent("PUT", change, "subnet", host_routes=[{"destination": "::/0", "nexthop": bad}]),
            ("route", bad): sent("PUT", change, "subnet", host_routes=[{"destination": bad, "nexthop": "fd00::9"}]),
            ("fixed", bad): sent("PUT", one, "port", fixed_ips=[{"ip_address": bad}]),
            ("fixed, new", bad): sent("POST", "/ports", "port", network_id=network, fixed_ips=[{"ip_address": bad}]),
            ("pair", bad): sent("PUT", one, "port", allowed_address_pairs=[{"ip_address": bad}]),
            ("pair block", bad): sent("PUT", one, "port", allowed_address_pairs=[{"ip_address": f"{bad}/64"}]),
            ("remote", bad): sent("POST", "/security-group-rules", "security_group_rule", **rule, remote_ip_prefix=bad),
            ("option", bad): sent("PUT", one, "port", extra_dhcp_opts=[{"opt_name": "a", "opt_value": "b\nc"}]),
        }  # fmt: skip
    assert {place: status for place, status in answers.items() if status != 400} == {}
    assert not PortAddress.objects.filter(ip_address__contains="%").exists()


def test_a_servers_addresses_have_no_zone_and_one_form() -> None:
    user = make_member("member")
    member = client_of(user)
    nova = "/compute/v2.1/servers"
    body = {"name": "vm", "flavorRef": "1", "imageRef": str(uuid.uuid4())}
    network = {"uuid": str(uuid.uuid4()), "fixed_ip": EVIL}
    wished = member.send("POST", nova, {"server": {**body, "networks": [network]}})
    access = member.send("POST", nova, {"server": {**body, "accessIPv6": EVIL}})
    assert (wished.status_code, access.status_code) == (400, 400)
    server = make_server(user)
    changed = member.send("PUT", f"{nova}/{server.id}", {"server": {"accessIPv6": "FD00:0::05"}})
    assert changed.json()["server"]["accessIPv6"] == "fd00::5"


def test_every_spelling_is_the_same_address(member: ApiClient) -> None:
    network = made(member, "network")["id"]
    subnet = made(
        member, "subnet", network_id=network, ip_version=6,
        cidr="FD00:0:0::/64", gateway_ip="FD00::0:1", dns_nameservers=["2001:DB8:0::53"],
        host_routes=[{"destination": "FD09::/48", "nexthop": "FD00:0::9"}],
    )  # fmt: skip
    assert (subnet["cidr"], subnet["gateway_ip"]) == ("fd00::/64", "fd00::1")
    assert subnet["dns_nameservers"] == ["2001:db8::53"]
    assert subnet["host_routes"] == [{"destination": "fd09::/48", "nexthop": "fd00::9"}]
    port = made(
        member, "port", network_id=network, mac_address="FA-16-3E-00-00-0A",
        fixed_ips=[{"ip_address": "FD00:0:0::0A"}],
        allowed_address_pairs=[{"ip_address": "FD00:0::BB/128", "mac_address": "FA-16-3E-00-00-0B"}],
    )  # fmt: skip
    assert port["fixed_ips"][0]["ip_address"] == "fd00::a"
    assert port["mac_address"] == "fa:16:3e:00:00:0a"
    assert port["allowed_address_pairs"] == [
        {"ip_address": "fd00::bb/128", "mac_address": "fa:16:3e:00:00:0b"}
    ]
    again = member.send(
        "POST", f"{V2}/ports",
        {"port": {"network_id": network, "fixed_ips": [{"ip_address": "fd00:0::A"}]}},
    )  # fmt: skip
    assert again.status_code == 409
    twice = [{"ip_address": "fd00::cc"}, {"ip_address": "FD00:0::CC"}]
    changed = member.send(
        "PUT", f"{V2}/ports/{port['id']}", {"port": {"allowed_address_pairs": twice}}
    )
    assert changed.status_code == 400
    group = made(member, "security_group", name="g")["id"]
    rule = {"security_group_id": group, "direction": "ingress", "ethertype": "IPv6"}
    made(member, "security_group_rule", **rule, remote_ip_prefix="FD00:0::5/64")
    counted = {
        path: len(next(iter(member.send("GET", V2 + path).json().values())))
        for path in (
            "/subnets?cidr=FD00:0::/64",
            "/subnets?gateway_ip=FD00::1",
            "/subnets?gateway_ip=nothing",
            "/ports?fixed_ips=ip_address=FD00:0::a",
            "/ports?fixed_ips=ip_address_substr=FD00",
            "/ports?fixed_ips=ip_address=fd00::a%25x",
            "/ports?mac_address=FA-16-3E-00-00-0A",
            "/security-group-rules?remote_ip_prefix=FD00::5/64",
        )
    }
    assert list(counted.values()) == [1, 1, 0, 1, 1, 0, 1, 1], counted


def test_managers_hold_it_whoever_calls() -> None:
    context = make_context()
    network = make_network(context)
    make_subnet(network, cidr="fd00::/64")
    with pytest.raises(InvalidInput):
        make_port(network, context, allowed_address_pairs=[{"ip_address": EVIL}])
    port = make_port(network, context)
    with pytest.raises(InvalidInput):
        PortManager(context).update(port.id, allowed_address_pairs=[{"ip_address": "fd00::1%2"}])


def test_drivers_write_no_line_that_is_two() -> None:
    six = wirings.make_subnet6(id="six")
    network = wirings.make_network(subnets=(six,))
    bad = {
        "hosts": lambda: written(host_lines([six], [wirings.make_port(network, EVIL)])),
        "dns": lambda: written(
            option_lines(network, [wirings.make_subnet6(id="s", dns_nameservers=(EVIL,))])
        ),
        "route": lambda: written(
            option_lines(
                network,
                [wirings.make_subnet(host_routes=(HostRoute(destination="0.0.0.0/0", nexthop="10.0.0.1\nx"),))],
            )
        ),
        "filters": lambda: network_filters(
            BridgeConfig().names("6e0bc2a5-93d7-4a4b-9c5d-000000000001"), 1,
            [wirings.make_port(network, EVIL)],
        ),
        "anything": lambda: written(["fine", "not\x00fine"]),
        "a word": lambda: checked(["dnsmasq", "--domain=a\nb"]),
    }  # fmt: skip
    for write in bad.values():
        with pytest.raises(DriverError):
            write()


def test_rows_of_an_older_version_are_put_right() -> None:
    context = make_context()
    network = make_network(context)
    subnet = make_subnet(network, cidr="fd00::/64")
    good, stolen, alone = (make_port(network, context) for _ in range(3))
    taken = good.addresses.get().ip_address
    PortAddress.objects.filter(port=stolen).update(ip_address=f"{taken}%\nx")
    PortAddress.objects.filter(port=alone).update(ip_address="fd00::77%1")
    Port.objects.filter(id=alone.id).update(
        allowed_address_pairs=[{"mac_address": alone.mac_address, "ip_address": "FD00:0::9%q/128"}]
    )
    Subnet.objects.filter(id=subnet.id).update(
        gateway_ip="fd00::1%\nx", dns_nameservers=["FD00::53%a", "fd00::53", "nonsense"]
    )
    group = SecurityGroup.objects.get(project_id=context.project_id)
    rule = SecurityGroupRule.objects.filter(security_group=group, direction="egress").first()
    assert rule is not None
    SecurityGroupRule.objects.filter(id=rule.id).update(
        remote_ip_prefix="FD00::%z/64", meaning="egress IPv6 - - - fd00::%z/64 -"
    )
    server = make_server(make_member("member"), access_ip_v6="FD00:0::1%\nx")
    for name in ("network.migrations.0002", "instances.migrations.0003"):
        module = importlib.import_module(f"{name}_canonical_addresses")
        module.make_canonical(apps, None)
        module.make_canonical(apps, None)  # and a second time changes nothing
    subnet.refresh_from_db()
    assert (subnet.gateway_ip, subnet.dns_nameservers) == ("fd00::1", ["fd00::53"])
    assert not PortAddress.objects.filter(port=stolen).exists()
    assert alone.addresses.get().ip_address == "fd00::77"
    after = Port.objects.get(id=alone.id)
    assert after.allowed_address_pairs[0]["ip_address"] == "fd00::9/128"
    assert after.wiring_revision > alone.wiring_revision
    rule.refresh_from_db()
    assert (rule.remote_ip_prefix, rule.meaning) == ("fd00::/64", "egress IPv6 - - - fd00::/64 -")
    server.refresh_from_db()
    assert server.access_ip_v6 == "fd00::1"
