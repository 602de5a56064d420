"""The questions that are asked of the tables, by noun. Visibility is decided here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.prepared import Given, PreparedUpdate

if TYPE_CHECKING:
    from network.models import (  # noqa: F401
        AddressGroup,
        AddressScope,
        DefaultSecurityGroupRule,
        FloatingIp,
        HeldForwarding,
        HeldSet,
        Network,
        Port,
        PortForwarding,
        QosPolicy,
        QosRule,
        RbacPolicy,
        Router,
        SecurityGroup,
        SecurityGroupRule,
        SegmentRange,
        Subnet,
        SubnetPool,
        Trunk,
    )

M = TypeVar("M", bound=models.Model)


class StandardQuerySet(models.QuerySet[M]):
    """What all nouns share."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project owns; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id)

    def usable_by(self, project_id: str) -> Self:
        """Keep what a project may use in full: its own."""
        return self.filter(project_id=project_id)

    def complete(self) -> Self:
        """Fetch along whatever a representation shows."""
        return self

    def touch(self, **changes: Any) -> int:
        """Write changes and raise the revision; return how many rows it was."""
        return self.update(revision=F("revision") + 1, updated_at=now(), **changes)


class RbacPolicyQuerySet(StandardQuerySet["RbacPolicy"]):
    """Policies that let projects use what others have."""

    def for_project(self, project_id: str | Given | None) -> Self:
        """Keep those that a project profits from."""
        return self.filter(Q(target_project=project_id) | Q(target_project="*"))


def _granted(object_type: str, project_id: str | Given | None, *actions: str) -> QuerySet[Any, Any]:
    """Return the ids of what a project may use in one of these ways, or in any, for a subquery."""
    from network.models import RbacPolicy

    rows = RbacPolicy.objects.filter(object_type=object_type).for_project(project_id)
    return (rows.filter(action__in=actions) if actions else rows).values("object_id")


class SharedQuerySet(StandardQuerySet[M]):
    """A noun that projects may share by policies.

    What the API shows has ``shared_here``: whether the caller's project is among those that share it.
    """

    object_type: ClassVar[str]

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project has or shares; admins see everything."""
        rows = self.shown_to(context.project_id or "")
        return rows if context.is_admin else rows.visible_in(context.project_id)

    def shown_to(self, project_id: str | Given) -> Self:
        """Tell of each whether a project is among those that share it."""
        from network.models import RbacPolicy

        about = RbacPolicy.objects.filter(object_id=OuterRef("pk"), action="access_as_shared")
        return self.annotate(shared_here=Exists(about.for_project(project_id)))

    def visible_in(self, project_id: str | Given | None) -> Self:
        """Keep what a project sees; a ``Given`` one says that it is text."""
        shared = _granted(self.object_type, project_id)
        return self.filter(Q(project_id=project_id) | Q(id__in=shared))

    def usable_by(self, project_id: str) -> Self:
        """Keep what a project may use in full: its own, and what is shared with it."""
        shared = _granted(self.object_type, project_id, "access_as_shared")
        return self.filter(Q(project_id=project_id) | Q(id__in=shared))


class NetworkQuerySet(SharedQuerySet["Network"]):
    """Networks."""

    object_type = "network"

    def complete(self) -> Self:
        """Fetch the subnets along, with the pools that they are of."""
        return self.prefetch_related(self.parts())

    @staticmethod
    def parts() -> Prefetch[Any, Any, Any]:
        """Return what belongs to a complete one."""
        from network.models import Subnet

        return Prefetch("subnets", queryset=Subnet.objects.select_related("subnet_pool"))

    def raise_wiring(self, network_id: UUID) -> int:
        """Tell that hosts must learn of a change; this locks the row until the transaction ends."""
        return _RAISE_NETWORK(id=network_id)


def _network_of_id() -> NetworkQuerySet:
    from network.models import Network

    return Network.objects.filter(id=Given("id"))


_RAISE_NETWORK = PreparedUpdate(_network_of_id, wiring_revision=F("wiring_revision") + 1)


class SubnetQuerySet(StandardQuerySet["Subnet"]):
    """Subnets."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep own subnets and those of shared networks; an external one's stay hidden."""
        if context.is_admin:
            return self
        shared = _granted("network", context.project_id, "access_as_shared")
        return self.filter(Q(project_id=context.project_id) | Q(network__in=shared))

    def complete(self) -> Self:
        """Fetch the network along."""
        return self.select_related("network")


class SubnetPoolQuerySet(SharedQuerySet["SubnetPool"]):
    """Subnet pools."""

    object_type = "subnetpool"


class AddressScopeQuerySet(SharedQuerySet["AddressScope"]):
    """Address scopes."""

    object_type = "address_scope"


class AddressGroupQuerySet(SharedQuerySet["AddressGroup"]):
    """Address groups."""

    object_type = "address_group"


class PortQuerySet(StandardQuerySet["Port"]):
    """Ports."""

    def complete(self) -> Self:
        """Fetch addresses and memberships along."""
        return self.select_related("network").prefetch_related("addresses", "memberships")

    def bound(self) -> Self:
        """Keep the ports that are on a host."""
        return self.exclude(host="")

    def raise_wiring(self) -> int:
        """Tell that hosts must learn of a change."""
        return self.update(wiring_revision=F("wiring_revision") + 1)

    def confirmed_by(self, host: str) -> Self:
        """Keep the ports that are on a host which has confirmed their newest wiring."""
        return self.filter(host=host, applied_revision__gt=0, wiring_revision=F("applied_revision"))

    def outdated_on(self, host: str) -> Self:
        """Keep the ports that are on a host which has not confirmed their newest wiring."""
        return self.filter(
            host=host, applied_revision__gt=0, wiring_revision__gt=F("applied_revision")
        )

    def plugged(self) -> Self:
        """Keep the ports that a host has confirmed to have."""
        return self.exclude(host="").filter(applied_revision__gt=0)

    def naming_members_of(self, group_ids: Iterable[UUID]) -> Self:
        """Keep the ports whose filters name the members of any of these groups."""
        return self.filter(
            memberships__security_group__rules__remote_group__in=list(group_ids)
        ).distinct()

    def of_groups(self, group_ids: Iterable[UUID]) -> Self:
        """Keep the members of any of these groups."""
        return self.filter(memberships__security_group__in=list(group_ids)).distinct()


class HeldSetQuerySet(models.QuerySet["HeldSet"]):
    """Sets of members on hosts."""

    def in_use(self) -> Self:
        """Keep those whose host has a port on the set's network."""
        from network.models import Port

        here = Port.objects.plugged().filter(
            host=OuterRef("host"), network=OuterRef("member_set__network")
        )
        return self.filter(Exists(here))

    def behind(self, host: str) -> Self:
        """Keep those in use on a host that has not confirmed their newest generation."""
        return self.filter(host=host, applied_generation__lt=F("member_set__generation")).in_use()


class HeldForwardingQuerySet(models.QuerySet["HeldForwarding"]):
    """Where ports are, on hosts."""

    def behind(self, host: str) -> Self:
        """Keep those of networks that a host has ports of, and has not confirmed the newest of."""
        from network.models import Port

        here = Port.objects.plugged().filter(
            host=OuterRef("host"), network=OuterRef("forwarding__network")
        )
        rows = self.filter(host=host, applied_generation__lt=F("forwarding__generation"))
        return rows.filter(Exists(here))


class SecurityGroupQuerySet(SharedQuerySet["SecurityGroup"]):
    """Security groups."""

    object_type = "security_group"

    def complete(self) -> Self:
        """Fetch the rules along."""
        return self.prefetch_related("rules")


class SecurityGroupRuleQuerySet(StandardQuerySet["SecurityGroupRule"]):
    """Security group rules."""

    def complete(self) -> Self:
        """Fetch the group along."""
        return self.select_related("security_group")


class DefaultRuleQuerySet(StandardQuerySet["DefaultSecurityGroupRule"]):
    """Default security group rules."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep all: they are everybody's to know."""
        return self


class RouterQuerySet(StandardQuerySet["Router"]):
    """Routers."""

    def complete(self) -> Self:
        """Fetch the ports with their addresses along."""
        return self.prefetch_related("router_ports__port__addresses")

    def raise_wiring(self) -> int:
        """Tell that their hosts must learn of a change; this locks the rows until the transaction ends."""
        return self.update(wiring_revision=F("wiring_revision") + 1)

    def outdated_on(self, host: str) -> Self:
        """Keep those on a host that has not confirmed their newest wiring."""
        return self.filter(host=host, wiring_revision__gt=F("applied_revision"))


class SegmentRangeQuerySet(StandardQuerySet["SegmentRange"]):
    """Ranges of numbers."""

    def visible_to(self, context: RequestContext) -> Self:
        """They are the operators' alone, a project's own one too."""
        return self if context.is_admin else self.none()


class FloatingIpQuerySet(StandardQuerySet["FloatingIp"]):
    """Floating IPs."""

    def complete(self) -> Self:
        """Fetch along where they lead."""
        return self.select_related("fixed_port").prefetch_related("port_forwardings")


class QosPolicyQuerySet(SharedQuerySet["QosPolicy"]):
    """QoS policies."""

    object_type = "qos_policy"

    def complete(self) -> Self:
        """Fetch the rules along."""
        return self.prefetch_related("rules")


class QosRuleQuerySet(StandardQuerySet["QosRule"]):
    """QoS rules: whoever sees the policy sees them."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep those of policies that the caller sees; admins see everything."""
        if context.is_admin:
            return self
        mine = Q(qos_policy__project_id=context.project_id)
        shared = _granted("qos_policy", context.project_id, "access_as_shared")
        return self.filter(mine | Q(qos_policy__in=shared))

    def complete(self) -> Self:
        """Fetch the policy along."""
        return self.select_related("qos_policy")


class TrunkQuerySet(StandardQuerySet["Trunk"]):
    """Trunks."""

    def complete(self) -> Self:
        """Fetch the subports along."""
        return self.prefetch_related("subports")


class PortForwardingQuerySet(StandardQuerySet["PortForwarding"]):
    """Port forwardings: whoever sees the floating IP sees them."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep those of the caller's floating IPs; admins see everything."""
        if context.is_admin:
            return self
        return self.filter(floating_ip__project_id=context.project_id)
