"""Ports: made with addresses and groups, bound to devices and hosts, taken away without a trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.prepared import Given, PreparedUpdate
from cloudweb.events import emit
from cloudweb.exceptions import PolicyNotAuthorized
from cloudweb.policy import check, policy
from network import news, quota, states
from network.events import DeviceNamed, PortDeleted
from network.exceptions.networks import NetworkNotFound
from network.exceptions.ports import (
    MacAddressInUse,
    PortBound,
    PortSecurityAndIPRequiredForSecurityGroups,
    ServicePortInUse,
)
from network.manager.addressing import Wish
from network.manager.automatic_addresses import remake_addresses
from network.manager.floating import release_floating
from network.manager.held import still_shared
from network.manager.port_binding import PortBinding
from network.manager.port_moving import PortMoving
from network.manager.port_parts import (
    add_groups,
    free_mac,
    group_ids_of,
    insert_port,
    merged_options,
    pairs_of,
    remove_port,
    replace_addresses,
)
from network.manager.port_reading import PortReading
from network.manager.qos_use import chosen_policy
from network.manager.security_group import SecurityGroupManager
from network.manager.seen_network import seen_network
from network.manager.standard import (
    Identifier,
    number,
)
from network.manager.tied import the_group, the_network, the_qos_policy, tied_to
from network.manager.trunk_parts import in_trunk
from network.members import blocks_of
from network.models import Network, Port, PortAddress, PortSecurityGroup
from network.moved import ports_moved
from network.operations.unplug_port import start_unplugging
from network.resolution import port_ref
from network.trunks.following import follow

WIRED = (
    "mac_address",
    "admin_state_up",
    "device_id",
    "hostname",
    "dns_domain",
    "port_security_enabled",
    "allowed_address_pairs",
    "extra_dhcp_opts",
    "qos_policy_id",
)
#: What others on the network's other hosts must know.
PLACED = {"host", "mac_address", "fixed_ips", "port_security_enabled", "allowed_address_pairs"}

#: What a subport has of its trunk.
OF_TRUNK = {"host", "device_id", "device_owner"}

_BIND = PreparedUpdate(
    lambda: Port.objects.filter(id=Given("id")), "host", "device_id", "device_owner", "hostname"
)


class PortChanges(TypedDict, total=False):
    """What may change on a port; the lists replace what was there."""

    name: str
    description: str
    admin_state_up: bool
    device_id: str
    device_owner: str
    fixed_ips: Sequence[Wish]
    security_group_ids: Sequence[Identifier]
    mac_address: str | None
    host: str
    hostname: str
    dns_domain: str
    port_security_enabled: bool
    allowed_address_pairs: Sequence[Mapping[str, str]]
    extra_dhcp_opts: Sequence[Mapping[str, Any]]
    binding_profile: Mapping[str, Any]
    qos_policy_id: Identifier | None


class PortManager(PortBinding, PortMoving, PortReading):
    """Ports of the caller's project."""

    @policy("network:ports:create")
    def create(
        self,
        *,
        network_id: Identifier,
        name: str = "",
        description: str = "",
        mac_address: str | None = None,
        fixed_ips: Sequence[Wish] | None = None,
        device_id: str = "",
        device_owner: str = "",
        host: str | None = None,
        hostname: str = "",
        dns_domain: str = "",
        security_group_ids: Sequence[Identifier] | None = None,
        admin_state_up: bool = True,
        port_security_enabled: bool | None = None,
        allowed_address_pairs: Sequence[Mapping[str, str]] = (),
        extra_dhcp_opts: Sequence[Mapping[str, Any]] = (),
        binding_profile: Mapping[str, Any] | None = None,
        qos_policy_id: Identifier | None = None,
        project_id: str | None = None,
        part: bool = False,
        for_owner: str | None = None,
    ) -> Port:
        """Make a port with addresses; SQL only, so it may be part of the caller's transaction.

        ``fixed_ips`` None: one address of each IP version. ``security_group_ids`` None: the
        project's default group. Raises NetworkNotFound, IpAddressGenerationFailure,
        IpAddressAlreadyAllocated, MacAddressInUse, QuotaExceeded and what is wrong with a wish.
        ``part``: of a transaction that fails with it.
        ``for_owner``: whose device it will be, where it is not ``device_owner``.
        """
        with (
            tied_to(
                the_network(network_id),
                *map(the_group, security_group_ids or ()),
                the_qos_policy(qos_policy_id),
            ),
            transaction.atomic(savepoint=not part),
        ):
            network = self._network(network_id)
            project = self._project(project_id)
            self._check_attributes(
                network,
                mac=mac_address,
                host=host,
                profile=binding_profile,
                owner=device_owner,
                fixed_ips=fixed_ips,
                secured=port_security_enabled,
                pairs=allowed_address_pairs,
            )
            self._check_device(project, device_id)
            quota.reserve(project, "port")
            secured = (
                network.port_security_enabled
                if port_security_enabled is None
                else port_security_enabled
            )
            port = Port(
                project_id=project,
                network=network,
                name=name,
                description=description,
                admin_state_up=admin_state_up,
                device_id=device_id,
                device_owner=device_owner,
                host=host or "",
                hostname=hostname,
                dns_domain=dns_domain,
                port_security_enabled=secured,
                extra_dhcp_opts=merged_options((), extra_dhcp_opts),
                binding_profile=dict(binding_profile or {}),
                qos_policy_id=(
                    chosen_policy(self.context, qos_policy_id) if qos_policy_id else None
                ),
            )
            groups = self._groups(project, security_group_ids, secured=secured)
            taken = insert_port(
                port,
                mac=mac_address,
                wishes=fixed_ips,
                groups=groups,
                pairs=allowed_address_pairs,
                owner=for_owner,
            )
            blocks, paired = blocks_of(port, taken), bool(port.allowed_address_pairs)
            news.members_changed(groups, port=port, blocks=blocks, pairs=paired)
            return port

    @policy("network:ports:create")
    def check_network(
        self, network_id: Identifier, *, fixed_ips: Sequence[Wish] | None = None
    ) -> Network:
        """Return the network if ``create`` would let the caller have such a port on it.

        For whoever makes the port later in the caller's name. Raises NetworkNotFound,
        PolicyNotAuthorized.
        """
        network = self._network(network_id, hold=False)
        self._check_attributes(network, fixed_ips=fixed_ips)
        return network

    @policy("network:ports:bind")
    def create_bound(
        self,
        *,
        caller: RequestContext,
        host: str,
        device_id: str,
        device_owner: str,
        hostname: str,
        network_id: Identifier,
        fixed_ips: Sequence[Wish] | None,
        security_group_ids: Sequence[Identifier] | None,
    ) -> Port:
        """Make a port by the rights of the one it is for, and give it to a device on a host.

        Part of the caller's transaction. Raises as ``create`` does.
        """
        port = PortManager(caller).create(
            network_id=network_id,
            fixed_ips=fixed_ips,
            security_group_ids=security_group_ids,
            part=True,
            for_owner=device_owner,
        )
        port.host, port.device_id, port.device_owner = host, device_id, device_owner
        port.hostname = hostname
        _BIND(
            id=port.id,
            host=host,
            device_id=device_id,
            device_owner=device_owner,
            hostname=hostname,
        )
        ports_moved(port)
        return port

    @policy("network:ports:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[Port]:
        """Make all of them or none; networks in one order, so that nobody waits crosswise for what is free."""
        order = sorted(range(len(items)), key=lambda place: str(items[place]["network_id"]))
        with self._several(items):
            made = {place: self.create(**items[place]) for place in order}
        return [made[place] for place in range(len(items))]

    @policy("network:ports:update")
    def update(
        self,
        port_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[PortChanges],
    ) -> Port:
        """Change a port; its host learns of it. Raises as ``create`` does, and PortBound.

        ``mac_address`` None: another one, by chance.
        """
        port = self._writable(port_id, "network:ports:update")
        if "mac_address" in changes and changes["mac_address"] is None:
            changes["mac_address"] = free_mac(port.network_id)
        guard = tied_to(
            the_network(port.network_id),
            *map(the_group, changes.get("security_group_ids") or ()),
            the_qos_policy(changes.get("qos_policy_id")),
        )
        with guard, transaction.atomic():
            port = self._changing(port, if_revision)
            if "qos_policy_id" in changes:
                changes["qos_policy_id"] = chosen_policy(
                    self.context, changes["qos_policy_id"], now=port.qos_policy_id
                )
            self._check_attributes(
                port.network,
                mac=changes.get("mac_address"),
                host=changes.get("host"),
                profile=changes.get("binding_profile"),
                owner=changes.get("device_owner", ""),
                fixed_ips=changes.get("fixed_ips"),
                secured=changes.get("port_security_enabled"),
                pairs=changes.get("allowed_address_pairs", ()),
            )
            self._check_device_change(port, changes)
            if port.trunk_role == states.SUBPORT and changes.keys() & OF_TRUNK:
                raise in_trunk(port)
            before, blocks, was = {*group_ids_of(port)}, blocks_of(port), copy(port)
            pairs = bool(port.allowed_address_pairs)
            after = self._apply(port, changes, before)
            if changes.keys() & PLACED:
                ports_moved(was, port)
            if "host" in changes and port.trunk_role == states.PARENT:
                follow(port.id)
            addressed = changes.keys() & {"fixed_ips", "allowed_address_pairs", "mac_address"}
            if addressed or before != after:
                self._tell_members(before | after, self._get(port.id), blocks=blocks, pairs=pairs)
            if any(name in changes for name in (*WIRED, "fixed_ips", "security_group_ids")):
                news.port_changed(port)
        return self._get(port.id)

    @policy("network:ports:delete")
    def delete(self, port_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a port, also one that a server has; its addresses are free again.

        Raises PortNotFound, ServicePortInUse for one of the cloud's own.
        """
        port = self._writable(port_id, "network:ports:delete")
        with transaction.atomic():
            port = self._changing(port, if_revision)
            if port.device_owner in states.SERVICE_OWNERS:
                raise ServicePortInUse(port.id, owner=port.device_owner)
            if port.trunk_role:
                raise in_trunk(port)
            groups, blocks = group_ids_of(port), blocks_of(port)
            host = port.host if port.status == states.ACTIVE else ""
            ref, device_id, owner = port_ref(port), port.device_id, port.device_owner
            remove_port(port)
            release_floating(
                port
            )  # after the row is locked for good: nothing is led to it any more
            pairs = bool(port.allowed_address_pairs)
            if port.host:
                ports_moved(port)
            news.members_changed(groups, port=port, blocks=blocks, pairs=pairs)
            if host:
                start_unplugging(ref, host=host)
            emit(PortDeleted(ref, device_id, owner))

    def _tell_members(
        self,
        groups: Collection[UUID],
        port: Port,
        *,
        blocks: Collection[str] = (),
        pairs: bool = False,
    ) -> None:
        """Tell of a port that is, or was with these blocks, in groups."""
        news.members_changed(
            groups,
            port=port,
            blocks={*blocks, *blocks_of(port)},
            pairs=pairs or bool(port.allowed_address_pairs),
        )

    def _network(self, network_id: Identifier, *, hold: bool = True) -> Network:
        """Return a network the caller may have ports on; ``hold`` it in the transaction that makes one."""
        network = seen_network(self.context, number(network_id))
        if hold:
            network = network and still_shared(self.context, network)
        if network is None:
            raise NetworkNotFound(network_id)
        if not (network.shared or self._owns(network) or self._shares(network)):
            raise PolicyNotAuthorized("network:ports:set_on_other_network")
        return network

    def _shares(self, network: Network) -> bool:
        """Tell whether the network is shared with the caller's project among some."""
        rows = Network.objects.usable_by(self.context.project_id or "")
        return rows.filter(id=network.id).exists()

    def _check_attributes(
        self,
        network: Network,
        *,
        mac: str | None = None,
        host: str | None = None,
        profile: Mapping[str, Any] | None = None,
        owner: str = "",
        fixed_ips: Sequence[Wish] | None = None,
        secured: bool | None = None,
        pairs: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """Check the policies of the attributes that not everybody may set."""
        if mac is not None and not self._owns(network):
            check(self.context, "network:ports:set_mac_address")
        if host is not None or profile is not None:
            check(self.context, "network:ports:set_binding")
        if owner.startswith(states.CLOUD_OWNERS):
            check(self.context, "network:ports:set_cloud_owner")
        exact = any(wish.get("ip_address") for wish in fixed_ips or ())
        if (exact or secured is not None or pairs) and not self._owns(network):
            check(self.context, "network:ports:set_on_other_network")

    def _check_device(self, project: str, device_id: str) -> None:
        """Let whoever knows the device refuse it: this app knows none."""
        if device_id and not self.context.is_admin:
            emit(DeviceNamed(device_id, project))

    def _check_device_change(self, port: Port, changes: PortChanges) -> None:
        """Keep a tenant from taking a bound port, or one of the cloud's own, from its device by a word."""
        device, owner = port.device_id, port.device_owner
        said = changes.get("device_id", device), changes.get("device_owner", owner)
        if said == (device, owner):
            return
        if (port.host or owner.startswith(states.CLOUD_OWNERS)) and not self.context.is_admin:
            raise PortBound(port.id)
        self._check_device(port.project_id, said[0])

    def _groups(
        self, project: str, wanted: Sequence[Identifier] | None, *, secured: bool
    ) -> set[UUID]:
        """Return the ids of the port's groups; the default group where none is said."""
        groups = SecurityGroupManager(self.context)
        if wanted is None:
            return {groups.ensure_default(project).id} if secured else set()
        if wanted and not secured:
            raise PortSecurityAndIPRequiredForSecurityGroups
        return groups.ids_of(project, wanted)

    def _apply(self, port: Port, changes: PortChanges, before: set[UUID]) -> set[UUID]:
        """Write the changes; return the ids of the port's groups afterwards."""
        values = {
            name: value
            for name, value in changes.items()
            if name not in ("fixed_ips", "security_group_ids", "allowed_address_pairs")
        }
        mac = changes.get("mac_address") or port.mac_address
        if mac != port.mac_address:
            if port.host:
                raise PortBound(port.id)
            if Port.objects.filter(network=port.network, mac_address=mac).exists():
                raise MacAddressInUse(mac, network_id=port.network_id)
        secured = changes.get("port_security_enabled", port.port_security_enabled)
        after = before
        if "security_group_ids" in changes:
            after = self._groups(port.project_id, changes["security_group_ids"], secured=secured)
        elif not secured and before:
            raise PortSecurityAndIPRequiredForSecurityGroups
        if "extra_dhcp_opts" in changes:
            wanted = changes["extra_dhcp_opts"]
            values["extra_dhcp_opts"] = merged_options(port.extra_dhcp_opts, wanted)
        if "allowed_address_pairs" in changes:
            values["allowed_address_pairs"] = pairs_of(changes["allowed_address_pairs"], mac)
        old_mac = port.mac_address
        for name, value in values.items():
            setattr(port, name, value)
        if values:
            port.save(update_fields=list(values))
        if mac != old_mac:
            remake_addresses(port, old_mac=old_mac)
            port = self._get(port.id)
        if "fixed_ips" in changes:
            held = {row.ip_address for row in port.addresses.all()}
            replace_addresses(port, changes["fixed_ips"])
            stay = {*PortAddress.objects.filter(port=port).values_list("ip_address", flat=True)}
            if held - stay:
                release_floating(port, held - stay)
        PortSecurityGroup.objects.filter(port=port, security_group__in=before - after).delete()
        add_groups(port, after - before)
        return after
