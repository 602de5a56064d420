"""Who can reach what: a group's rules and a device's filters in plain words, and the groups that a device is in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from cloudweb.audit import note
from cloudweb.manager import Manager
from cloudweb.policy import policy
from network.exceptions.ports import PortNotFound, PortSecurityAndIPRequiredForSecurityGroups
from network.exceptions.security_groups import SecurityGroupNotFound
from network.manager.port import PortManager
from network.manager.standard import Identifier, number
from network.manager.traffic import traffic_of
from network.models import AddressGroup, Port, PortSecurityGroup, SecurityGroup
from network.reach import Permission, permissions
from network.rows import GroupName
from network.traffic import Openness


@dataclass(frozen=True, slots=True)
class Filter:
    """What ports of a device that are in the same groups let pass; not ``is_secured``: everything."""

    networks: Sequence[str]
    groups: Sequence[GroupName]
    permissions: Sequence[Permission]
    is_secured: bool = True
    is_stateful: bool = True


@dataclass(frozen=True, slots=True)
class DeviceReach:
    """The filters of a device's ports, and from where each kind of traffic gets in."""

    filters: Sequence[Filter] = ()
    traffic: Mapping[str, Openness] = field(default_factory=dict)

    @property
    def group_ids(self) -> Collection[str]:
        """Return the groups that all of its filtered ports are in."""
        worn = [{group.id for group in one.groups} for one in self.filters if one.is_secured]
        return set.intersection(*worn) if worn else set()


class ReachManager(Manager):
    """What rules mean to people."""

    @policy("network:security_groups:list")
    def of_groups(
        self, groups: Sequence[SecurityGroup], *, own: str = ""
    ) -> Mapping[str, Sequence[Permission]]:
        """Return what each group permits, by id; the rules come with the groups.

        ``own`` is the address of whoever reads.
        """
        names, blocks = self._names(groups), self._blocks(groups)
        return {
            str(one.id): permissions(one.rules.all(), names, own=own, blocks=blocks)
            for one in groups
        }

    @policy("network:security_groups:list")
    def members(self, groups: Sequence[SecurityGroup]) -> Mapping[str, int]:
        """Return how many ports are in each group, by id."""
        worn = PortSecurityGroup.objects.filter(security_group__in=[one.id for one in groups])
        counted = worn.values_list("security_group").annotate(Count("id")).order_by()
        return {str(group_id): count for group_id, count in counted}

    @policy("network:security_groups:list")
    def devices(self, group: SecurityGroup, *, limit: int) -> Sequence[str]:
        """Return the devices of the caller's whose ports are in a group."""
        ports = Port.objects.visible_to(self.context).of_groups([group.id]).exclude(device_id="")
        return [*ports.order_by("device_id").values_list("device_id", flat=True)[:limit]]

    @policy("network:ports:list")
    def of_ports(self, port_ids: Collection[str], *, own: str = "") -> DeviceReach:
        """Return who can reach a device with these ports, and what it can reach."""
        ports = self._ports(port_ids)
        groups = [group for port in ports for group in port.security_groups.all()]
        names, blocks = self._names(groups), self._blocks(groups)
        alike: dict[tuple[bool, frozenset[UUID]], list[Port]] = {}
        for port in ports:
            worn = frozenset(group.id for group in port.security_groups.all())
            alike.setdefault((port.port_security_enabled, worn), []).append(port)
        filters = []
        for (is_secured, _), same in alike.items():
            worn_by = [*same[0].security_groups.all()]
            rules = [rule for group in worn_by for rule in group.rules.all()]
            filters.append(
                Filter(
                    networks=[port.network.name or str(port.network_id) for port in same],
                    groups=[GroupName(str(one.id), one.name) for one in worn_by],
                    permissions=permissions(rules, names, own=own, blocks=blocks),
                    is_secured=is_secured,
                    is_stateful=all(one.stateful for one in worn_by),
                )
            )
        return DeviceReach(filters, traffic_of(ports))

    @policy("network:ports:update")
    def attach(
        self, group_id: Identifier, *, port_ids: Collection[str], device_id: str
    ) -> SecurityGroup:
        """Put these ports of a device into a group; those that are in stay.

        Raises SecurityGroupNotFound, PortNotFound, PortSecurityAndIPRequiredForSecurityGroups.
        """
        group = self._group(group_id)
        with transaction.atomic():
            self._change(port_ids, {group.id}, taken=set())
        note(target_kind="server", target_id=device_id, target_name="")
        return group

    @policy("network:ports:update")
    def detach(
        self, group_id: Identifier, *, port_ids: Collection[str], device_id: str
    ) -> SecurityGroup:
        """Take a group from these ports of a device. Raises as ``attach`` does."""
        group = self._group(group_id)
        with transaction.atomic():
            self._change(port_ids, set(), taken={group.id})
        note(target_kind="server", target_id=device_id, target_name="")
        return group

    def _change(self, port_ids: Collection[str], more: set[UUID], *, taken: set[UUID]) -> None:
        ports = self._ports(port_ids)
        if not ports:
            raise PortNotFound(next(iter(port_ids), ""))
        secured = [port for port in ports if port.port_security_enabled]
        if not secured:
            raise PortSecurityAndIPRequiredForSecurityGroups
        for port in secured:
            worn = [group.id for group in port.security_groups.all()]
            wanted: list[Identifier] = [one for one in worn if one not in taken]
            wanted += [one for one in more if one not in worn]
            if wanted != worn:
                PortManager(self.context).update(port.id, security_group_ids=wanted)

    def _ports(self, port_ids: Collection[str]) -> Sequence[Port]:
        if not port_ids:
            return []
        rows = Port.objects.visible_to(self.context).filter(id__in=port_ids)
        found = rows.select_related("network").order_by("created_at", "id")
        return [*found.prefetch_related("security_groups__rules")]

    def _group(self, group_id: Identifier) -> SecurityGroup:
        rows = SecurityGroup.objects.visible_to(self.context)
        group = rows.filter(id=number(group_id)).first()
        if group is None:
            raise SecurityGroupNotFound(group_id)
        return group

    def _names(self, groups: Iterable[SecurityGroup]) -> Mapping[str, str]:
        """Return the names of the groups, of ports and of addresses, that rules of these name."""
        named = _named(groups, "remote_group_id")
        rows = SecurityGroup.objects.filter(id__in=named).values_list("id", "name")
        known = {str(group_id): name for group_id, name in rows}
        if addresses := _named(groups, "remote_address_group_id"):
            more = AddressGroup.objects.filter(id__in=addresses).values_list("id", "name")
            known |= {str(group_id): name for group_id, name in more}
        return {key: name or key for key, name in known.items()}

    def _blocks(self, groups: Iterable[SecurityGroup]) -> Mapping[str, Sequence[str]]:
        """Return the addresses of the groups of them that rules of these name."""
        if not (named := _named(groups, "remote_address_group_id")):
            return {}
        rows = AddressGroup.objects.filter(id__in=named).values_list("id", "addresses")
        return {str(group_id): blocks for group_id, blocks in rows}


def _named(groups: Iterable[SecurityGroup], column: str) -> set[UUID]:
    """Return what rules of these groups name in a column."""
    found = (getattr(rule, column) for one in groups for rule in one.rules.all())
    return {one for one in found if one}
