"""Where backups are stored: containers of a project's own words."""

from __future__ import annotations

import re

from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.policy import check, policy
from databases.manager.lookup import InstanceLookups
from databases.models import BackupStrategy, DatabaseInstance
from databases.querysets import BackupStrategyQuerySet

#: A container is a folder of the store.
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


class BackupStrategyManager(InstanceLookups):
    """One strategy for the project, and one for each instance that has its own."""

    @policy("database:backup_strategies:list")
    def list(
        self, *, instance_id: str | None = None, project_id: str | None = None
    ) -> list[BackupStrategy]:
        """Return the strategies of a project; those of another are for operators."""
        if project_id is not None and project_id != self.context.project_id:
            check(self.context, "database:backup_strategies:list_all_projects")
        rows = self._of(project_id)
        if instance_id is not None:
            rows = rows.filter(instance_id=instance_id)
        return [*rows.order_by("created_at", "id")]

    @policy("database:backup_strategies:create")
    def create(self, *, container: str, instance_id: str | None = None) -> BackupStrategy:
        """Say where the next backups are stored, instead of what was said before.

        Raises DatabaseInstanceNotFound, BadRequest for a name that is none.
        """
        check_container(container)
        if instance_id is None:
            project, key = self.context.scoped_project_id, ""
        else:
            found = self.get(instance_id)
            project, key = found.project_id, str(found.id)
        made, _ = BackupStrategy.objects.update_or_create(
            project_id=project, instance_id=key, defaults={"container": container}
        )
        return made

    @policy("database:backup_strategies:delete")
    def delete(self, *, instance_id: str | None = None, project_id: str | None = None) -> None:
        """Have the next backups stored where all are; raise NotFound. What is stored stays where it is."""
        if project_id is not None and project_id != self.context.project_id:
            check(self.context, "database:backup_strategies:delete_any")
        gone, _ = self._of(project_id).filter(instance_id=instance_id or "").delete()
        if not gone:
            raise NotFound("Backup strategy cannot be found.")

    def _of(self, project_id: str | None) -> BackupStrategyQuerySet:
        return BackupStrategy.objects.filter(
            project_id=project_id or self.context.scoped_project_id
        )


def check_container(name: str) -> None:
    """Raise BadRequest for what cannot be a folder of the store."""
    if _CONTAINER.fullmatch(name) is None:
        raise BadRequest(
            "A container has letters, digits, '.', '_' and '-', a letter or digit first."
        )


def container_of(instance: DatabaseInstance) -> str:
    """Return where an instance's next backup is stored; "" is where all are."""
    rows = BackupStrategy.objects.filter(
        project_id=instance.project_id, instance_id__in=("", str(instance.id))
    )
    found = rows.order_by("-instance_id").first()
    return found.container if found else ""
