"""Server groups: which servers are to be on one host, and which apart."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Prefetch

from cloudweb import policy as policies
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.identifiers import as_uuid
from cloudweb.listing import MAX_LIMIT, Page, paginate
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import quotas
from instances.exceptions import ServerGroupNotFound
from instances.models import Instance, ServerGroup
from instances.models.server_group import ServerGroupPolicy
from instances.querysets import ServerGroupQuerySet
from instances.quota import SERVICE

#: A group's servers: what the lists of groups read along.
MEMBERS = Prefetch(
    "servers",
    Instance.objects.alive().order_by("created_at", "id").only("id", "name", "server_group"),
)


class ServerGroupManager(Manager):
    """The groups of the caller's project."""

    def _rows(self) -> ServerGroupQuerySet:
        return ServerGroup.objects.visible_to(self.context).prefetch_related(MEMBERS)

    @policy("compute:server_groups:list")
    def list(
        self, *, all_projects: bool = False, limit: int = MAX_LIMIT, offset: int = 0
    ) -> Sequence[ServerGroup]:
        """Return the project's groups, oldest first; those of all for an admin who says so."""
        rows = self._rows()
        if all_projects:
            policies.check(self.context, "compute:server_groups:list_all_projects")
        else:
            rows = rows.filter(project_id=self.context.project_id or "")
        return list(rows[offset : offset + limit])

    @policy("compute:server_groups:list")
    def find(
        self,
        *,
        words: str | None = None,
        order: Sequence[str] = ("name", "id"),
        limit: int = MAX_LIMIT,
        marker: str | None = None,
    ) -> Page[ServerGroup]:
        """Return a page of the project's groups; ``words`` is a part of the name, ``marker`` an id.

        Raises BadRequest for an unknown marker.
        """
        rows = self._rows().filter(project_id=self.context.project_id or "")
        if words:
            rows = rows.filter(name__icontains=words)
        key = as_uuid(marker) if marker else None
        after = rows.filter(id=key).first() if key else None
        if marker and after is None:
            raise BadRequest(f"marker [{marker[:64]}] not found")
        return paginate(rows, limit=limit, marker=after, order=order)

    @policy("compute:server_groups:list")
    def names(self, *, limit: int) -> Sequence[tuple[str, str]]:
        """Return ids and names of the project's groups, by name."""
        rows = ServerGroup.objects.filter(project_id=self.context.project_id or "")
        found = rows.order_by("name", "id").values_list("id", "name")[:limit]
        return [(str(key), name) for key, name in found]

    @policy("compute:server_groups:get")
    def get(self, group_id: str | uuid.UUID) -> ServerGroup:
        """Return a group with its servers; raise ServerGroupNotFound."""
        key = as_uuid(str(group_id))
        found = self._rows().filter(id=key).first() if key else None
        if found is None:
            raise ServerGroupNotFound(group_id)
        return found

    @policy("compute:server_groups:create")
    def create(
        self, *, name: str, policy: str, max_server_per_host: int | None = None
    ) -> ServerGroup:
        """Make a group without servers. Raises InvalidInput, QuotaExceeded."""
        if policy not in ServerGroupPolicy.values:
            raise InvalidInput(
                field="policy",
                value=policy,
                reason=f"One of {', '.join(ServerGroupPolicy.values)}.",
            )
        if max_server_per_host is not None and policy != ServerGroupPolicy.ANTI_AFFINITY:
            raise InvalidInput(
                field="rules",
                value=max_server_per_host,
                reason="Only anti-affinity policy supports rules.",
            )
        project = self.context.scoped_project_id
        group = ServerGroup(
            project_id=project,
            user_id=self.context.user_id or "",
            name=name,
            policy=policy,
            max_server_per_host=max_server_per_host,
        )
        with transaction.atomic():
            quotas.reserve(
                project,
                SERVICE,
                wanted={"server_groups": 1},
                used=lambda: {"server_groups": groups_of(project)},
            )
            group.save(force_insert=True)
        return group

    @policy("compute:server_groups:delete")
    def delete(self, group_id: str | uuid.UUID) -> None:
        """Remove a group; its servers stay where they are, in none. Raises ServerGroupNotFound."""
        key = as_uuid(str(group_id))
        rows = ServerGroup.objects.visible_to(self.context)
        if key is None or not rows.filter(id=key).delete()[0]:
            raise ServerGroupNotFound(group_id)


def groups_of(project_id: str) -> int:
    """Return how many groups a project has."""
    return int(ServerGroup.objects.filter(project_id=project_id).count())


def reserve_members(group: ServerGroup, *, count: int) -> None:
    """Raise QuotaExceeded unless so many servers more fit into a group; call inside ``atomic()``."""
    quotas.reserve(
        group.project_id,
        SERVICE,
        wanted={"server_group_members": count},
        used=lambda: {"server_group_members": group.servers.alive().count()},
    )
