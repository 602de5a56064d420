"""Quotas as an operator changes them in the admin site."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import quotas


class QuotaManager(Manager):
    """Limits of projects, for front doors that have no service of their own."""

    @policy("identity:quotas:update")
    def replace(self, project_id: str, service: str, limits: Mapping[str, int]) -> dict[str, int]:
        """Set these limits and put the others back to their defaults; return all of them."""
        return quotas.update(project_id, service, limits, keep_others=False)

    @policy("identity:quotas:update")
    def reset(self, project_id: str, service: str | None = None) -> None:
        """Put a project back to the defaults."""
        quotas.reset(project_id, service)
