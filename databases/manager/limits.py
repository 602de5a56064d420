"""Quotas of databases, and what is used of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cloudweb.exceptions import NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from databases import quota
from databases.quota import SERVICE
from identity import quotas
from identity.manager import ProjectManager


class Quota(NamedTuple):
    """One resource's limit and use."""

    resource: str
    limit: int
    in_use: int


class Usage(NamedTuple):
    """Limits and use of one project, by resource."""

    limits: Mapping[str, int]
    used: Mapping[str, int]


class LimitsManager(Manager):
    """What a project may have and has."""

    @policy("database:limits:get")
    def own(self) -> Mapping[str, int]:
        """Return the limits of the token's project."""
        return quotas.limits(self.context.scoped_project_id, SERVICE)

    @policy("database:limits:get")
    def use(self) -> Usage:
        """Return limits and use of the token's project."""
        project = self.context.scoped_project_id
        return Usage(quotas.limits(project, SERVICE), quota.used(project))

    @policy("database:quotas:get")
    def get(self, project_id: str) -> list[Quota]:
        """Return limits and use of a project."""
        limits, used = quotas.limits(project_id, SERVICE), quota.used(project_id)
        return [Quota(name, limits[name], used[name]) for name in quota.DEFAULTS]

    @policy("database:quotas:update")
    def update(self, project_id: str, changes: Mapping[str, int]) -> Mapping[str, int]:
        """Set limits of a project; return those that were said. Raises NotFound, InvalidInput."""
        try:
            ProjectManager(self.context).get(project_id)
        except NotFound as error:
            raise NotFound(f"Project {project_id[:64]} cannot be found.") from error
        found = quotas.update(project_id, SERVICE, changes)
        return {name: found[name] for name in changes}
