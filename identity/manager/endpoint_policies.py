"""Which policy an endpoint has: its own, its service's in its region, or its service's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import AssociationNotFound, PolicyNotFound
from identity.manager.catalog_services import CatalogServiceManager
from identity.manager.endpoints import EndpointManager
from identity.manager.policies import PolicyManager
from identity.manager.regions import RegionManager
from identity.models import Endpoint, Policy, PolicyAssociation, Region


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint, a service, or a service in a region, by their ids."""

    endpoint_id: str | None = None
    service_id: str | None = None
    region_id: str | None = None


class EndpointPolicyManager(Manager):
    """Associations of policies with endpoints, services and regions."""

    @policy("identity:endpoint_policies:check")
    def check(self, policy_id: str, target: Target) -> None:
        """Raise AssociationNotFound unless the policy is this target's."""
        self._association(policy_id, target)

    @policy("identity:endpoint_policies:create")
    def add(self, policy_id: str, target: Target) -> None:
        """Make a policy the target's; another one that it had is its no longer."""
        found = PolicyManager(self.context).get(policy_id)
        PolicyAssociation.objects.update_or_create(
            **self._columns(target), defaults={"policy": found}
        )

    @policy("identity:endpoint_policies:delete")
    def remove(self, policy_id: str, target: Target) -> None:
        """End it; raise AssociationNotFound."""
        self._association(policy_id, target).delete()

    @policy("identity:endpoint_policies:list")
    def endpoints_of(self, policy_id: str) -> QuerySet[Endpoint]:
        """Return the endpoints that a policy is associated with, however; raise PolicyNotFound."""
        meant = Q(pk__in=())
        for row in PolicyManager(self.context).get(policy_id).associations.all():
            if row.endpoint_id is not None:
                meant |= Q(pk=row.endpoint_id)
            elif row.region_id is None:
                meant |= Q(service_id=row.service_id)
            else:
                within = _regions_within(row.region_id)
                meant |= Q(service_id=row.service_id, region_id__in=within)
        return Endpoint.objects.filter(meant)

    @policy("identity:endpoint_policies:get")
    def of_endpoint(self, endpoint_id: str) -> Policy:
        """Return an endpoint's policy, the nearest one counts; raise PolicyNotFound."""
        endpoint = EndpointManager(self.context).get(endpoint_id)
        rows = PolicyAssociation.objects.select_related("policy")
        own = rows.filter(endpoint=endpoint).first()
        if own is not None:
            return own.policy
        of_service = {
            row.region_id: row.policy for row in rows.filter(service_id=endpoint.service_id)
        }
        for region_id in [*_regions_around(endpoint.region_id), None]:
            if region_id in of_service:
                return of_service[region_id]
        raise PolicyNotFound(endpoint_id)

    def _association(self, policy_id: str, target: Target) -> PolicyAssociation:
        found = PolicyManager(self.context).get(policy_id)
        row = PolicyAssociation.objects.filter(policy=found, **self._columns(target)).first()
        if row is None:
            raise AssociationNotFound
        return row

    def _columns(self, target: Target) -> dict[str, Any]:
        """Return the columns of a target; raise what the catalog raises where it is not there."""
        if target.endpoint_id is not None:
            return {"endpoint": EndpointManager(self.context).get(target.endpoint_id)}
        regions, services = RegionManager(self.context), CatalogServiceManager(self.context)
        region = regions.get(target.region_id) if target.region_id is not None else None
        return {"service": services.get(str(target.service_id)), "region": region}


def _parents() -> dict[str, str | None]:
    return dict(Region.objects.values_list("pk", "parent_id"))


def _regions_around(region_id: str | None) -> list[str]:
    """Return a region and those it lies in, nearest first."""
    parents, found = _parents(), []
    while region_id is not None and region_id not in found:
        found.append(region_id)
        region_id = parents.get(region_id)
    return found


def _regions_within(region_id: str) -> set[str]:
    """Return a region and those that lie in it."""
    children: dict[str | None, set[str]] = {}
    for child, parent in _parents().items():
        children.setdefault(parent, set()).add(child)
    reached: set[str] = set()
    frontier = {region_id}
    while frontier:
        reached |= frontier
        frontier = set().union(*(children.get(one, set()) for one in frontier)) - reached
    return reached
