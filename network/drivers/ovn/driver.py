"""OvnDriver: taps on OVN's bridge, and metadata. All else of networks is in OVN's own database."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cloudweb.conf import env
from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from network.drivers.base import (
    BANDWIDTH_LIMIT,
    DSCP_MARKING,
    NOT_CARRIED,
    STATELESS_FILTERS,
    TRUNKS,
    Damageable,
    Milestones,
    NetworkDriver,
    Observant,
    Removable,
    SpansHosts,
    Supervised,
)
from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.config import BridgeConfig, installation_of
from network.drivers.linuxbridge.links import Links
from network.drivers.linuxbridge.metadata import MetadataProxy
from network.drivers.linuxbridge.served import ServedPort
from network.drivers.ovn.metadata import ensure_place, leg_of, remove_place
from network.drivers.ovn.observing import look_at_port
from network.drivers.ovn.switch import Switch
from network.objects import (
    ForwardingTable,
    GroupMembers,
    NetworkWiring,
    PortMilestone,
    PortRef,
    PortStatus,
    PortWiring,
)
from network.routers.objects import RouterWiring
from network.trace.objects import PathQuestion, Sighting

_TAP = re.compile(r"^[A-Za-z0-9_.-]{1,15}\Z")
CONTROLLER = "ovn-controller"


@dataclass(frozen=True, slots=True)
class OvnConfig:
    """``offloads`` off is for the switch in user space, which takes no packet without its checksum.

    ``patience``: seconds that a plugged port is waited for until OVN has its flows.
    """

    offloads: bool = True
    patience: float = 10.0

    @classmethod
    def from_env(cls) -> OvnConfig:
        """Read OVN_OFFLOADS and OVN_PLUG_PATIENCE."""
        return cls(
            offloads=env.bool("OVN_OFFLOADS", default=True),
            patience=env.float("OVN_PLUG_PATIENCE", default=cls().patience),
        )


class OvnDriver(
    NetworkDriver, Damageable, Milestones, Observant, SpansHosts, Supervised, Removable
):
    """A host whose ovn-controller does what OVN's southbound database says.

    Filters, DHCP, DNS and routers are in force on all hosts as soon as the writer of the control plane has
    written them; here a port is told by its interface's id. What is here is found again in Open vSwitch.
    """

    def __init__(
        self,
        state_dir: Path,
        host: str = "localhost",
        *,
        config: BridgeConfig | None = None,
        ovn: OvnConfig | None = None,
    ) -> None:
        self._directory, self._host = state_dir.resolve(), host
        given = config or BridgeConfig.from_env(self._directory.parent)
        self.config = replace(given, installation=installation_of(self._directory))
        self._ovn = ovn or OvnConfig.from_env()
        self._switch = Switch(self.config.installation)
        self._metadata = MetadataProxy(self._directory / "metadata", self.config, host)

    def start(self) -> None:
        """Check that this host can do it."""
        self._switch.check(self._host)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def capabilities(self) -> Sequence[str]:
        """Return what needs no word here: OVN's rows say it."""
        return (BANDWIDTH_LIMIT, DSCP_MARKING, STATELESS_FILTERS, TRUNKS)

    @property
    def tunnel_address(self) -> str:
        """Return nothing: where hosts' tunnels lead OVN knows."""
        return ""

    @property
    def physical_networks(self) -> Sequence[str]:
        """Return the provider's wires, as OVN has been told of them."""
        said = self._switch.settings().get("ovn-bridge-mappings", "")
        return [pair.partition(":")[0].strip() for pair in said.split(",") if ":" in pair]

    @property
    def network_types(self) -> Sequence[str]:
        """Return what a wire of the provider's can carry; all else is OVN's own."""
        return ("flat", "vlan") if self.physical_networks else ()

    def joining_problems(self) -> Sequence[str]:
        """Return nothing: what is wrong with OVN is among the damages."""
        return ()

    def ensure_joined(
        self, network: NetworkWiring, table: ForwardingTable | None, *, work: Work
    ) -> None:
        """Do nothing: OVN knows where all ports are."""

    def change_joined(
        self, network: NetworkWiring, table: ForwardingTable | None, *, work: Work
    ) -> bool:
        """Do nothing, as above."""
        return True

    def ensure_segment(self, network: NetworkWiring, *, work: Work) -> None:
        """Check for OVN's bridge: that is all of every network here."""
        work.checkpoint()
        if not self._switch.has_bridge():
            raise TransientDriverError(
                "OVN's bridge br-int is not on this host: ovn-controller, which makes it, does not run."
            )

    def delete_segment(self, network_id: str, *, work: Work) -> None:
        """Make everything of the network absent."""
        names = [one.name for one in self._switch.plugged() if one.network_id == network_id]
        work.checkpoint()
        self._switch.unplug(names)
        leg = leg_of(self.config, network_id)
        with Links.open() as links:
            for name in names:
                if name != leg:
                    links.delete(name)
        self._metadata.remove(network_id)
        remove_place(network_id, self.config, self._switch)

    def plug(self, port: PortWiring, *, work: Work) -> PortStatus:
        """Make the tap be on the bridge with the port's id; an interface of that name is taken as the tap.

        It is up when OVN has its flows in force; one that waits for the writer is told as up later, by OVN.
        """
        if port.carried is not None:
            return self._carried(port)
        alias = self.config.port_alias(port.network.id, port.id)
        work.checkpoint()
        with Links.open() as links:
            links.ensure_tap(port.tap)
            namespaces.write_sysctl(f"net/ipv6/conf/{port.tap}/disable_ipv6", "1")
            links.ensure(port.tap, alias=alias, mtu=port.network.mtu, up=port.admin_up)
        self._switch.plug(
            port.tap,
            interface_id=port.id,
            mac=port.mac,
            network_id=port.network.id,
            port_id=port.id,
        )
        up = port.admin_up and self._switch.await_installed(port.tap, self._ovn.patience)
        return PortStatus(id=port.id, network_id=port.network.id, tap=port.tap, up=up)

    def _carried(self, port: PortWiring) -> PortStatus:
        """Tell of a port that another's tap carries: it has nothing of its own here."""
        assert port.carried is not None
        carrier = next(
            (one for one in self._switch.plugged() if one.port_id == port.carried.port_id), None
        )
        if carrier is None:
            raise TransientDriverError(NOT_CARRIED, detail=port.carried.tap)
        up = port.admin_up and carrier.present and carrier.installed
        return PortStatus(id=port.id, network_id=port.network.id, tap=port.tap, up=up)

    def unplug(self, ref: PortRef, *, work: Work) -> None:
        """Make the tap absent; an interface that is not this port's is left alone."""
        if not _TAP.match(ref.tap):
            return  # no interface can have that name
        ours = {one.name for one in self._switch.plugged() if one.port_id == ref.id}
        work.checkpoint()
        self._switch.unplug(ours)
        with Links.open() as links:
            link = links.find(ref.tap)
            if link is None:
                return
            is_ours = self.config.marked_port(link.alias) == (ref.network_id, ref.id)
            fresh = link.kind == "tun" and not link.alias and not link.master
            if is_ours or ref.tap in ours or fresh:
                links.delete(ref.tap)

    def segments(self) -> Sequence[str]:
        """Return the networks of which there is anything here."""
        with Links.open() as links:
            found = {self.config.marked_network(link.alias) for link in links.all()} - {None}
        plugged = {one.network_id for one in self._switch.plugged()}
        return sorted({*(name for name in found if name), *plugged})

    def ports(self) -> Sequence[PortStatus]:
        """Return the ports whose taps are on the bridge."""
        with Links.open() as links:
            up = {link.name for link in links.all() if link.up}
        return [
            PortStatus(
                id=one.port_id,
                network_id=one.network_id,
                tap=one.name,
                up=one.name in up and one.present and one.installed,
            )
            for one in self._switch.plugged()
            if one.port_id
        ]

    def ensure_gateway(self, network: NetworkWiring, *, work: Work) -> None:
        """Do nothing: gateways are routers' or the provider's, and routers are OVN's."""

    def ensure_router(self, router: RouterWiring, *, work: Work) -> None:
        """Refuse: no router is on a host here."""
        raise DriverError("Under OVN no router is on one host.", detail=router.id)

    def delete_router(self, router_id: str, *, work: Work) -> None:
        """Do nothing: there is none."""

    def routers(self) -> Sequence[str]:
        """Return nothing: there are none here."""
        return ()

    def broken_routers(self) -> Sequence[str]:
        """Return nothing: there are none here."""
        return ()

    def ensure_dhcp(
        self, network: NetworkWiring, ports: Sequence[PortWiring], *, work: Work
    ) -> None:
        """Let metadata answer exactly these ports; DHCP and DNS are OVN's."""
        work.checkpoint()
        offloads = self._ovn.offloads
        if not ensure_place(network, self.config, self._switch, offloads=offloads):
            self._metadata.remove(network.id)
            return
        served = [ServedPort.of(network, (), port) for port in ports]
        # the proxy asks of a network whether it is in a namespace
        inside = network.model_copy(update={"kind": "isolated"})
        self._metadata.ensure(inside, served, self.config.names(network.id))

    def ensure_filters(
        self,
        network: NetworkWiring,
        ports: Sequence[PortWiring],
        groups: Sequence[GroupMembers] = (),
        *,
        work: Work,
    ) -> None:
        """Do nothing: security groups are in OVN's database, in force before a port is up."""

    def change_filters(
        self,
        network: NetworkWiring,
        *,
        changed: Sequence[PortWiring],
        gone: Sequence[str],
        groups: Sequence[GroupMembers],
        work: Work,
    ) -> bool:
        """Do nothing, as above."""
        return True

    def milestones(self) -> Sequence[PortMilestone]:
        """Return first metadata of all ports, oldest first; nobody here sees DHCP."""
        found = [
            PortMilestone(network_id=network_id, port_id=port_id, kind="metadata", at=at)
            for network_id in self.segments()
            for port_id, at in self._metadata.milestones(network_id)
        ]
        return sorted(found, key=lambda milestone: milestone.at)

    def forget(self, milestones: Sequence[PortMilestone]) -> None:
        """Do not tell these again."""
        for milestone in milestones:
            self._metadata.forget_milestone(milestone.network_id, milestone.port_id)

    def observe(self, question: PathQuestion) -> Sequence[Sighting]:
        """Look at taps and bindings, and follow OVN's flows; ways and routers are OVN's own."""
        return [
            one for look in question.ports for one in look_at_port(look, self._switch, self._host)
        ]

    def broken(self) -> Sequence[str]:
        """Return the networks of which an interface is off the bridge, or metadata is not served."""
        with Links.open() as links:
            there = {link.name: link for link in links.all()}
        plugged = {one.name: one for one in self._switch.plugged()}
        found = {
            one.network_id for one in plugged.values() if not one.present or one.name not in there
        }
        for link in there.values():
            marked = self.config.marked_port(link.alias)
            network_id = marked[0] if marked else self.config.marked_network(link.alias)
            if network_id is not None and link.name not in plugged:
                found.add(network_id)
        found |= {one for one in self.segments() if self._metadata.is_dead(one)}
        return sorted(found)

    def damages(self) -> Sequence[str]:
        """Return what of OVN does not run on this host."""
        try:
            is_there = self._switch.has_bridge()
            self._switch.settings()
        except TransientDriverError as error:
            return [f"{error.message} Guests keep their flows while ovs-vswitchd runs."]
        found = []
        if not is_there:
            found.append("OVN's bridge br-int is not on this host: guests are cut off.")
        if not _runs(CONTROLLER):
            found.append(
                "ovn-controller does not run on this host: what changes in networks does not reach it."
            )
        return found

    def delete_everything(self) -> None:
        """Make all of this installation absent."""
        for network_id in self.segments():
            self.delete_segment(network_id, work=Unguarded())
        shutil.rmtree(self._directory / "metadata", ignore_errors=True)


def _runs(name: str) -> bool:
    """Tell whether a process of that name runs here."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "comm").read_text().strip() == name and not _is_dead(entry):
                    return True
            except OSError:
                continue
    return False


def _is_dead(entry: Path) -> bool:
    """Tell whether a process has ended and nobody took note yet."""
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
