"""Quotas of servers, and what is used of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, Forbidden, NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import quotas
from identity.manager import ProjectManager
from instances import quota
from instances.manager.server_groups import groups_of
from instances.models import KeyPair


class Usage(NamedTuple):
    """Limits and use of one project, by resource."""

    limits: Mapping[str, int]
    used: Mapping[str, int]


class LimitsManager(Manager):
    """What a project may have and has."""

    def _may_see(self, project_id: str) -> None:
        if project_id != self.context.project_id and not self.context.is_admin:
            raise Forbidden("Policy doesn't allow compute:quotas:get to be performed.")

    @policy("compute:quotas:get")
    def get(self, project_id: str) -> Usage:
        """Return limits and use; Forbidden for another project."""
        self._may_see(project_id)
        return self._usage(project_id)

    @policy("compute:limits:get")
    def own(self, project_id: str | None = None) -> Usage:
        """Return limits and use of the token's project (of another, for an admin)."""
        project = project_id or self.context.scoped_project_id
        self._may_see(project)
        return self._usage(project)

    @policy("compute:quotas:get")
    def defaults(self) -> Mapping[str, int]:
        """Return what holds where nothing else was said."""
        return quotas.defaults(quota.SERVICE)

    @policy("compute:quotas:update")
    def update(self, project_id: str, changes: Mapping[str, int]) -> Mapping[str, int]:
        """Set limits of a project; return all. Raises BadRequest for a project there is none of."""
        try:
            ProjectManager(RequestContext.system()).get(project_id)
        except NotFound as error:
            raise BadRequest(f"Project ID {project_id} is not a valid project.") from error
        return quotas.update(project_id, quota.SERVICE, changes)

    @policy("compute:quotas:update")
    def reset(self, project_id: str) -> None:
        """Put a project back to the defaults."""
        quotas.reset(project_id, quota.SERVICE)

    @policy("compute:quota_classes:get")
    def of_every_project(self) -> Mapping[str, int]:
        """Return the limits of all projects that have none of their own."""
        return quotas.defaults(quota.SERVICE)

    @policy("compute:quota_classes:update")
    def update_every_project(self, changes: Mapping[str, int]) -> Mapping[str, int]:
        """Set limits of all projects that have none of their own; return all."""
        return quotas.update(quotas.EVERY_PROJECT, quota.SERVICE, changes)

    def _usage(self, project_id: str) -> Usage:
        used = {
            **quota.used(project_id),
            "key_pairs": self._key_pairs(),
            "server_groups": groups_of(project_id),
        }
        return Usage(quotas.limits(project_id, quota.SERVICE), used)

    def _key_pairs(self) -> int:
        return KeyPair.objects.filter(user_id=self.context.user_id or "").count()
