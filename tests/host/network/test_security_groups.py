"""Groups drop without a rule, pass with one, and let replies back, on the real kernel."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from network.objects import MembersChange, NetworkPicture
from tests.builders.ports import (
    allow,
    free_egress,
    from_group,
    make_network,
    make_port,
    make_subnet,
    make_subnet6,
    members,
    new_id,
)
from tests.host.network.bench import KernelBench
from tests.host.network.conftest import MakeGuest
from tests.infrastructure import PATIENCE

pytestmark = pytest.mark.host


def test_without_a_rule_dropped_with_it_passed(bench: KernelBench, make_guest: MakeGuest) -> None:
    network = make_network()
    client = make_guest(make_port(network, "10.5.0.11"))
    server = make_guest(make_port(network, "10.5.0.12"))
    with server.serving(22), server.serving(80):
        assert not client.connects("10.5.0.12", 22)
        rules = (*free_egress(), allow("tcp", port_min=22, port_max=22))
        port = server.port.model_copy(update={"rules": rules, "revision": 2})
        bench.agent.plug(port)
        assert client.connects("10.5.0.12", 22)
        assert not client.connects("10.5.0.12", 80)
        bench.agent.plug(port.model_copy(update={"rules": free_egress(), "revision": 3}))
        assert not client.connects("10.5.0.12", 22)


def test_ping_one_way(make_guest: MakeGuest) -> None:
    network = make_network()
    quiet = make_guest(make_port(network, "10.5.0.11"))
    open_ = make_guest(make_port(network, "10.5.0.12", rules=(*free_egress(), allow("icmp"))))
    assert quiet.reaches("10.5.0.12")
    assert not open_.pings("10.5.0.11")
    assert quiet.reaches("10.5.0.1")
    assert open_.reaches("10.5.0.1")


def test_a_rule_for_some_types_of_icmp(make_guest: MakeGuest) -> None:
    network = make_network()
    one = make_guest(make_port(network, "10.5.0.11"))
    echo = allow("icmp", port_min=8, port_max=0)
    unreachable = allow("1", port_min=3)
    make_guest(make_port(network, "10.5.0.12", rules=(echo,)))
    make_guest(make_port(network, "10.5.0.13", rules=(unreachable,)))
    assert one.reaches("10.5.0.12")
    assert not one.pings("10.5.0.13")


def test_a_rule_for_members_of_a_group(make_guest: MakeGuest) -> None:
    network = make_network()
    rule = allow("tcp", port_min=80, port_max=90, remotes=("10.5.0.11/32", "192.0.2.0/24"))
    server = make_guest(make_port(network, "10.5.0.13", rules=(rule,)))
    member = make_guest(make_port(network, "10.5.0.11"))
    stranger = make_guest(make_port(network, "10.5.0.12"))
    with server.serving(85):
        assert member.connects("10.5.0.13", 85)
        assert not stranger.connects("10.5.0.13", 85)


def test_members_of_a_set_come_and_go_and_who_leaves_is_cut(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    network, group = make_network(), new_id()
    rules = (from_group(group, "tcp", port_min=80, port_max=90),)
    of_block = members(network, group, 1, "10.5.0.64/26")
    server = make_guest(make_port(network, "10.5.0.13", group_rules=rules, groups=(of_block,)))
    member = make_guest(make_port(network, "10.5.0.11"))
    inside = make_guest(make_port(network, "10.5.0.65"))

    def change(**values: Any) -> None:
        one = MembersChange(group_id=group, **values)
        bench.agent.refresh(NetworkPicture(id=network.id, ports=(), changes=(one,)))

    with server.serving(95), server.serving(85):
        assert inside.connects("10.5.0.13", 85)
        assert not member.connects("10.5.0.13", 85)
        change(since=1, generation=2, added=("10.5.0.11/32",))
        assert member.connects("10.5.0.13", 85)
        assert not member.connects("10.5.0.13", 95)
    listener = server.inside(lambda: socket.create_server(("", 86)))
    with listener:
        asking = member.inside(lambda: socket.create_connection(("10.5.0.13", 86), PATIENCE))
        answering, _ = listener.accept()
        with asking, answering:
            change(since=2, generation=3, removed=("10.5.0.11/32", "10.5.0.64/26"))
            answering.settimeout(1.0)  # what must not come
            asking.sendall(b"one")
            with pytest.raises(TimeoutError):
                answering.recv(16)
        assert not inside.connects("10.5.0.13", 86)


def test_without_an_egress_rule_nothing_leaves_but_replies(make_guest: MakeGuest) -> None:
    network = make_network()
    shut = make_guest(make_port(network, "10.5.0.11", rules=(allow("tcp", port_min=80),)))
    make_guest(make_port(network, "10.5.0.12", rules=(allow(),)))
    assert not shut.pings("10.5.0.12")
    assert not shut.pings("10.5.0.1")
    client = make_guest(make_port(network, "10.5.0.13"))
    with shut.serving(80):
        assert client.connects("10.5.0.11", 80)


def test_a_withdrawn_rule_cuts_its_connections(bench: KernelBench, make_guest: MakeGuest) -> None:
    network = make_network()
    client = make_guest(make_port(network, "10.5.0.11"))
    rules = (*free_egress(), allow("tcp", port_min=7))
    server = make_guest(make_port(network, "10.5.0.12", rules=rules))
    listener = server.inside(lambda: socket.create_server(("", 7)))
    with listener:
        asking = client.inside(lambda: socket.create_connection(("10.5.0.12", 7), PATIENCE))
        answering, _ = listener.accept()
        with asking, answering:
            answering.settimeout(PATIENCE)
            asking.sendall(b"one")
            assert answering.recv(16) == b"one"
            answering.settimeout(1.0)  # what must not come
            bench.agent.plug(server.port.model_copy(update={"rules": free_egress(), "revision": 2}))
            asking.sendall(b"two")
            with pytest.raises(TimeoutError):
                answering.recv(16)


def test_a_connection_of_a_rule_that_stays_goes_on(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    network = make_network()
    client = make_guest(make_port(network, "10.5.0.11"))
    server = make_guest(make_port(network, "10.5.0.12", rules=(allow("tcp", port_min=7),)))
    listener = server.inside(lambda: socket.create_server(("", 7)))
    with listener:
        asking = client.inside(lambda: socket.create_connection(("10.5.0.12", 7), PATIENCE))
        answering, _ = listener.accept()
        with asking, answering:
            answering.settimeout(PATIENCE)
            bench.agent.plug(make_port(network, "10.5.0.13"))
            more = (*server.port.rules, allow("icmp"))
            bench.agent.plug(server.port.model_copy(update={"rules": more, "revision": 2}))
            bench.restart()
            asking.sendall(b"still here")
            assert answering.recv(16) == b"still here"


def test_port_security_off_lets_all_pass(make_guest: MakeGuest) -> None:
    network = make_network()
    one = make_guest(make_port(network, "10.5.0.11", rules=(), port_security=False))
    two = make_guest(make_port(network, "10.5.0.12", rules=(), port_security=False))
    one.ip("addr", "add", "10.5.0.99/24", "dev", "eth0")
    assert one.reaches("10.5.0.12", source="10.5.0.99")
    assert two.reaches("10.5.0.11")


def test_a_disabled_port_is_cut_off(bench: KernelBench, make_guest: MakeGuest) -> None:
    network = make_network()
    one = make_guest(make_port(network, "10.5.0.11"))
    two = make_guest(make_port(network, "10.5.0.12", rules=(allow(),)))
    assert one.reaches("10.5.0.12")
    bench.agent.plug(two.port.model_copy(update={"admin_up": False, "revision": 2}))
    assert not one.pings("10.5.0.12")


def test_ipv6(make_guest: MakeGuest) -> None:
    network = make_network(subnets=(make_subnet(), make_subnet6()))
    six = allow("icmp", ethertype="IPv6")
    web = allow("tcp", ethertype="IPv6", port_min=80, remotes=("fd05::11/128",))
    quiet = make_guest(make_port(network, "fd05::11"))
    open_ = make_guest(make_port(network, "fd05::12", rules=(*free_egress(), six, web)))
    stranger = make_guest(make_port(network, "fd05::13"))
    assert quiet.reaches("fd05::12")
    assert not open_.pings("fd05::11")
    assert quiet.reaches("fd05::1")
    with open_.serving(80, address="fd05::12"):
        assert quiet.connects("fd05::12", 80)
        assert not stranger.connects("fd05::12", 80)


def test_a_stateless_port_gets_answers_by_a_rule_alone(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    network = make_network()
    client = make_guest(make_port(network, "10.5.0.11", rules=free_egress(), stateless=True))
    web = allow("tcp", port_min=80, port_max=80)
    server = make_guest(make_port(network, "10.5.0.12", rules=(*free_egress(), web)))
    with server.serving(80):
        assert not client.connects("10.5.0.12", 80)
        answers = (*free_egress(), allow("tcp", port_min=1024, port_max=65535))
        open_ = client.port.model_copy(update={"rules": answers, "revision": 2})
        bench.agent.plug(open_)
        assert client.connects("10.5.0.12", 80)
        stateful = {"rules": free_egress(), "stateless": False, "revision": 3}
        bench.agent.plug(client.port.model_copy(update=stateful))
        assert client.connects("10.5.0.12", 80)
