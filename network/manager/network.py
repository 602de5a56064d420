"""Networks: who may make, share and see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import prefetch_related_objects

from cloudweb.database.known import know
from cloudweb.database.locks import alone_with
from cloudweb.holdings import holdings_of
from cloudweb.listing import EVERYTHING, OLDEST_FIRST, Listing, Page
from cloudweb.policy import check, policy
from network import conf, news, quota, sharing, states
from network.exceptions import AvailabilityZoneNotFound
from network.exceptions.networks import ExternalNetworkInUse, NetworkInUse, NetworkNotFound
from network.exceptions.sharing import RbacPolicyInUse
from network.manager.qos_use import chosen_policy, default_policy
from network.manager.seen_network import shown_network
from network.manager.standard import Identifier, StandardManager, number
from network.manager.subnet_checks import check_mtu
from network.manager.tied import the_qos_policy, tied_to
from network.models import FloatingIp, Network, Port, RouterPort
from network.models.network import NetworkKind
from network.models.rbac_policy import EXTERNAL
from network.segments import MANY, save_numbered, tenant_kinds
from network.strategies import STRATEGIES

OPERATOR_ATTRIBUTES = ("shared", "external", "is_default")
WIRED = ("mtu", "dns_domain", "admin_state_up", "qos_policy_id")


class NetworkChanges(TypedDict, total=False):
    """What may change on a network."""

    name: str
    description: str
    admin_state_up: bool
    shared: bool
    external: bool
    is_default: bool
    port_security_enabled: bool
    mtu: int
    dns_domain: str
    qos_policy_id: Identifier | None


class NetworkManager(StandardManager[Network]):
    """Networks of the caller's project, and those that are shared with it."""

    model = Network
    missing = NetworkNotFound

    @policy("network:networks:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[Network]:
        """Return own, shared and external networks."""
        return self._page(listing)

    @policy("network:networks:get")
    def get(self, network_id: Identifier) -> Network:
        """Return a network; raise NetworkNotFound."""
        return self._get(network_id)

    @policy("network:networks:list")
    def usable_by_servers(self) -> Sequence[Network]:
        """Return the networks with a subnet a server may be put on unasked: own ones, then shared."""
        project = self.context.scoped_project_id
        rows = self._rows().usable_by(project)
        rows = rows.filter(subnets__isnull=False, admin_state_up=True)
        found = rows.distinct().complete().order_by(*OLDEST_FIRST)
        return sorted(found, key=lambda network: network.project_id != project)

    def _get(self, identifier: Identifier) -> Network:
        network = shown_network(self.context, number(identifier))
        if network is None:
            raise NetworkNotFound(identifier)
        prefetch_related_objects([network], Network.objects.parts())
        return network

    @policy("network:networks:create")
    def create(
        self,
        *,
        name: str = "",
        description: str = "",
        admin_state_up: bool = True,
        shared: bool = False,
        external: bool = False,
        is_default: bool = False,
        port_security_enabled: bool = True,
        mtu: int | None = None,
        dns_domain: str = "",
        availability_zone_hints: Sequence[str] = (),
        kind: str | None = None,
        physical_network: str = "",
        segmentation_id: int | None = None,
        qos_policy_id: Identifier | None = None,
        project_id: str | None = None,
    ) -> Network:
        """Make a network; it needs a subnet before ports get addresses.

        Without a ``kind`` it is what settings make of tenants' networks, without a number one of the
        ranges gives it. Raises FlatNetworkInUse, VlanIdInUse or TunnelIdInUse for what is taken,
        NoNetworkAvailable, InvalidInput for what its kind has not, AvailabilityZoneNotFound for a
        hint that names none. Without a QoS policy it is held to the project's default one, if any.
        """
        if shared or external or is_default:
            check(self.context, "network:networks:set_shared")
        if kind is not None or physical_network or segmentation_id is not None:
            check(self.context, "network:networks:set_provider")
            STRATEGIES[kind or NetworkKind.ISOLATED].check(
                physical_network=physical_network, segmentation_id=segmentation_id
            )
        for zone in availability_zone_hints:
            if zone not in conf.ZONES:
                raise AvailabilityZoneNotFound(zone)
        project = self._project(project_id)
        network = Network(
            project_id=project,
            name=name,
            description=description,
            admin_state_up=admin_state_up,
            shared=shared,
            external=external,
            is_default=is_default,
            port_security_enabled=port_security_enabled,
            mtu=mtu or 0,
            dns_domain=dns_domain,
            availability_zone_hints=list(availability_zone_hints),
            physical_network=physical_network,
            segmentation_id=segmentation_id,
        )
        with tied_to(the_qos_policy(qos_policy_id)), transaction.atomic():
            network.qos_policy_id = (
                default_policy(project)
                if qos_policy_id is None
                else chosen_policy(self.context, qos_policy_id)
            )
            quota.reserve(network.project_id, "network")
            save_numbered(network, kinds=[kind] if kind else tenant_kinds())
            self._open(network, shared=shared, external=external)
        if shared or external:
            return self._get(network.id)
        know(network, subnets=())
        return network

    @policy("network:networks:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[Network]:
        """Make all of them or none."""
        with self._several(items):
            alone_with(MANY, wait=True)
            return [self.create(**item) for item in items]

    @policy("network:networks:update")
    def update(
        self,
        network_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[NetworkChanges],
    ) -> Network:
        """Change a network; the hosts of its ports learn of it. Raises RevisionNumberConstraintFailed."""
        if any(name in changes for name in OPERATOR_ATTRIBUTES):
            check(self.context, "network:networks:set_shared")
        with tied_to(the_qos_policy(changes.get("qos_policy_id"))), transaction.atomic():
            network = self._writable(network_id, "network:networks:update")
            if changes.get("shared") is False or changes.get("external") is False:
                sharing.alone(network.id)
            network = self._changing(network, if_revision)
            self._open_or_shut(network, changes)
            if "qos_policy_id" in changes:
                changes["qos_policy_id"] = chosen_policy(
                    self.context, changes["qos_policy_id"], now=network.qos_policy_id
                )
            for name, value in changes.items():
                setattr(network, name, value)
            if "mtu" in changes:
                network.mtu = network.strategy.mtu(network.mtu)
                for version in network.subnets.values_list("ip_version", flat=True):
                    check_mtu(network.mtu, version)
            network.save(update_fields=list(changes)) if changes else None
            if any(name in changes for name in WIRED):
                Network.objects.raise_wiring(network.id)
                news.network_changed(network)
        return self._get(network.id)

    @policy("network:networks:delete")
    def delete(self, network_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a network with its subnets and DHCP port; raise NetworkInUse while it has others."""
        network = self._writable(network_id, "network:networks:delete")
        try:
            with transaction.atomic():
                network = self._changing(network, if_revision)
                ports = Port.objects.filter(network=network)
                taken = ports.exclude(device_owner=states.DHCP_OWNER).exists()
                if taken or holdings_of("network", str(network.id)):
                    raise NetworkInUse(network.id)
                # no other: one that came since we looked keeps its network by what it refers to
                ports.filter(device_owner=states.DHCP_OWNER).delete()
                network.subnets.all().delete()
                sharing.forget(network.id)
                network.delete()
        except IntegrityError as error:  # a port came while we looked
            raise NetworkInUse(network.id) from error

    def _open_or_shut(self, network: Network, changes: NetworkChanges) -> None:
        """Let policies say what the flags will; refuse to take a network from those that use it."""
        opened = bool(changes.get("external")) and not network.external
        self._open(network, shared=bool(changes.get("shared")), external=opened)
        if changes.get("shared") is False:
            try:
                sharing.stop_sharing_with_all(network)
            except RbacPolicyInUse as error:
                raise NetworkInUse(network.id) from error
        if changes.get("external") is False and network.external:
            gateways = RouterPort.objects.filter(network=network, is_gateway=True)
            if gateways.exists() or FloatingIp.objects.filter(floating_network=network).exists():
                raise ExternalNetworkInUse(network.id)
            sharing.forget(network.id, EXTERNAL)

    def _open(self, network: Network, *, shared: bool, external: bool) -> None:
        project = self.context.project_id or network.project_id
        if shared:
            sharing.share_with_all("network", network, project_id=project)
        if external:
            sharing.share_with_all("network", network, project_id=project, action=EXTERNAL)
