"""How much of its quota a project uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.quotas import limits
from image import quotas


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one resource; a limit of -1 is none."""

    used: int
    limit: int


class ImageUsageManager(Manager):
    """The caller's own project."""

    @policy("image:usage:get")
    def get(self) -> Mapping[str, Usage]:
        """Return usage and limit of each resource with a quota; sizes in MiB."""
        project_id = self.context.scoped_project_id
        used = quotas.used(project_id)
        allowed = limits(project_id, quotas.SERVICE)
        return {name: Usage(count, allowed[name]) for name, count in used.items()}
