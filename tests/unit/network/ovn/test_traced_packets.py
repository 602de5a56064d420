"""A packet in OVN's words, for ``ovn-trace``."""

from __future__ import annotations

from typing import Any

from network.drivers.ovn.observing import packet_of
from network.trace.objects import PortLook


def words(**said: Any) -> list[str]:
    values: dict[str, Any] = {
        "port_id": "p", "network_id": "n", "tap": "tap1", "mac": "fa:16:3e:00:00:01",
        "direction": "egress", "source": "10.0.0.5", "destination": "10.0.0.6", "protocol": 6,
        "to_mac": "fa:16:3e:00:00:02", **said,
    }  # fmt: skip
    return packet_of(PortLook(**values)).split(" && ")


def test_a_packet_is_said_with_all_that_rules_look_at() -> None:
    assert words(port=22) == [
        'inport == "p"', "eth.src == fa:16:3e:00:00:01", "eth.dst == fa:16:3e:00:00:02",
        "ip4.src == 10.0.0.5", "ip4.dst == 10.0.0.6", "ip.ttl == 64", "tcp.src == 49152",
        "tcp.dst == 22",
    ]  # fmt: skip
    six = {"source": "fd00::5", "destination": "fd00::6"}
    ends = {
        "udp": words(protocol=17, port=53)[-1],
        "a ping": words(protocol=1)[-2:],
        "a ping of IPv6": words(protocol=58, **six)[-2:],
        "gre": words(protocol=47)[-1],
    }
    assert ends == {
        "udp": "udp.dst == 53", "a ping": ["icmp4.type == 8", "icmp4.code == 0"],
        "a ping of IPv6": ["icmp6.type == 128", "icmp6.code == 0"], "gre": "ip.proto == 47",
    }  # fmt: skip
    assert "ip6.src == fd00::5" in words(protocol=58, **six)
