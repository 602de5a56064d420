"""QoS policies: made by operators and managers of projects, attached by members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction

from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import check, policy
from network import sharing
from network.exceptions.qos import (
    QosPolicyDefaultAlreadyExists,
    QosPolicyInUse,
    QosPolicyNotFound,
)
from network.exceptions.sharing import RbacPolicyInUse
from network.manager.standard import Identifier, StandardManager
from network.models import FloatingIp, Network, Port, QosPolicy, Router


class QosPolicyChanges(TypedDict, total=False):
    """What may change on a policy."""

    name: str
    description: str
    shared: bool
    is_default: bool


class QosPolicyManager(StandardManager[QosPolicy]):
    """QoS policies of the caller's project, and those shared with it."""

    model = QosPolicy
    missing = QosPolicyNotFound

    @policy("network:qos_policies:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[QosPolicy]:
        """Return own and shared policies."""
        return self._page(listing)

    @policy("network:qos_policies:get")
    def get(self, policy_id: Identifier) -> QosPolicy:
        """Return a policy; raise QosPolicyNotFound."""
        return self._get(policy_id)

    @policy("network:qos_policies:create")
    def create(
        self,
        *,
        name: str,
        description: str = "",
        shared: bool = False,
        is_default: bool = False,
        project_id: str | None = None,
    ) -> QosPolicy:
        """Make a policy without rules; raise QosPolicyDefaultAlreadyExists."""
        if shared:
            check(self.context, "network:qos_policies:set_shared")
        row = QosPolicy(
            project_id=self._project(project_id),
            name=name,
            description=description,
            shared=shared,
            is_default=is_default,
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
                if shared:
                    sharing.share_with_all("qos_policy", row, project_id=row.project_id)
        except IntegrityError as error:
            raise QosPolicyDefaultAlreadyExists(row.project_id) from error
        return row

    @policy("network:qos_policies:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[QosPolicy]:
        """Make all of them or none."""
        with transaction.atomic():
            return [self.create(**item) for item in items]

    @policy("network:qos_policies:update")
    def update(
        self,
        policy_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[QosPolicyChanges],
    ) -> QosPolicy:
        """Change what a policy is called, whom it is shared with, whether new networks get it.

        Raises QosPolicyDefaultAlreadyExists, and QosPolicyInUse where others hold to what is shared.
        """
        if "shared" in changes:
            check(self.context, "network:qos_policies:set_shared")
        row = self._writable(policy_id, "network:qos_policies:update")
        try:
            with transaction.atomic():
                if changes.get("shared") is False:
                    sharing.alone(row.id)
                row = self._changing(row, if_revision)
                if "shared" in changes:
                    _set_shared(row, shared=changes["shared"])
                for name, value in changes.items():
                    setattr(row, name, value)
                if changes:
                    row.save(update_fields=list(changes))
        except IntegrityError as error:
            raise QosPolicyDefaultAlreadyExists(row.project_id) from error
        return self._get(row.id)

    @policy("network:qos_policies:delete")
    def delete(self, policy_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a policy with its rules; raise QosPolicyInUse while anything is held to it."""
        row = self._writable(policy_id, "network:qos_policies:delete")
        try:
            with transaction.atomic():
                row = self._changing(row, if_revision)
                _check_unused(row)
                sharing.forget(row.id)
                row.delete()
        except IntegrityError as error:  # something was attached while we looked
            raise QosPolicyInUse(row.id, by="something that came just now") from error


def _set_shared(row: QosPolicy, *, shared: bool) -> None:
    try:
        sharing.set_shared_with_all("qos_policy", row, shared=shared)
    except RbacPolicyInUse as error:
        raise QosPolicyInUse(row.id, by="other projects") from error


def _check_unused(row: QosPolicy) -> None:
    """Raise QosPolicyInUse with the first thing that is held to it."""
    nouns: Mapping[str, Any] = {
        "network": Network, "port": Port, "floatingip": FloatingIp, "router": Router,
    }  # fmt: skip
    for noun, model in nouns.items():
        found = model.objects.filter(qos_policy=row).first()
        if found is not None:
            raise QosPolicyInUse(row.id, by=f"{noun} {found.id}")
