"""Links, addresses and routes through netlink, each method an *ensure* or an *absent*."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from cloudweb.addresses import parse_address, parse_interface
from cloudweb.driver import DriverError
from network.drivers.linuxbridge.namespaces import inside

TUNSETIFF, TUNSETPERSIST, TUNSETOWNER = 0x400454CA, 0x400454CB, 0x400454CC
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
_IFF_UP, _IFF_LOWER_UP = 0x1, 0x10000
NO_OWNER = "-1"
MAIN_TABLE = 254
LOOSE_BINDING, REORDER_HEADER = 0x4, 0x1  # of a VLAN; the second is what it has anyway
MODULES = {"vxlan": "vxlan", "vlan": "8021q"}
ANYWHERE, ANYWHERE_6 = str(IPv4Address(0)), str(IPv6Address(0))


@dataclass(frozen=True, slots=True)
class Link:
    """An interface as the kernel shows it; ``master`` is an index, 0 for none."""

    index: int
    name: str
    alias: str
    master: int
    mtu: int
    up: bool
    kind: str
    qdisc: str  # what it queues by
    parent: int  # the index of what it is a part of, 0 for nothing
    carrier: bool  # what it leads to is there: somebody holds a tap open
    filtered: bool  # a bridge whose IPv4 and IPv6 frames pass the inet hooks


class Links:
    """A netlink socket in the namespace of the thread that opened it."""

    def __init__(self, route: IPRoute) -> None:
        self._route = route

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Links]:
        """Open a socket; whatever the kernel refuses is a DriverError."""
        try:
            with IPRoute() as route:
                yield cls(route)
        except NetlinkError as error:
            raise DriverError(
                "The host's kernel refused a change to its network.", detail=str(error)
            ) from error

    def all(self) -> Sequence[Link]:
        """Return every link."""
        return [_link(message) for message in self._route.get_links()]

    def find(self, name: str) -> Link | None:
        """Return a link, or None."""
        try:
            return _link(next(iter(self._route.link("get", ifname=name))))
        except NetlinkError as error:
            if error.code in (errno.ENODEV, errno.EINVAL):
                return None
            raise

    def get(self, name: str) -> Link:
        """Return a link; raise DriverError when there is none."""
        link = self.find(name)
        if link is None:
            raise DriverError("A network interface of the host is missing.", detail=name)
        return link

    @classmethod
    def lacks(cls, name: str, *, namespace: str | None) -> bool:
        """Tell whether a namespace has no such link."""

        def look() -> bool:
            with cls.open() as links:
                return links.find(name) is None

        return inside(namespace, look)

    def ensure_bridge(self, name: str, *, alias: str, mtu: int) -> Link:
        """Make a bridge without spanning tree whose frames pass the inet hooks, on this bridge alone."""
        options = {
            "br_stp_state": 0,
            "br_forward_delay": 0,
            "br_mcast_snooping": 0,
            "br_nf_call_iptables": 1,
            "br_nf_call_ip6tables": 1,
        }
        link = self.find(name)
        if link is None:
            self._route.link("add", ifname=name, kind="bridge", **options)
        elif not link.filtered:
            self._route.link("set", index=link.index, kind="bridge", **options)
        self.ensure(name, alias=alias, mtu=mtu)
        link = self.get(name)
        if not link.filtered:
            raise DriverError(
                "This host's kernel cannot filter bridged traffic (no br_netfilter), so security "
                "groups would not hold. Load it: modprobe br_netfilter."
            )
        return link

    def ensure_veth(
        self, name: str, *, peer: str, namespace: str | None, mac: str | None = None
    ) -> None:
        """Make a pair with ``peer`` (and its MAC) at the other end; pairs are made and vanish whole."""
        if self.find(name) is None:
            other = {"ifname": peer}
            if namespace is not None:
                other["net_ns_fd"] = namespace
            if mac is not None:
                other["address"] = mac
            self._route.link("add", ifname=name, kind="veth", peer=other)

    def ensure_holder(self, name: str) -> None:
        """Make a link that traffic is led through to be held up."""
        if self.find(name) is None:
            self._route.link("add", ifname=name, kind="ifb")

    def ensure_vxlan(self, name: str, *, number: int, local: str, port: int) -> bool:
        """Make a VXLAN device that learns nothing from what it gets; tell whether it is a new one.

        One with another number or end of the tunnel is made anew.
        """
        wanted = {"IFLA_VXLAN_ID": number, "IFLA_VXLAN_LOCAL": local, "IFLA_VXLAN_PORT": port}
        return self._ensure_kind(
            name,
            "vxlan",
            wanted,
            {
                "vxlan_id": number,
                "vxlan_local": local,
                "vxlan_port": port,
                "vxlan_learning": 0,
            },
        )

    def ensure_vlan(self, name: str, *, parent: str, number: int) -> bool:
        """Make the sub-interface for a VLAN of an interface; tell whether it is a new one."""
        link = self.find(name)
        above = self.get(parent).index
        if link is not None and link.parent != above:
            self.delete(name)
        return self._ensure_kind(
            name, "vlan", {"IFLA_VLAN_ID": number}, {"vlan_id": number, "link": above}
        )

    def ensure_trunk_vlan(self, name: str, *, parent: str, number: int) -> bool:
        """Make the sub-interface for a VLAN of a guest's tap; tell whether it is a new one.

        Whether it is up is its own matter: a guest's tap goes down with its card, and comes up again.
        """
        link, above = self.find(name), self.get(parent).index
        if link is not None and link.parent != above:
            self.delete(name)
        flags = {"flags": LOOSE_BINDING | REORDER_HEADER, "mask": LOOSE_BINDING | REORDER_HEADER}
        return self._ensure_kind(
            name,
            "vlan",
            {"IFLA_VLAN_ID": number},
            {"vlan_id": number, "link": above, "vlan_flags": flags},
        )

    def ensure_address(self, name: str, mac: str) -> None:
        """Make a link's MAC address be this, and stay so whatever joins it."""
        message = next(iter(self._route.link("get", ifname=name)))
        if message.get_attr("IFLA_ADDRESS") != mac:
            self._route.link("set", index=message["index"], address=mac)

    def vxlan_number(self, name: str) -> int | None:
        """Return the number (VNI) of a VXLAN device, or None."""
        found = self._data(name, "vxlan", ("IFLA_VXLAN_ID",)).get("IFLA_VXLAN_ID")
        return None if found is None else int(found)

    def _ensure_kind(
        self, name: str, kind: str, wanted: Mapping[str, Any], options: Mapping[str, Any]
    ) -> bool:
        """Make a link of a kind whose data are as wanted; one that is not is made anew."""
        if self._data(name, kind, wanted) == wanted:
            return False
        self.delete(name)
        try:
            self._route.link("add", ifname=name, kind=kind, **options)
        except NetlinkError as error:
            if error.code == errno.EOPNOTSUPP:
                raise DriverError(
                    f"This host's kernel has no {kind} interfaces (modprobe {MODULES[kind]}).",
                    detail=str(error),
                ) from error
            raise
        return True

    def _data(self, name: str, kind: str, wanted: Iterable[str]) -> dict[str, Any]:
        """Return what a link's own data say of this; nothing for one of another kind, or none."""
        try:
            message = next(iter(self._route.link("get", ifname=name)))
        except NetlinkError as error:
            if error.code in (errno.ENODEV, errno.EINVAL):
                return {}
            raise
        info = message.get_attr("IFLA_LINKINFO")
        if info is None or info.get_attr("IFLA_INFO_KIND") != kind:
            return {}
        data = info.get_attr("IFLA_INFO_DATA")
        return {} if data is None else {key: data.get_attr(key) for key in wanted}

    def release(self, name: str) -> None:
        """Take a link from its bridge; absent is fine."""
        link = self.find(name)
        if link is not None and link.master:
            self._route.link("set", index=link.index, master=0)

    def holder_of(self, address: str) -> str | None:
        """Return the link that has an IPv4 address, or None."""
        for message in self._route.get_addr(family=socket.AF_INET):
            if message.get_attr("IFA_LOCAL") == address:
                return socket.if_indextoname(message["index"])
        return None

    def ensure_tap(self, name: str) -> None:
        """Make a tap that stays without a process and carries QEMU's offload headers.

        It is root's: one that belongs to nobody may be opened by everybody while its guest is off. An
        interface that has the name already is taken as it is, but for that.
        """
        if self.find(name) is not None and _owner(name) != NO_OWNER:
            return
        try:
            handle = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise DriverError(
                "This host has no /dev/net/tun, so guests cannot have network cards.",
                detail=str(error),
            ) from error
        try:
            request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
            fcntl.ioctl(handle, TUNSETIFF, request)
            fcntl.ioctl(handle, TUNSETOWNER, 0)
            fcntl.ioctl(handle, TUNSETPERSIST, 1)
        except OSError as error:
            if error.errno == errno.EBUSY:  # a guest has it, so nobody else can
                return
            raise DriverError(
                "The host cannot make a network card for a guest.", detail=f"{name}: {error}"
            ) from error
        finally:
            os.close(handle)

    def ensure(
        self,
        name: str,
        *,
        alias: str | None = None,
        mtu: int | None = None,
        master: str | None = None,
        up: bool = True,
    ) -> None:
        """Make the link's alias, MTU, bridge and state be so; what is right already is not touched."""
        link = self.get(name)
        change: dict[str, Any] = {}
        if alias is not None and link.alias != alias:
            change["IFLA_IFALIAS"] = alias
        if mtu is not None and link.mtu != mtu:
            change["mtu"] = mtu
        if master is not None and link.master != (bridge := self.get(master).index):
            change["master"] = bridge
        if change:
            self._route.link("set", index=link.index, **change)
        if link.up != up:
            self._route.link("set", index=link.index, state="up" if up else "down")

    def delete(self, name: str) -> None:
        """Make a link absent."""
        link = self.find(name)
        if link is None:
            return
        try:
            self._route.link("del", index=link.index)
        except NetlinkError as error:
            if error.code != errno.ENODEV:
                raise

    def addresses(self, name: str) -> Sequence[IPv4Address]:
        """Return the link's own IPv4 addresses."""
        return [
            IPv4Address(message.get_attr("IFA_LOCAL"))
            for message in self._route.get_addr(index=self.get(name).index, family=socket.AF_INET)
        ]

    def held_elsewhere(self, name: str, wanted: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield each wanted address (``10.0.0.1/24``) that another link has, and that link's name."""
        index = self.get(name).index
        addresses = {str(parse_interface(text).ip) for text in wanted}
        for message in self._route.get_addr():
            found = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            link_local = message["family"] == socket.AF_INET6 and message["scope"] == 253
            if found in addresses and message["index"] != index and not link_local:
                yield found, socket.if_indextoname(message["index"])

    def ensure_addresses(self, name: str, wanted: Iterable[str]) -> list[str]:
        """Make the link have exactly these (``10.0.0.1/24``), besides IPv6 link-local ones; return the new ones."""
        index = self.get(name).index
        there = {
            f"{message.get_attr('IFA_LOCAL') or message.get_attr('IFA_ADDRESS')}/{message['prefixlen']}"
            for message in self._route.get_addr(index=index)
            if not (message["family"] == socket.AF_INET6 and message["scope"] == 253)
        }
        wanted = {str(parse_interface(text)) for text in wanted}
        for text in sorted(there - wanted):
            address, length = text.split("/")
            self._route.addr("del", index=index, address=address, prefixlen=int(length))
        for text in sorted(wanted - there):
            interface = parse_interface(text)
            # Without duplicate detection the address answers at once; the network is ours alone.
            extra = {"flags": 0x02} if interface.version == 6 else {}
            self._route.addr(
                "replace",
                index=index,
                address=str(interface.ip),
                prefixlen=interface.network.prefixlen,
                **extra,
            )
        return sorted(wanted - there)

    def ensure_link_local(self, name: str, address: str) -> None:
        """Make the link have an IPv6 address of its own wire, besides those it has."""
        index = self.get(name).index
        there = {
            message.get_attr("IFA_ADDRESS")
            for message in self._route.get_addr(index=index, family=socket.AF_INET6)
        }
        if address not in there:
            self._route.addr("replace", index=index, address=address, prefixlen=64, flags=0x02)

    def ensure_default_route(self, gateway: str) -> None:
        """Send what is not local there (IPv4)."""
        self._route.route("replace", dst="default", gateway=gateway)

    def ensure_routes(
        self, wanted: Mapping[str, str], *, version: int, protocol: int, near: str | None = None
    ) -> None:
        """Make the routes of this protocol and IP version be exactly these (``10.0.0.0/24`` -> next hop).

        ``near``: the link that next hops with a link-local address are on.
        """
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        anywhere = ANYWHERE if version == 4 else ANYWHERE_6
        there = {
            f"{route.get_attr('RTA_DST') or anywhere}/{route['dst_len']}": route.get_attr(
                "RTA_GATEWAY"
            )
            for route in self._route.get_routes(family=family, table=MAIN_TABLE)
            if route["proto"] == protocol
        }
        common = {"family": family, "table": MAIN_TABLE, "proto": protocol}
        for destination in there.keys() - wanted.keys():
            self._route.route("del", dst=destination, **common)
        for destination, hop in wanted.items():
            if there.get(destination) != hop:
                place = (
                    {"oif": self.get(near).index}
                    if near is not None and parse_address(hop).is_link_local
                    else {}
                )
                self._route.route("replace", dst=destination, gateway=hop, **place, **common)

    def ensure_ways_by_link(
        self, wanted: Mapping[str, tuple[str, str]], *, protocol: int, first: int
    ) -> None:
        """Make what comes in by a link for an IPv4 destination go to a next hop on the same link.

        ``wanted``: link -> (destination, next hop); all other such ways go. Their tables count from ``first``.
        """
        self._route.flush_rules(family=socket.AF_INET, priority=first)
        for table, (name, (destination, hop)) in enumerate(sorted(wanted.items()), start=first):
            self._route.flush_routes(family=socket.AF_INET, table=table)
            index = self.get(name).index
            self._route.route(
                "replace", dst=destination, gateway=hop, oif=index, table=table, proto=protocol
            )
            self._route.rule(
                "add", family=socket.AF_INET, iifname=name, table=table, priority=first
            )

    def is_uplink(self, name: str) -> bool:
        """Tell whether an IPv4 default route leaves by a link."""
        routes = self._route.get_default_routes(family=socket.AF_INET)
        return self.get(name).index in {route.get_attr("RTA_OIF") for route in routes}


def _link(message: Any) -> Link:
    info = message.get_attr("IFLA_LINKINFO")
    data = info.get_attr("IFLA_INFO_DATA") if info is not None else None
    kind = (info.get_attr("IFLA_INFO_KIND") or "") if info is not None else ""
    filtered = (
        kind == "bridge"
        and data is not None
        and data.get_attr("IFLA_BR_NF_CALL_IPTABLES") == 1
        and data.get_attr("IFLA_BR_NF_CALL_IP6TABLES") == 1
    )
    return Link(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME"),
        alias=message.get_attr("IFLA_IFALIAS") or "",
        master=message.get_attr("IFLA_MASTER") or 0,
        mtu=message.get_attr("IFLA_MTU") or 0,
        up=bool(message["flags"] & _IFF_UP),
        kind=kind,
        qdisc=message.get_attr("IFLA_QDISC") or "",
        parent=message.get_attr("IFLA_LINK") or 0,
        carrier=bool(message["flags"] & _IFF_LOWER_UP),
        filtered=filtered,
    )


def _owner(name: str) -> str | None:
    """Return the uid that may open a tap, as the kernel writes it; None for what is no tap."""
    try:
        return Path(f"/sys/class/net/{name}/owner").read_text().strip()
    except OSError:
        return None
