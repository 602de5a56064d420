"""A router as OVN has it: distributed, but for what leaves by the gateway of the first host that is up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from cloudweb.addresses import parse_address, parse_block
from network.ovn.facts import LegFacts, RouterFacts
from network.ovn.limits import router_rules
from network.ovn.rows import Row, network_key, router_key

#: Hosts that a gateway may be on: more do not make it safer, and each watches each.
MAX_HOSTS = 5
#: Seconds after which what a router knows of a neighbour that is silent is asked anew.
AGE = "300"


def router_rows(
    router: RouterFacts, *, distributed: bool = True, dns_servers: Sequence[str] = ()
) -> Iterator[Row]:
    """Give all rows of a router."""
    key = router_key(router.id)
    balancers = list(_forwardings(router))
    yield Row(
        "Logical_Router",
        key,
        columns={
            "name": f"router-{router.id}",
            "enabled": [router.up],
            "options": {
                "always_learn_from_arp_request": "false",
                "dynamic_neigh_routers": "true",
                "mac_binding_age_threshold": AGE,
            },
            "external_ids": {
                "cloudweb-revision": str(router.revision),
                "cloudweb-name": router.name,
            },
        },
        refers={"load_balancer": ("Load_Balancer", [row.key for row in balancers])},
    )
    yield from balancers
    for leg in router.legs:
        yield from _leg(router, leg, dns_servers)
    if router.gateway is not None:
        yield from _gateway(router, router.gateway)
        yield from _translations(router, router.gateway, distributed=distributed)
        yield from router_rules(router)
    for to, by in router.routes:
        yield _route(router, f"route/{to}/{by}", to, by)


def leg_name(port_id: UUID) -> str:
    """Return what a router's port is called; its end on the switch is called by its id alone."""
    return f"lrp-{port_id}"


def _leg(router: RouterFacts, leg: LegFacts, dns_servers: Sequence[str]) -> Iterator[Row]:
    yield _port(router, leg, _adverts(leg, dns_servers))
    yield _end(router, leg, {})


def _port(router: RouterFacts, leg: LegFacts, adverts: Mapping[str, str]) -> Row:
    """Return a router's port as the router has it."""
    return Row(
        "Logical_Router_Port",
        _port_key(router, leg),
        parent=router_key(router.id),
        columns={
            "name": leg_name(leg.port_id),
            "mac": leg.mac,
            "networks": [*leg.addresses],
            "ipv6_ra_configs": adverts,
            "options": {},
            "external_ids": {},
        },
    )


def _port_key(router: RouterFacts, leg: LegFacts) -> str:
    return f"{router_key(router.id)}/port/{leg.port_id}"


def _end(router: RouterFacts, leg: LegFacts, options: Mapping[str, str]) -> Row:
    """Return a router's port as its network's switch has it."""
    return Row(
        "Logical_Switch_Port",
        f"{router_key(router.id)}/end/{leg.port_id}",
        parent=network_key(leg.network_id),
        columns={
            "name": str(leg.port_id),
            "type": "router",
            "addresses": ["router"],
            "options": {"router-port": leg_name(leg.port_id), **options},
            "external_ids": {},
        },
    )


def _adverts(leg: LegFacts, dns_servers: Sequence[str]) -> dict[str, str]:
    """Return how a router advertises its subnets of IPv6, where they say that it shall."""
    modes = [subnet.ra_mode for subnet in leg.subnets if subnet.version == 6 and subnet.ra_mode]
    if not modes:
        return {}
    mode = {"dhcpv6-stateful": "dhcpv6_stateful", "dhcpv6-stateless": "dhcpv6_stateless"}
    found = {
        "address_mode": mode.get(modes[0], "slaac"),
        "send_periodic": "true",
        "mtu": str(leg.mtu),
    }
    names = [
        server
        for subnet in leg.subnets
        for server in subnet.dns or dns_servers
        if parse_address(server).version == 6
    ]
    if names:
        found["rdnss"] = str(parse_address(names[0]))
    return found


def _gateway(router: RouterFacts, leg: LegFacts) -> Iterator[Row]:
    hosts = router.hosts[:MAX_HOSTS]
    chassis = [
        Row(
            "Gateway_Chassis",
            f"{router_key(router.id)}/host/{leg.port_id}/{host}",
            parent=_port_key(router, leg),
            columns={
                "name": f"{leg_name(leg.port_id)}_{host}",
                "chassis_name": host,
                "priority": len(hosts) - place,
                "external_ids": {},
            },
        )
        for place, host in enumerate(hosts)
    ]
    yield _port(router, leg, {})
    yield from chassis
    yield _end(router, leg, {"nat-addresses": "router"})
    for hop in router.next_hops:
        everything = "::/0" if ":" in hop else "0.0.0.0/0"
        yield _route(router, f"way-out/{hop}", everything, hop, output=leg_name(leg.port_id))


def _route(router: RouterFacts, part: str, to: str, by: str, *, output: str = "") -> Row:
    return Row(
        "Logical_Router_Static_Route",
        f"{router_key(router.id)}/{part}",
        parent=router_key(router.id),
        columns={
            "ip_prefix": str(parse_block(to)),
            "nexthop": str(parse_address(by)),
            "output_port": [output] if output else [],
            "external_ids": {},
        },
    )


def _translations(router: RouterFacts, leg: LegFacts, *, distributed: bool) -> Iterator[Row]:
    outside = [address.partition("/")[0] for address in leg.addresses]
    four = next((address for address in outside if ":" not in address), None)
    if router.snat and four is not None:
        blocks = {
            subnet.cidr for one in router.legs for subnet in one.subnets if subnet.version == 4
        }
        for block in sorted(blocks.difference(router.untranslated)):
            yield _nat(router, f"snat/{block}", "snat", four, block)
    forwarded = {one.port_id for one in router.forwardings}
    for floating in router.floating:
        # OVN does not forward ports to one that answers from its own host for all of another address
        alone = distributed and floating.port_id not in forwarded
        yield _nat(
            router,
            f"floating/{floating.id}",
            "dnat_and_snat",
            floating.address,
            floating.fixed,
            logical_port=[str(floating.port_id)] if alone else [],
            external_mac=[floating.mac] if alone else [],
        )


def _nat(
    router: RouterFacts,
    part: str,
    kind: str,
    external: str,
    logical: str,
    *,
    logical_port: Sequence[str] = (),
    external_mac: Sequence[str] = (),
) -> Row:
    return Row(
        "NAT",
        f"{router_key(router.id)}/{part}",
        parent=router_key(router.id),
        columns={
            "type": kind,
            "external_ip": external,
            "logical_ip": logical,
            "logical_port": logical_port,
            "external_mac": external_mac,
            "external_ids": {},
        },
    )


def _forwardings(router: RouterFacts) -> Iterator[Row]:
    found: defaultdict[tuple[UUID, str], dict[str, str]] = defaultdict(dict)
    for one in router.forwardings:
        if one.protocol not in ("tcp", "udp", "sctp"):
            continue
        for place in range(one.last - one.first + 1):
            inside = one.fixed_first + (place if one.fixed_last > one.fixed_first else 0)
            vips = found[one.floating_id, one.protocol]
            vips[f"{one.address}:{one.first + place}"] = f"{one.fixed}:{inside}"
    for (floating_id, protocol), vips in sorted(found.items()):
        yield Row(
            "Load_Balancer",
            f"{router_key(router.id)}/forwarding/{floating_id}/{protocol}",
            columns={
                "name": f"forwarding-{floating_id}-{protocol}",
                "protocol": [protocol],
                "vips": vips,
                "external_ids": {},
            },
        )
