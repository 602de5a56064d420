"""What projects may share, who uses it, and when it can be taken back.

A policy gives one project, or all by ``*``, one way to use one object; whoever has it still owns it alone.
``Network.shared`` and ``QosPolicy.shared`` say the same as a policy for all, because ports ask so often; the
managers change both in one transaction, with the object's row locked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cloudweb.database.locks import alone_with
from network.exceptions import Missing
from network.exceptions.address_groups import AddressGroupNotFound
from network.exceptions.networks import NetworkNotFound
from network.exceptions.pools import AddressScopeNotFound, SubnetPoolNotFound
from network.exceptions.qos import QosPolicyNotFound
from network.exceptions.security_groups import SecurityGroupNotFound
from network.exceptions.sharing import RbacPolicyInUse
from network.models import (
    AddressGroup,
    AddressScope,
    FloatingIp,
    Network,
    Port,
    PortSecurityGroup,
    QosPolicy,
    RbacPolicy,
    Router,
    RouterPort,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetPool,
)
from network.models.rbac_policy import ANYBODY, EXTERNAL, SHARED
from network.models.standard import Standard

Users = Callable[[UUID], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A noun that can be shared: its rows, and which projects use one of them in each way."""

    model: Any
    missing: type[Missing]
    users: Mapping[str, Users]


def _on_network(network_id: UUID) -> Iterable[str]:
    for model in (Port, Subnet):
        yield from model.objects.filter(network=network_id).values_list("project_id", flat=True)


def _outside_by(network_id: UUID) -> Iterable[str]:
    gateways = RouterPort.objects.filter(network=network_id, is_gateway=True)
    yield from gateways.values_list("router__project_id", flat=True)
    floating = FloatingIp.objects.filter(floating_network=network_id)
    yield from floating.values_list("project_id", flat=True)


def _of_pool(pool_id: UUID) -> Iterable[str]:
    yield from Subnet.objects.filter(subnet_pool=pool_id).values_list("project_id", flat=True)


def _of_scope(scope_id: UUID) -> Iterable[str]:
    pools = SubnetPool.objects.filter(address_scope=scope_id)
    yield from pools.values_list("project_id", flat=True)


def _of_addresses(group_id: UUID) -> Iterable[str]:
    rules = SecurityGroupRule.objects.filter(remote_address_group=group_id)
    yield from rules.values_list("project_id", flat=True)


def _held_to(policy_id: UUID) -> Iterable[str]:
    for model in (Network, Port, Router, FloatingIp):
        yield from model.objects.filter(qos_policy=policy_id).values_list("project_id", flat=True)


def _of_group(group_id: UUID) -> Iterable[str]:
    members = PortSecurityGroup.objects.filter(security_group=group_id)
    yield from members.values_list("port__project_id", flat=True)
    naming = SecurityGroupRule.objects.filter(remote_group=group_id)
    yield from naming.values_list("project_id", flat=True)


KINDS: dict[str, Kind] = {
    "network": Kind(Network, NetworkNotFound, {SHARED: _on_network, EXTERNAL: _outside_by}),
    "qos_policy": Kind(QosPolicy, QosPolicyNotFound, {SHARED: _held_to}),
    "subnetpool": Kind(SubnetPool, SubnetPoolNotFound, {SHARED: _of_pool}),
    "address_scope": Kind(AddressScope, AddressScopeNotFound, {SHARED: _of_scope}),
    "address_group": Kind(AddressGroup, AddressGroupNotFound, {SHARED: _of_addresses}),
    "security_group": Kind(SecurityGroup, SecurityGroupNotFound, {SHARED: _of_group}),
}


def alone(object_id: UUID) -> None:
    """Keep out who is about to use an object by a policy; before its row is locked, and until the transaction ends."""
    alone_with(object_id, wait=True)


def check_unused(policy: RbacPolicy, *, instead: str | None = None) -> None:
    """Raise RbacPolicyInUse if a project uses the object by this policy alone; ``instead``: its new target."""
    kind = KINDS[policy.object_type]
    same = RbacPolicy.objects.filter(object_id=policy.object_id, action=policy.action)
    others = same.exclude(id=policy.id).values_list("target_project", flat=True)
    stay = {*others} | ({instead} if instead is not None else set())
    if ANYBODY in stay:
        return
    owners = kind.model.objects.filter(id=policy.object_id).values_list("project_id", flat=True)
    left = {*kind.users[policy.action](policy.object_id)} - {"", *owners} - stay
    if policy.target_project != ANYBODY:
        left &= {policy.target_project}
    if left:
        raise RbacPolicyInUse(policy.object_id, projects=left)


def share_with_all(
    object_type: str, row: Standard, *, project_id: str, action: str = SHARED
) -> None:
    """Let all projects use an object, unless they may."""
    RbacPolicy.objects.get_or_create(
        object_id=row.id,
        action=action,
        target_project=ANYBODY,
        defaults={"object_type": object_type, "project_id": project_id},
    )


def set_shared_with_all(object_type: str, row: Standard, *, shared: bool) -> None:
    """Let all projects use an object, or not; raise RbacPolicyInUse."""
    if shared:
        share_with_all(object_type, row, project_id=row.project_id)
    else:
        stop_sharing_with_all(row)


def stop_sharing_with_all(row: Standard) -> None:
    """Take an object back from those who share it as all do; raise RbacPolicyInUse."""
    rows = RbacPolicy.objects.filter(object_id=row.id, action=SHARED, target_project=ANYBODY)
    for policy in rows:
        check_unused(policy)
        policy.delete()


def forget(object_id: UUID, *actions: str) -> None:
    """Drop all policies about an object, or those about some ways: it goes, or they do."""
    rows = RbacPolicy.objects.filter(object_id=object_id)
    (rows.filter(action__in=actions) if actions else rows).delete()
