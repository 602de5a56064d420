"""What this host and OVN's southbound database have of a port, looked at for a path trace. It changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from cloudweb import process
from cloudweb.addresses import parse_address
from cloudweb.driver import DriverError
from network.drivers.linuxbridge.links import Links
from network.drivers.ovn.switch import BRIDGE, Switch
from network.protocols import ICMP, ICMPV6, WITH_PORTS
from network.trace.objects import BINDING, CARD, FLOWS, TAP, PortLook, Sighting

TIMEOUT = 2  # seconds for an answer of a database; that of the flows gets as long again
CLIENT_PORT = 49152  # stands for those that clients send from (RFC 6335)
_SWITCH, _SOUTHBOUND, _TRACE = "Open vSwitch", "OVN southbound", "ovn-trace"
_PORTED = {6: "tcp", 17: "udp", 132: "sctp"}


def look_at_port(look: PortLook, switch: Switch, host: str) -> Iterator[Sighting]:
    """Tell of a port's tap and binding, and where flows lead what it sends to a port of its network."""
    yield from _tap(look, switch)
    database = _database(switch)
    yield _binding(look, database, host)
    if look.direction == "egress" and look.to_port:
        yield _flows(look, database)


def _tap(look: PortLook, switch: Switch) -> Iterator[Sighting]:
    """Tell of a port's tap; of one that another carries, of that one's."""
    name, port_id = look.carrier_tap or look.tap, look.carrier or look.port_id
    with Links.open() as links:
        tap = links.find(name)
    plugged = {one.name: one for one in switch.plugged()}.get(name)
    wrong = ""
    if tap is None:
        wrong = f"{name} is not there"
    elif plugged is None or name not in switch.on_bridge():
        wrong = f"{name} is not on {BRIDGE}"
    elif plugged.interface_id != port_id:
        wrong = f"OVN takes {name} for port {plugged.interface_id or 'none'}"
    elif not tap.up or not plugged.present:
        wrong = f"{name} is down"
    yield Sighting(kind=TAP, about=look.port_id, passes=not wrong, source=_SWITCH,
                   detail=wrong or f"{name} is on {BRIDGE}")  # fmt: skip
    if tap is not None and tap.up:
        detail = f"{name} has {'a' if tap.carrier else 'no'} carrier"
        yield Sighting(kind=CARD, about=look.port_id, passes=tap.carrier, source=_SWITCH,
                       detail=detail)  # fmt: skip


def _database(switch: Switch) -> Sequence[str]:
    """Return the words that lead OVN's tools to the southbound database."""
    remote = switch.settings().get("ovn-remote", "")
    secret = switch.certificates() if "ssl:" in remote else ()
    return (f"--db={remote}", *secret)


def _binding(look: PortLook, database: Sequence[str], host: str) -> Sighting:
    seen = Sighting(kind=BINDING, about=look.port_id, passes=None, source=_SOUTHBOUND)
    try:
        ports = _found(database, "chassis,up", "Port_Binding", f"logical_port={look.port_id}")
        chassis = _found(database, "_uuid", "Chassis", f"name={host}")
    except DriverError:
        return seen
    if not ports:
        return seen.model_copy(update={"passes": False, "detail": f"no binding of {look.port_id}"})
    (port,) = ports
    if port["chassis"] not in [one["_uuid"] for one in chassis]:
        taken = "no host" if port["chassis"] == ["set", []] else "another host"
        return seen.model_copy(update={"passes": False, "detail": f"{taken} has claimed it"})
    up = port["up"] is True
    return seen.model_copy(
        update={"passes": up, "detail": f"{host} has claimed it{'' if up else ', it is not up'}"}
    )


def _flows(look: PortLook, database: Sequence[str]) -> Sighting:
    """Let ``ovn-trace`` follow the first packet of a connection."""
    seen = Sighting(kind=FLOWS, about=look.port_id, direction=look.direction, passes=None,
                    source=_TRACE)  # fmt: skip
    words = (
        "ovn-trace",
        *database,
        *["--ct=new"] * 4,
        "--no-friendly-names",
        "--minimal",
        f"network-{look.network_id}",
    )
    try:
        followed = process.run(*words, packet_of(look), timeout=TIMEOUT).text
    except DriverError:
        return seen
    passes = f'output("{look.to_port}")' in followed
    last = [line.strip() for line in followed.splitlines() if not line.startswith("#")]
    return seen.model_copy(update={"passes": passes, "detail": " ".join(last)[-200:] or "dropped"})


def packet_of(look: PortLook) -> str:
    """Return a packet in OVN's words."""
    source, destination = parse_address(look.source), parse_address(look.destination)
    ip = f"ip{destination.version}"
    parts = [
        f'inport == "{look.port_id}"',
        f"eth.src == {look.mac}",
        f"eth.dst == {look.to_mac}",
        f"{ip}.src == {source}",
        f"{ip}.dst == {destination}",
        "ip.ttl == 64",
    ]
    name = _PORTED.get(look.protocol)
    if look.protocol in (ICMP, ICMPV6):
        six = look.protocol == ICMPV6
        parts.append(f"icmp{6 if six else 4}.type == {128 if six else 8}")
        parts.append(f"icmp{6 if six else 4}.code == 0")
    elif name is not None and look.protocol in WITH_PORTS and look.port is not None:
        parts += [f"{name}.src == {CLIENT_PORT}", f"{name}.dst == {look.port}"]
    else:
        parts.append(f"ip.proto == {look.protocol}")
    return " && ".join(parts)


def _found(
    database: Sequence[str], columns: str, table: str, condition: str
) -> list[dict[str, Any]]:
    words = ("ovn-sbctl", *database, f"--timeout={TIMEOUT}", "--no-leader-only", "--format=json",
             f"--columns={columns}", "find", table, condition)  # fmt: skip
    found = json.loads(process.run(*words, timeout=TIMEOUT + 1).stdout)
    return [dict(zip(found["headings"], row, strict=True)) for row in found["data"]]
