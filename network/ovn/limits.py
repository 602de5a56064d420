"""What QoS policies are in OVN's words: rules of a switch about what comes from a port or goes to one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cloudweb.addresses import parse_address
from network.objects import BandwidthLimit
from network.ovn.facts import NetworkFacts, PortFacts, RouterFacts
from network.ovn.rows import Row, network_key, port_key, router_key

#: Of what is about addresses, and of what is about a port alone.
_OF_ADDRESSES, _OF_PORTS = 2001, 2000


def port_rules(network: NetworkFacts, port: PortFacts) -> Iterator[Row]:
    """Give what a port's policy holds its guest to, and writes into what it sends."""
    qos = port.qos
    if qos is None:
        return
    key, parent = port_key(network.id, port.id), network_key(network.id)
    out, into = f'inport == "{port.id}" && ip', f'outport == "{port.id}" && ip'
    if qos.dscp is not None:
        yield _rule(f"{key}/dscp", parent, "from-lport", out, action={"dscp": qos.dscp})
    if qos.egress is not None:
        yield _rule(f"{key}/egress", parent, "from-lport", out, bandwidth=_rate(qos.egress))
    if qos.ingress is not None:
        yield _rule(f"{key}/ingress", parent, "to-lport", into, bandwidth=_rate(qos.ingress))


def router_rules(router: RouterFacts) -> Iterator[Row]:
    """Give what a router's addresses outside are held to, on the way through its end on that network."""
    if router.gateway is None:
        return
    end, parent = router.gateway.port_id, network_key(router.gateway.network_id)
    for limit in router.limits:
        key = f"{router_key(router.id)}/limit/{limit.address}"
        ip = f"ip{parse_address(limit.address).version}"
        out = f'inport == "{end}" && {ip}.src == {limit.address}'
        into = f'outport == "{end}" && {ip}.dst == {limit.address}'
        if limit.egress is not None:
            rate = _rate(limit.egress)
            yield _rule(f"{key}/egress", parent, "from-lport", out, _OF_ADDRESSES, bandwidth=rate)
        if limit.ingress is not None:
            rate = _rate(limit.ingress)
            yield _rule(f"{key}/ingress", parent, "to-lport", into, _OF_ADDRESSES, bandwidth=rate)


def _rule(
    key: str,
    parent: str,
    direction: str,
    match: str,
    priority: int = _OF_PORTS,
    *,
    action: Mapping[str, int] | None = None,
    bandwidth: Mapping[str, int] | None = None,
) -> Row:
    return Row(
        "QoS",
        key,
        parent=parent,
        columns={
            "direction": direction,
            "priority": priority,
            "match": match,
            "action": dict(action or {}),
            "bandwidth": dict(bandwidth or {}),
            "external_ids": {},
        },
    )


def _rate(limit: BandwidthLimit) -> dict[str, int]:
    burst = {"burst": limit.burst_kbits} if limit.burst_kbits else {}
    return {"rate": limit.max_kbps, **burst}
