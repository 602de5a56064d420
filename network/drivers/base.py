"""What network drivers must do: four small interfaces, one class may implement them all.

Every method is idempotent and level-triggered: "this is how it shall be", whatever was there before.
Raises DriverError (final) or TransientDriverError. ``work.checkpoint()`` comes before every effect.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from cloudweb.driver import Work
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

#: What only some drivers and kernels do; a host is not told to where not all can.
BANDWIDTH_LIMIT = (
    "bandwidth_limit"  # ``qos.ingress`` and ``qos.egress`` of ports, ``limits`` of routers
)
DSCP_MARKING = "dscp_marking"  # ``qos.dscp`` of ports
STATELESS_FILTERS = "stateless_filters"  # ``stateless`` of ports
TRUNKS = "trunks"  # ports that are ``carried`` by others
CAPABILITIES = (BANDWIDTH_LIMIT, DSCP_MARKING, STATELESS_FILTERS, TRUNKS)

NOT_CARRIED = "The network card that carries the port is not on this host."


class SwitchDriver(ABC):
    """Bridges and taps: who is on the same wire."""

    @abstractmethod
    def ensure_segment(self, network: NetworkWiring, *, work: Work) -> None:
        """Make the network's bridge (and namespace) be there."""

    @abstractmethod
    def delete_segment(self, network_id: str, *, work: Work) -> None:
        """Make everything of the network on this host absent."""

    @abstractmethod
    def plug(self, port: PortWiring, *, work: Work) -> PortStatus:
        """Make the port's tap exist on its network's bridge. Filters are in place already.

        Of one that is carried it is a VLAN of the other's tap: TransientDriverError while that is not there.
        """

    @abstractmethod
    def unplug(self, ref: PortRef, *, work: Work) -> None:
        """Make the port's tap absent."""

    @abstractmethod
    def segments(self) -> Sequence[str]:
        """Return the ids of the networks that are on this host."""

    @abstractmethod
    def ports(self) -> Sequence[PortStatus]:
        """Return the ports whose taps are on this host."""


class RouterDriver(ABC):
    """The network's gateway on this host and the way out, and routers that join networks."""

    @abstractmethod
    def ensure_gateway(self, network: NetworkWiring, *, work: Work) -> None:
        """Make gateway addresses and NAT be as the network says; what a router has is not the network's."""

    @abstractmethod
    def ensure_router(self, router: RouterWiring, *, work: Work) -> None:
        """Make the router be as told. Its ports are plugged already: they name it."""

    @abstractmethod
    def delete_router(self, router_id: str, *, work: Work) -> None:
        """Make the router absent. Its ports are unplugged already."""

    @abstractmethod
    def routers(self) -> Sequence[str]:
        """Return the ids of the routers of which there is anything here."""


class DhcpDriver(ABC):
    """DHCP, DNS and metadata for the ports on this host."""

    @abstractmethod
    def ensure_dhcp(
        self, network: NetworkWiring, ports: Sequence[PortWiring], *, work: Work
    ) -> None:
        """Make the servers answer exactly these ports."""

    def change_dhcp(
        self,
        network: NetworkWiring,
        *,
        changed: Sequence[PortWiring],
        gone: Sequence[str],
        work: Work,
    ) -> bool:
        """Make the servers answer these ports as they are now, and no more those that are gone (by id).

        All else is as it was told last. False: do it with all ports.
        """
        return False


class FirewallDriver(ABC):
    """Anti-spoofing and security groups, stateful but for ports that are told otherwise."""

    @abstractmethod
    def ensure_filters(
        self,
        network: NetworkWiring,
        ports: Sequence[PortWiring],
        groups: Sequence[GroupMembers] = (),
        *,
        work: Work,
    ) -> None:
        """Make exactly these ports' filters be in force on the network, in one transaction.

        A rule that names a group which is not among ``groups`` lets nobody through.
        """

    def change_filters(
        self,
        network: NetworkWiring,
        *,
        changed: Sequence[PortWiring],
        gone: Sequence[str],
        groups: Sequence[GroupMembers],
        work: Work,
    ) -> bool:
        """Put these ports' and sets' filters in force as they are now, take those of ports that are gone.

        All else is as it was told last. False: do it with all ports and sets.
        """
        return False


class NetworkDriver(SwitchDriver, RouterDriver, DhcpDriver, FirewallDriver):
    """All four in one class: what the network agent loads."""

    @abstractmethod
    def start(self) -> None:
        """Check what is needed; raise DriverError with a sentence that says what to do."""

    def is_intact(self, network: NetworkWiring) -> bool:
        """Tell whether segment and gateway stand as this process made them for this very picture; cheap.

        False: they are made.
        """
        return False

    def capabilities(self) -> Sequence[str]:
        """Return which of CAPABILITIES it has on this host; known once it has started."""
        return ()


class SpansHosts(ABC):
    """Capability: joins a network's wires on several hosts, as its segment says."""

    @property
    @abstractmethod
    def tunnel_address(self) -> str:
        """Return where other hosts' tunnels lead to; empty where there are none."""

    @property
    @abstractmethod
    def physical_networks(self) -> Sequence[str]:
        """Return the provider's wires that this host is on."""

    @property
    @abstractmethod
    def network_types(self) -> Sequence[str]:
        """Return the types of segments that this host can join."""

    @abstractmethod
    def joining_problems(self) -> Sequence[str]:
        """Return a sentence for each thing that keeps what is set from working; cheap, called at every report."""

    @abstractmethod
    def ensure_joined(
        self, network: NetworkWiring, table: ForwardingTable | None, *, work: Work
    ) -> None:
        """Make the network's wire lead to exactly where its ports are; nowhere without a table.

        Filters are in place.
        """

    @abstractmethod
    def change_joined(
        self, network: NetworkWiring, table: ForwardingTable | None, *, work: Work
    ) -> bool:
        """Make it lead to where they are now (None: as told last). False: do it whole."""


class Milestones(ABC):
    """Capability: knows when a guest first got its address and first asked for metadata."""

    @abstractmethod
    def milestones(self) -> Sequence[PortMilestone]:
        """Return what was seen and not forgotten yet, oldest first."""

    @abstractmethod
    def forget(self, milestones: Sequence[PortMilestone]) -> None:
        """Drop what the control plane has been told."""


class Supervised(ABC):
    """Capability: notices when something of a network vanished by itself."""

    @abstractmethod
    def broken(self) -> Sequence[str]:
        """Return the ids of networks that lack their filters or a server; cheap, called at every report."""

    @abstractmethod
    def broken_routers(self) -> Sequence[str]:
        """Return the ids of routers that lack something; they are told anew."""


class Damageable(ABC):
    """Capability: keeps files of its own on the host, and tells which were found damaged."""

    @abstractmethod
    def damages(self) -> Sequence[str]:
        """Return a sentence for each; cheap, called at every report."""


class Observant(ABC):
    """Capability: looks at what a packet passes on this host, as it is and not as it was told."""

    @abstractmethod
    def observe(self, question: PathQuestion) -> Sequence[Sighting]:
        """Return what is found of each thing asked for; what cannot be told is no error.

        It takes no lock, changes nothing and is done within seconds.
        """


class Neighbourly(ABC):
    """Capability: knows of other installations on the same host."""

    @abstractmethod
    def check_neighbours(self) -> None:
        """Raise DriverError when another one has names or addresses of ours."""


class Removable(ABC):
    """Capability: can take everything of Cloudweb off the host."""

    @abstractmethod
    def delete_everything(self) -> None:
        """Make all networks, ports, filters and processes of this installation absent."""
