"""The writer against a real northbound database: it makes rows be as our tables say, whoever changed which."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.exceptions import InvalidInput
from network import states, strategies
from network.manager import (
    AddressGroupManager,
    BandwidthLimitRuleManager,
    DscpMarkingRuleManager,
    FloatingIpManager,
    NetworkManager,
    PathTraceManager,
    PortForwardingManager,
    PortManager,
    RouterManager,
    SecurityGroupRuleManager,
)
from network.manager.path_trace import End
from network.manager.port_forwarding import Ports
from network.manager.router_gateway import Gateway
from network.models import Agent, Network, Port
from network.ovn import conf
from network.ovn.northbound import Northbound
from network.ovn.texts import symbol
from network.ovn.writer import DRIVER, NAME, Writer
from network.strategies.geneve import Geneve
from network.trace.objects import PathSeen
from tests.builders.networks import (
    make_agent,
    make_context,
    make_group,
    make_network,
    make_port,
    make_subnet,
)
from tests.builders.ovn import NorthboundServer, needs_ovn, northbound_server
from tests.builders.qos import make_qos_policy
from tests.builders.routers import make_external, make_floating_ip, make_router
from tests.infrastructure import PATIENCE, scratch, wait_until

pytestmark = [needs_ovn, pytest.mark.django_db]
SYSTEM = RequestContext.system()


class World:
    """A writer and its database."""

    def __init__(self, server: NorthboundServer) -> None:
        self.server = server
        self.northbound = Northbound(server.remote)
        self.writer = Writer(self.northbound)
        self.context = make_context("admin")

    def settle(self) -> None:
        """Look until a look found nothing to compare."""
        deadline = time.monotonic() + PATIENCE
        while self.writer.step() or not self.writer.is_settled:
            assert time.monotonic() < deadline, "the writer never came to rest"
            if not self.writer.is_settled:
                self.northbound.wait(0.05)

    def settle_until(self, fact: Callable[[], bool], *, what: str) -> None:
        """Look until it is so: what others wrote is heard of some time after they did."""

        def seen() -> bool:
            self.settle()
            return fact()

        wait_until(seen, what=what)


@pytest.fixture(scope="module")
def server() -> Iterator[NorthboundServer]:
    with scratch("ovn") as home, northbound_server(home) as running:
        yield running


@pytest.fixture
def world(server: NorthboundServer) -> Iterator[World]:
    made = World(server)
    yield made
    made.northbound.close()
    for table in ("logical_switch", "logical_router", "port_group", "dhcp_options", "dns",
                  "address_set", "load_balancer"):  # fmt: skip
        server.ask("--all", "destroy", table)


def rows(world: World, table: str, *columns: str) -> list[list[str]]:
    """Return these columns of all rows of a table, sorted."""
    said = json.loads(
        world.server.ask("--format=json", f"--columns={','.join(columns)}", "list", table)
    )
    order = [said["headings"].index(column) for column in columns]
    return sorted([[_text(row[place]) for place in order] for row in said["data"]])


def _text(value: Any) -> str:
    if isinstance(value, list) and value[0] == "map":
        return ";".join(f"{key}={text}" for key, text in sorted(value[1]))
    if isinstance(value, list) and value[0] == "set":
        return ",".join(sorted(map(_text, value[1])))
    return str(value)


def census(world: World) -> dict[str, int]:
    tables = ("logical_switch", "logical_switch_port", "dhcp_options", "dns", "port_group", "acl",
              "address_set", "logical_router", "logical_router_port", "nat", "load_balancer",
              "logical_router_static_route", "gateway_chassis")  # fmt: skip
    return {table: number for table in tables if (number := world.server.count(table))}


def test_a_network_with_a_port_is_there_and_goes(world: World) -> None:
    network = make_network(world.context, dns_domain="lab.example.")
    make_subnet(network, world.context, cidr="10.0.0.0/24", dns_nameservers=["192.0.2.53"])
    port = make_port(network, world.context, fixed_ips=[{"ip_address": "10.0.0.9"}], hostname="web")
    world.settle()
    assert rows(
        world, "logical_switch_port", "name", "addresses", "port_security", "type", "options"
    ) == [
        [
            str(port.id),
            f"{port.mac_address} 10.0.0.9",
            f"{port.mac_address} 10.0.0.9",
            "",
            'hostname="web"',
        ]
    ]
    assert rows(world, "dns", "records") == [["web.lab.example=10.0.0.9"]]
    assert rows(world, "dhcp_options", "cidr")[0][0] == "10.0.0.0/24"
    options = dict(
        one.split("=", 1) for one in rows(world, "dhcp_options", "options")[0][0].split(";")
    )
    assert options == {
        "dns_server": "192.0.2.53", "domain_name": '"lab.example"', "lease_time": "43200",
        "mtu": "1500", "router": "10.0.0.1", "server_id": "10.0.0.1", "server_mac": options["server_mac"],
    }  # fmt: skip
    PortManager(world.context).delete(port.id)
    NetworkManager(world.context).delete(network.id)
    world.settle()
    assert not census(world)


def test_a_look_without_a_change_compares_nothing_and_one_with_a_change_what_changed(
    world: World,
) -> None:
    one, other = (make_network(world.context) for _ in range(2))
    for network in (one, other):
        make_subnet(network, world.context)
    world.settle()
    assert world.writer.step() == 0
    make_port(one, world.context)
    assert world.writer.step() == 1
    assert world.server.count("logical_switch_port") == 1


def test_rules_are_there_as_soon_as_they_are_and_gone_as_soon_as_they_are(world: World) -> None:
    network = make_network(world.context)
    make_subnet(network, world.context)
    group = make_group(world.context)
    member = make_port(network, world.context, security_group_ids=[group.id])
    rule = SecurityGroupRuleManager(world.context).create(
        security_group_id=group.id, direction="ingress", ethertype="IPv4", protocol="tcp",
        port_range_min=22, port_range_max=22, remote_group_id=group.id,
    )  # fmt: skip
    world.settle()
    matches = {match for (match,) in rows(world, "acl", "match")}
    name = f"sg_{group.id.hex}_{network.id.hex}"
    wanted = (
        f"outport == @{name} && ip4.src == $in4_{group.id.hex}_{network.id.hex} && tcp.dst == 22"
    )
    assert wanted in matches
    (address,) = member.addresses.all()
    sets = rows(world, "address_set", "name", "addresses")
    assert [f"in4_{group.id.hex}_{network.id.hex}", address.ip_address] in sets
    SecurityGroupRuleManager(world.context).delete(rule.id)
    assert world.writer.step() == 1
    assert wanted not in {match for (match,) in rows(world, "acl", "match")}
    assert not world.server.count("address_set")


def test_what_is_others_stays_and_what_is_ours_is_mended(world: World) -> None:
    network = make_network(world.context)
    make_subnet(network, world.context)
    kept, lost = (make_port(network, world.context) for _ in range(2))
    world.settle()
    before = census(world)
    ours = f"network-{network.id}"
    ask = world.server.ask
    ask("ls-add", "theirs", "--", "lsp-add", ours, "their-port",
        "--", "set", "logical_switch", ours, "external_ids:their=word")  # fmt: skip
    ask("lsp-del", str(lost.id), "--", "lsp-set-port-security", str(kept.id),
        "--", "set", "logical_switch", ours, "other_config:mcast_snoop=true",
        "--", "--all", "destroy", "dhcp_options")  # fmt: skip
    theirs = {name: before[name] + 1 for name in ("logical_switch", "logical_switch_port")}
    world.settle_until(lambda: census(world) == {**before, **theirs}, what="ours are mended")
    assert ask("get", "logical_switch", ours, "other_config:mcast_snoop").strip() == '"false"'
    assert ask("get", "logical_switch", ours, "external_ids:their").strip() == "word"
    assert ask("lsp-get-port-security", str(kept.id)).strip()
    assert ask("get", "logical_switch_port", str(kept.id), "dhcpv4_options").strip() != "[]"
    stale = f"external_ids:cloudweb-key=network/{uuid.uuid4()}"
    ask("--", "ls-add", "stale", "--", "set", "logical_switch", "stale", stale)
    world.settle_until(
        lambda: ["stale"] not in rows(world, "logical_switch", "name"), what="it is taken away"
    )
    ask("ls-del", "theirs", "--", "lsp-del", "their-port")


def test_a_router_with_all_that_it_can_have(world: World) -> None:
    for host in ("h1", "h2"):
        make_agent(host)
    Agent.objects.update(driver=DRIVER)
    external = make_external()
    network = make_network(world.context)
    subnet = make_subnet(network, world.context)
    port, behind = (make_port(network, world.context) for _ in range(2))
    router = make_router(world.context, subnets=[subnet], external=external)
    RouterManager(world.context).add_routes(
        router.id, [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.77"}]
    )
    floating = make_floating_ip(world.context, external, port_id=port.id)
    forwarding = make_floating_ip(world.context, external)
    PortForwardingManager(world.context).create(
        forwarding.id, protocol="tcp", internal_port_id=behind.id,
        internal_ip_address=behind.addresses.get().ip_address,
        internal=Ports(80, 80), external=Ports(8080, 8080),
    )  # fmt: skip
    world.settle()
    inside, outside = (
        port.addresses.get().ip_address,
        router.gateway.port.addresses.get().ip_address,
    )
    assert rows(
        world, "nat", "type", "external_ip", "logical_ip", "logical_port", "external_mac"
    ) == [
        [
            "dnat_and_snat",
            floating.floating_ip_address,
            inside,
            str(port.id),
            floating.port.mac_address,
        ],
        ["snat", outside, "10.0.0.0/24", "", ""],
    ]
    assert rows(world, "load_balancer", "vips", "protocol") == [
        [f"{forwarding.floating_ip_address}:8080={behind.addresses.get().ip_address}:80", "tcp"]
    ]
    gateway = f"lrp-{router.gateway.port_id}"
    assert rows(world, "logical_router_static_route", "ip_prefix", "nexthop", "output_port") == [
        ["0.0.0.0/0", "172.24.4.1", gateway],
        ["10.9.0.0/16", "10.0.0.77", ""],
    ]
    hosts = rows(world, "gateway_chassis", "chassis_name", "priority")
    assert [host for host, _ in hosts] == ["h1", "h2"]
    assert sorted(priority for _, priority in hosts) == ["1", "2"]
    assert ["router", "router"] in rows(world, "logical_switch_port", "type", "addresses")
    assert rows(world, "logical_switch_port", "type").count(["localnet"]) == 1
    assert {*Port.objects.filter(router_port__router=router).values_list("status", flat=True)} == {
        states.ACTIVE
    }
    # OVN forwards no ports to what answers for a whole address from its own host
    FloatingIpManager(world.context).update(floating.id, port_id=behind.id)
    world.settle()
    assert rows(world, "nat", "logical_port", "external_mac")[0] == ["", ""]


def test_texts_of_users_mean_nothing_to_ovn(world: World) -> None:
    evil = 'x"; $(id) {a="b"}\\ \n'
    network = make_network(world.context, name=evil)
    make_subnet(network, world.context)
    make_port(network, world.context, name=evil, hostname="ok")
    Port.objects.filter(name=evil).update(hostname='a" classless_static_route="{}')
    Network.objects.filter(id=network.id).update(dns_domain='b", router="10.0.0.66')
    world.settle()
    (said,) = rows(world, "dhcp_options", "options")
    assert "domain_name" not in said[0]
    assert rows(world, "logical_switch_port", "options") == [[""]]
    assert not world.server.count("dns")


def test_a_database_that_is_away_is_a_problem_and_nothing_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "AWAY_AFTER", 0.0)
    network = make_network(world.context)
    make_subnet(network, world.context)
    world.settle()
    world.server.stop()
    port = make_port(network, world.context)
    deadline = time.monotonic() + PATIENCE
    while not Agent.objects.get(host=NAME).problems:
        assert time.monotonic() < deadline
        world.writer.step()
        world.northbound.wait(0.05)
    assert Agent.objects.get(host=NAME).problems == [
        "OVN's northbound database does not answer. Changes wait until it does."
    ]
    world.server.start()
    world.settle()
    assert [str(port.id)] in rows(world, "logical_switch_port", "name")
    assert Agent.objects.get(host=NAME).problems == []


def test_of_two_writers_one_writes_and_the_other_takes_over(world: World) -> None:
    world.settle()
    second = World(world.server)
    network = make_network(world.context)
    for _ in range(20):
        assert second.writer.step() == 0
        second.northbound.wait(0.02)
    assert not second.northbound.is_writer
    assert not world.server.count("logical_switch")
    world.northbound.close()
    second.settle()
    assert rows(world, "logical_switch", "name") == [[f"network-{network.id}"]]
    second.northbound.close()


def test_ports_are_up_when_ovn_says_so(world: World) -> None:
    network = make_network(world.context)
    make_subnet(network, world.context)
    port = make_port(network, world.context)
    Port.objects.filter(id=port.id).update(host="h1", applied_revision=1)
    world.settle()
    for word, status in (("true", states.ACTIVE), ("false", states.DOWN)):
        world.server.ask("set", "logical_switch_port", str(port.id), f"up={word}")
        deadline = time.monotonic() + PATIENCE
        while Port.objects.get(id=port.id).status != status:
            assert time.monotonic() < deadline
            world.writer.step()
            world.northbound.wait(0.05)
    assert world.writer.step() == 0  # what OVN writes is no damage


def test_what_ovn_cannot_do_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network(world.context)
    subnet = make_subnet(network, world.context)
    group, external = make_group(world.context), make_external()
    make_router(world.context, subnets=[subnet], external=external)
    floating, port = make_floating_ip(world.context, external), make_port(network, world.context)
    said: dict[str, str] = {}
    tries: dict[str, Callable[[], object]] = {
        "rule": lambda: SecurityGroupRuleManager(world.context).create(
            security_group_id=group.id, direction="ingress", protocol="dccp",
            port_range_min=1, port_range_max=1,
        ),
        "forwarding": lambda: PortForwardingManager(world.context).create(
            floating.id, protocol="dccp", internal_port_id=port.id,
            internal=Ports(1, 1), external=Ports(1, 1),
        ),
        "option": lambda: make_port(
            network,
            world.context,
            extra_dhcp_opts=[{"opt_name": "posix-timezone", "opt_value": "CET"}],
        ),
    }  # fmt: skip
    monkeypatch.setenv("NETWORK_BACKEND", "ovn")
    for name, attempt in tries.items():
        with pytest.raises(InvalidInput) as caught:
            attempt()
        said[name] = caught.value.reason
    assert said == {
        "rule": "This cloud's networks have no rules about its ports.",
        "forwarding": "This cloud's networks have no port forwardings of DCCP.",
        "option": "OVN knows no option 100 of DHCP for IPv4.",
    }
    monkeypatch.setenv("NETWORK_BACKEND", "linuxbridge")
    assert all(attempt() for attempt in tries.values())


def test_a_rule_about_a_list_of_addresses_lets_them_in_and_an_empty_list_nobody(
    world: World,
) -> None:
    network = make_network(world.context)
    make_subnet(network, world.context)
    group = make_group(world.context)
    make_port(network, world.context, security_group_ids=[group.id])
    manager = AddressGroupManager(world.context)
    listed = manager.create(name="offices", addresses=["192.0.2.0/24", "198.51.100.7/32"])
    SecurityGroupRuleManager(world.context).create(
        security_group_id=group.id, direction="ingress", ethertype="IPv4",
        remote_address_group_id=listed.id,
    )  # fmt: skip
    world.settle()
    name = f"sg_{group.id.hex}_{network.id.hex}"
    wanted = f"outport == @{name} && ip4.src == {{192.0.2.0/24, 198.51.100.7/32}}"
    assert [wanted] in rows(world, "acl", "match")
    manager.remove_addresses(listed.id, ["192.0.2.0/24", "198.51.100.7/32"])
    world.settle()
    inward = [
        match for (match,) in rows(world, "acl", "match") if match.startswith(f"outport == @{name}")
    ]
    assert inward == []


def test_a_group_without_state_keeps_none_and_a_policy_marks_what_its_ports_send(
    world: World,
) -> None:
    network = make_network(world.context)
    make_subnet(network, world.context)
    group = make_group(world.context, stateful=False)
    policy = make_qos_policy(world.context, dscp=26)
    port = make_port(network, world.context, security_group_ids=[group.id], qos_policy_id=policy.id)
    SecurityGroupRuleManager(world.context).create(
        security_group_id=group.id, direction="ingress", ethertype="IPv4", protocol="icmp"
    )
    world.settle()
    actions = {action for action, _ in rows(world, "acl", "action", "match") if "sg_" in _}
    assert actions == {"allow-stateless"}
    (marked,) = rows(world, "qos", "action", "bandwidth", "direction", "match")
    assert marked == ["dscp=26", "", "from-lport", f'inport == "{port.id}" && ip']
    PortManager(world.context).update(port.id, qos_policy_id=None)
    world.settle()
    assert rows(world, "qos", "match") == []
    NetworkManager(world.context).update(network.id, qos_policy_id=policy.id)
    world.settle()
    Port.objects.filter(id=port.id).update(host="h1")
    (rule,) = DscpMarkingRuleManager(world.context).list(policy.id).rows
    DscpMarkingRuleManager(world.context).update(policy.id, rule.id, dscp_mark=10)
    world.settle()
    assert [one for (one,) in rows(world, "qos", "action")] == ["dscp=10"]
    PortManager(world.context).delete(port.id)
    world.settle()
    assert rows(world, "qos", "match") == []


def test_ports_floating_ips_and_gateways_are_held_to_their_policies(world: World) -> None:
    network, outside = make_network(world.context), make_external()
    subnet = make_subnet(network, world.context)
    slow = make_qos_policy(world.context, egress=1000, ingress=2000)
    port = make_port(network, world.context, qos_policy_id=slow.id)
    router = make_router(world.context, subnets=[subnet], external=outside)
    floating = make_floating_ip(world.context, outside, port_id=port.id)
    world.settle()
    own = {
        ("rate=1000", f'inport == "{port.id}" && ip'),
        ("rate=2000", f'outport == "{port.id}" && ip'),
    }

    def held() -> set[tuple[str, ...]]:
        return {tuple(row) for row in rows(world, "qos", "bandwidth", "match")}

    assert held() == own
    FloatingIpManager(world.context).update(floating.id, qos_policy_id=slow.id)
    world.settle()
    end = router.router_ports.get(is_gateway=True).port
    address = floating.floating_ip_address
    assert held() - own == {
        ("rate=1000", f'inport == "{end.id}" && ip4.src == {address}'),
        ("rate=2000", f'outport == "{end.id}" && ip4.dst == {address}'),
    }
    FloatingIpManager(world.context).update(floating.id, port_id=None)
    wish = Gateway(outside.id, qos_policy_id=slow.id, has_policy=True)
    RouterManager(world.context).update(router.id, gateway=wish)
    world.settle()
    [gateway] = end.addresses.all()
    assert ("rate=1000", f'inport == "{end.id}" && ip4.src == {gateway.ip_address}') in held()
    BandwidthLimitRuleManager(world.context).delete(slow.id, slow.rules.get(direction="egress").id)
    Port.objects.filter(id=port.id).update(host="h1")
    PortManager(world.context).delete(port.id)
    world.settle()
    assert {rate for rate, _ in held()} == {"rate=2000"}


def test_a_port_with_options_of_its_own_has_a_row_that_goes_with_them(world: World) -> None:
    network = make_network(world.context)
    make_subnet(network, world.context, cidr="10.0.0.0/24")
    boot = {"opt_name": "bootfile-name", "opt_value": "pxelinux.0"}
    port = make_port(network, world.context, extra_dhcp_opts=[boot])
    other = make_port(network, world.context)

    def told(port: Port) -> str:
        world.settle()
        row = world.server.column("logical_switch_port", "dhcpv4_options", f"name={port.id}")
        return world.server.ask("get", "dhcp_options", row, "options")

    assert "pxelinux.0" in told(port)
    assert "pxelinux.0" not in told(other)
    assert world.server.count("dhcp_options") == 2
    gone = [{"opt_name": "bootfile-name", "opt_value": None}]
    PortManager(world.context).update(port.id, extra_dhcp_opts=gone)
    assert "pxelinux.0" not in told(port)
    assert world.server.count("dhcp_options") == 1


def test_a_path_trace_says_what_is_wrong_in_ovn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETWORK_BACKEND", "ovn")
    monkeypatch.setitem(strategies.STRATEGIES, "isolated", Geneve())
    monkeypatch.setattr(conf, "NORTHBOUND", world.server.remote)
    nothing = PathSeen(at=1.0).dump()
    monkeypatch.setattr("network.trace.asking.ask_all", lambda orders, **_: [nothing] * len(orders))
    make_agent("h1")
    network, far = make_network(world.context), make_network(world.context)
    near = make_subnet(network, world.context, cidr="10.0.0.0/24")
    router = make_router(
        world.context, subnets=[near, make_subnet(far, world.context, cidr="10.1.0.0/24")]
    )
    source, goal, beyond = (make_port(one, world.context) for one in (network, network, far))
    ports = Port.objects.filter(id__in=[source.id, goal.id, beyond.id])
    ports.update(host="h1", applied_revision=99)
    group = goal.security_groups.get().id

    def trace(goal: Port) -> tuple[str, str]:
        found = PathTraceManager(world.context).create(
            source=End(port_id=source.id), destination=End(port_id=goal.id), protocol=1
        )
        place = found.stopped_at
        end = found.hops[-1 if place is None else place]
        return found.verdict, end.detail or end.kind

    world.settle()
    assert trace(goal) == ("reaches", "destination")
    assert trace(beyond) == ("reaches", "destination")
    held = source.addresses.get().ip_address
    of_group, of_members = symbol("sg", group, network.id), symbol("in4", group, network.id)
    rows_of_group = world.server.column("port_group", "_uuid", f"name={of_group}")
    row = world.server.column("logical_switch_port", "_uuid", f"name={goal.id}")
    harms: dict[str, tuple[Port, tuple[str, ...]]] = {
        f"no Logical_Switch_Port {source.id}": (goal, ("lsp-del", str(source.id))),
        "its Logical_Switch_Port is not enabled": (goal, ("lsp-set-enabled", str(goal.id), "disabled")),
        f"not in Port_Group {of_group}": (goal, ("remove", "port_group", rows_of_group, "ports", row)),
        f"Address_Set {of_members} lacks {held}": (
            goal, ("remove", "address_set", of_members, "addresses", f'"{held}"'),
        ),
        f"no Logical_Router router-{router.id}, or not enabled": (
            beyond, ("lr-del", f"router-{router.id}"),
        ),
    }  # fmt: skip

    def is_reached(end: Port) -> bool:
        return trace(end)[0] == "reaches"

    for detail, (end, words) in harms.items():
        world.server.ask(*words)
        assert trace(end) == ("stopped", f"OVN northbound: {detail}")
        world.settle_until(partial(is_reached, end), what=detail)
    world.server.stop()
    try:
        verdict, detail = trace(goal)
        assert verdict == "unknown"
        assert "does not answer" in detail
    finally:
        world.server.start()
