"""Quotas of volumes, and what is used of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, Forbidden, InvalidInput, NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import quotas
from identity.manager import ProjectManager
from volume import quota
from volume.models import VolumeType
from volume.quota_names import SERVICE, of_type


class Usage(NamedTuple):
    """Limits and use of one project, by resource."""

    limits: Mapping[str, int]
    used: Mapping[str, int]


class LimitsManager(Manager):
    """What a project may have and has, in all and of each type it may use."""

    @policy("volume:quotas:get")
    def get(self, project_id: str) -> Usage:
        """Return limits and use; Forbidden for another project."""
        return self._usage(project_id)

    @policy("volume:quotas:get")
    def limits(self, project_id: str) -> Mapping[str, int]:
        """Return the limits alone; Forbidden for another project."""
        self._may_see(project_id)
        return _with_types(quotas.limits(project_id, SERVICE), project_id)

    @policy("volume:limits:get")
    def own(self, project_id: str | None = None) -> Usage:
        """Return limits and use of the token's project (of another, for an admin)."""
        return self._usage(project_id or self.context.scoped_project_id)

    @policy("volume:quotas:get")
    def defaults(self, project_id: str) -> Mapping[str, int]:
        """Return what holds for a project where nothing else was said; Forbidden for another one."""
        self._may_see(project_id)
        return _with_types(quotas.defaults(SERVICE), project_id)

    @policy("volume:quotas:update")
    def update(
        self, project_id: str, changes: Mapping[str, int], *, above_used: bool = False
    ) -> Mapping[str, int]:
        """Set limits of a project; return all. ``above_used``: none below what is used.

        Raises BadRequest for a project there is none of, InvalidInput.
        """
        try:
            ProjectManager(RequestContext.system()).get(project_id)
        except NotFound as error:
            raise BadRequest(f"Project ID {project_id} is not a valid project.") from error
        _check_names(changes)
        if above_used:
            _check_used(changes, quota.used(project_id))
        return _with_types(quotas.update(project_id, SERVICE, changes), project_id)

    @policy("volume:quotas:update")
    def reset(self, project_id: str) -> None:
        """Put a project back to the defaults."""
        quotas.reset(project_id, SERVICE)

    @policy("volume:quota_classes:get")
    def of_every_project(self) -> Mapping[str, int]:
        """Return the limits of all projects that have none of their own."""
        return _with_types(quotas.defaults(SERVICE))

    @policy("volume:quota_classes:update")
    def update_every_project(self, changes: Mapping[str, int]) -> Mapping[str, int]:
        """Set limits of all projects that have none of their own; return all. Raises InvalidInput."""
        _check_names(changes)
        return _with_types(quotas.update(quotas.EVERY_PROJECT, SERVICE, changes))

    def _usage(self, project_id: str) -> Usage:
        self._may_see(project_id)
        limits = _with_types(quotas.limits(project_id, SERVICE), project_id)
        return Usage(limits, quota.used(project_id))

    def _may_see(self, project_id: str) -> None:
        if project_id != self.context.project_id and not self.context.is_admin:
            raise Forbidden("Policy doesn't allow volume:quotas:get to be performed.")


def _with_types(limits: Mapping[str, int], project_id: str | None = None) -> Mapping[str, int]:
    """Add what is not limited of the types that a project may use (of all types without one)."""
    types = VolumeType.objects.order_by("name")
    rows = types.all() if project_id is None else types.open_to(project_id)
    names = [name for kind in rows.values_list("name", flat=True) for name in of_type(kind)]
    return {**dict.fromkeys(names, quotas.UNLIMITED), **limits}


def _check_names(changes: Mapping[str, int]) -> None:
    """Raise InvalidInput for a limit of a type that is not there."""
    unknown = changes.keys() - quota.DEFAULTS.keys()
    if unknown:
        types = VolumeType.objects.values_list("name", flat=True)
        unknown -= {name for kind in types for name in of_type(kind)}
    for name in sorted(unknown):
        raise InvalidInput(field=name, value=changes[name], reason="There is no such quota.")


def _check_used(changes: Mapping[str, int], used: Mapping[str, int]) -> None:
    for name, limit in changes.items():
        if quotas.UNLIMITED < limit < used.get(name, 0):
            reason = f"It must not be below what is used, {used[name]}."
            raise InvalidInput(field=name, value=limit, reason=reason)
