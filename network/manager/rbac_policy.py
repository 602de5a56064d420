"""RBAC policies: what a project lets others use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from cloudweb.exceptions import InvalidInput, PolicyNotAuthorized
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import check, policy
from network import quota
from network.exceptions.sharing import DuplicateRbacPolicy, RbacPolicyNotFound
from network.manager.standard import Identifier, StandardManager, number
from network.models import Network, QosPolicy, RbacPolicy
from network.models.rbac_policy import ANYBODY, EXTERNAL, SHARED
from network.sharing import KINDS, alone, check_unused

#: Nouns whose rows say themselves that they are shared with all.
MIRRORS = {"network": Network, "qos_policy": QosPolicy}


class RbacPolicyManager(StandardManager[RbacPolicy]):
    """Policies that the caller's project made."""

    model = RbacPolicy
    missing = RbacPolicyNotFound

    @policy("network:rbac_policies:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[RbacPolicy]:
        """Return own policies."""
        return self._page(listing)

    @policy("network:rbac_policies:get")
    def get(self, policy_id: Identifier) -> RbacPolicy:
        """Return a policy; raise RbacPolicyNotFound."""
        return self._get(policy_id)

    @policy("network:rbac_policies:create")
    def create(
        self,
        *,
        object_type: str,
        object_id: Identifier,
        action: str,
        target_project: str,
        project_id: str | None = None,
        description: str = "",
    ) -> RbacPolicy:
        """Let a project, or all by ``*``, use something of the caller's.

        Raises what says that the object is not there, DuplicateRbacPolicy, QuotaExceeded.
        """
        kind = KINDS[object_type]
        if action not in kind.users:
            raise InvalidInput(
                field="action", value=action, reason=f"No {object_type} can be used in this way."
            )
        self._check_target(target_project)
        if action == EXTERNAL:
            check(self.context, "network:networks:set_shared")
        row = kind.model.objects.visible_to(self.context).filter(id=number(object_id)).first()
        if row is None:
            raise kind.missing(object_id)
        if not self._owns(row):
            raise PolicyNotAuthorized("network:rbac_policies:create")
        made = RbacPolicy(
            project_id=self._project(project_id or self.context.project_id or row.project_id),
            object_type=object_type,
            object_id=row.id,
            action=action,
            target_project=target_project,
            description=description,
        )
        try:
            with transaction.atomic():
                quota.reserve(made.project_id, "rbac_policy")
                if not kind.model.objects.filter(id=row.id).touch():
                    raise kind.missing(object_id)
                made.save(force_insert=True)
                _mirror(made)
        except IntegrityError as error:
            raise DuplicateRbacPolicy from error
        return made

    @policy("network:rbac_policies:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[RbacPolicy]:
        """Make all of them or none."""
        with transaction.atomic():
            return [self.create(**item) for item in items]

    @policy("network:rbac_policies:update")
    def update(
        self,
        policy_id: Identifier,
        *,
        if_revision: int | None = None,
        target_project: str | None = None,
        description: str | None = None,
    ) -> RbacPolicy:
        """Let another project use the object instead; raise RbacPolicyInUse, DuplicateRbacPolicy."""
        found = self._writable(policy_id, "network:rbac_policies:update")
        if target_project is not None and target_project != found.target_project:
            self._check_target(target_project)
        try:
            with transaction.atomic():
                found = self._locked(found, if_revision)
                if target_project is not None and target_project != found.target_project:
                    check_unused(found, instead=target_project)
                    found.target_project = target_project
                if description is not None:
                    found.description = description
                found.save(update_fields=["target_project", "description"])
                _mirror(found)
        except IntegrityError as error:
            raise DuplicateRbacPolicy from error
        return self._get(found.id)

    @policy("network:rbac_policies:delete")
    def delete(self, policy_id: Identifier, *, if_revision: int | None = None) -> None:
        """Take the object back; raise RbacPolicyInUse while projects use it by this policy alone."""
        found = self._writable(policy_id, "network:rbac_policies:delete")
        with transaction.atomic():
            found = self._locked(found, if_revision)
            check_unused(found)
            found.delete()
            _mirror(found)

    def _locked(self, found: RbacPolicy, if_revision: int | None) -> RbacPolicy:
        """Return the policy as it is, its object locked before it: all who share do so in this order."""
        alone(found.object_id)
        KINDS[found.object_type].model.objects.filter(id=found.object_id).touch()
        return self._changing(found, if_revision)

    def _check_target(self, target_project: str) -> None:
        if target_project == ANYBODY:
            check(self.context, "network:rbac_policies:set_for_all")


def _mirror(changed: RbacPolicy) -> None:
    """Let an object's own row say what a change of its policies made of it, where it does."""
    model: Any = MIRRORS.get(changed.object_type)
    if model is None:
        return
    rows = model.objects.filter(id=changed.object_id)
    if changed.action == SHARED:
        same = RbacPolicy.objects.filter(object_id=changed.object_id, action=SHARED)
        rows.update(shared=same.filter(target_project=ANYBODY).exists())
    elif RbacPolicy.objects.filter(object_id=changed.object_id, action=EXTERNAL).exists():
        rows.update(external=True)
