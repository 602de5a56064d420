"""What the network service limits, and how it is counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Count, QuerySet

from cloudweb.database.prepared import Given, Prepared
from identity import quotas
from network import states
from network.models import (
    AddressGroup,
    AddressScope,
    FloatingIp,
    Network,
    Port,
    RbacPolicy,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetPool,
    Trunk,
)

SERVICE = "network"
DEFAULTS = {
    "network": 100,
    "subnet": 100,
    "port": 500,
    "router": 10,
    "floatingip": 50,
    "security_group": 10,
    "security_group_rule": 100,
    "rbac_policy": 10,
    "subnetpool": 20,
    "address_scope": 20,
    "address_group": 20,
    "trunk": -1,
}

quotas.declare(SERVICE, DEFAULTS)

_ROWS: dict[str, QuerySet[Any]] = {
    "network": Network.objects.all(),
    "subnet": Subnet.objects.all(),
    "port": Port.objects.exclude(
        device_owner__in=states.UNASKED_OWNERS
    ),  # the cloud's own, not asked for
    "router": Router.objects.all(),
    "floatingip": FloatingIp.objects.all(),
    "security_group": SecurityGroup.objects.all(),
    "security_group_rule": SecurityGroupRule.objects.all(),
    "rbac_policy": RbacPolicy.objects.all(),
    "subnetpool": SubnetPool.objects.all(),
    "address_scope": AddressScope.objects.all(),
    "address_group": AddressGroup.objects.all(),
    "trunk": Trunk.objects.all(),
}


def _counted(rows: QuerySet[Any]) -> Prepared[int]:
    mine = rows.filter(project_id=Given("project")).order_by().values("project_id")
    return Prepared(lambda: mine.annotate(count=Count("*")).values_list("count", flat=True))


_COUNTS = {name: _counted(rows) for name, rows in _ROWS.items()}


def used(project_id: str, *resources: str) -> Mapping[str, int]:
    """Count the rows of a project, of all resources unless some are named."""
    return {
        name: _COUNTS[name].row(project=project_id) or 0 for name in resources or tuple(_COUNTS)
    }


def lock(project_ids: Collection[str]) -> None:
    """Lock the quotas of several projects, in the order that all keep who need more than one."""
    for project_id in sorted(project_ids):
        quotas.locked_limits(project_id, SERVICE)


def reserve(project_id: str, resource: str, count: int = 1) -> None:
    """Raise QuotaExceeded unless so many more fit; the room is kept until the transaction ends."""
    quotas.reserve(
        project_id, SERVICE, wanted={resource: count}, used=lambda: used(project_id, resource)
    )
