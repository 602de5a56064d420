"""Quotas of the network service: limits, what is used, who may change them."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.manager import Manager
from cloudweb.policy import check, policy
from identity import quotas
from network import quota
from network.exceptions import InvalidQuotaValue


class QuotaManager(Manager):
    """Limits of projects; -1 is none."""

    @policy("network:quotas:list")
    def list(self) -> Mapping[str, Mapping[str, int]]:
        """Return the limits of every project that has some of its own."""
        return quotas.changed(quota.SERVICE)

    @policy("network:quotas:get")
    def get(self, project_id: str) -> Mapping[str, int]:
        """Return the limits that hold for a project; another's are for operators."""
        self._check_project(project_id)
        return quotas.limits(project_id, quota.SERVICE)

    @policy("network:quotas:get")
    def get_defaults(self, project_id: str) -> Mapping[str, int]:
        """Return what holds for a project without limits of its own."""
        self._check_project(project_id)
        return quotas.defaults(quota.SERVICE)

    @policy("network:quotas:get")
    def used(self, project_id: str) -> Mapping[str, int]:
        """Count what a project has now."""
        self._check_project(project_id)
        return quota.used(project_id)

    @policy("network:quotas:update")
    def update(
        self, project_id: str, changes: Mapping[str, int], *, above_used: bool = False
    ) -> Mapping[str, int]:
        """Set some limits of a project; return all of them.

        Raises InvalidInput, and InvalidQuotaValue for a limit that is not ``above_used`` as asked.
        """
        if above_used:
            used = quota.used(project_id, *changes)
            below = {
                name: (limit, used[name])
                for name, limit in changes.items()
                if limit != quotas.UNLIMITED and limit < used[name]
            }
            if below:
                raise InvalidQuotaValue(below)
        return quotas.update(project_id, quota.SERVICE, changes)

    @policy("network:quotas:update")
    def delete(self, project_id: str) -> None:
        """Put a project back to the defaults."""
        quotas.reset(project_id, quota.SERVICE)

    def _check_project(self, project_id: str) -> None:
        if project_id != self.context.project_id:
            check(self.context, "network:quotas:get_other")
