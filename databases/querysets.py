"""Which rows of databases a caller sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from django.db.models import Model, Q, QuerySet

from cloudweb.context import RequestContext
from databases.states import Task

if TYPE_CHECKING:
    from databases.models import (  # noqa: F401
        Backup,
        BackupStrategy,
        Configuration,
        DatabaseBackupSchedule,
        DatabaseInstance,
    )


M = TypeVar("M", bound=Model)


class OfProjects(QuerySet[M]):
    """Rows that are a project's."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project owns; admins see everything."""
        return self if context.is_admin else self.of_project(context)

    def of_project(self, context: RequestContext) -> Self:
        """Keep what is the caller's own project's."""
        return self.filter(project_id=context.project_id or "")


class DatabaseConfigurationQuerySet(OfProjects["Configuration"]):
    """Configurations."""


class DatabaseBackupQuerySet(OfProjects["Backup"]):
    """Backups."""


class DatabaseBackupScheduleQuerySet(OfProjects["DatabaseBackupSchedule"]):
    """Schedules of backups."""


class BackupStrategyQuerySet(OfProjects["BackupStrategy"]):
    """Where backups are stored."""


class DatabaseInstanceQuerySet(OfProjects["DatabaseInstance"]):
    """Database instances."""

    def complete(self) -> Self:
        """Read along whatever a representation shows."""
        return self.select_related(
            "version__datastore", "configuration", "failover_watch"
        ).prefetch_related("replicas")

    def deletable(self) -> Self:
        """Keep those at rest, and those that failed whatever was done to them; not what goes already."""
        return self.filter(Q(task="") | Q(fault_at__isnull=False)).exclude(task=Task.SHUTDOWN)

    def at_rest(self) -> Self:
        """Keep those that an action may start on."""
        return self.filter(Q(task="") & Q(fault_at__isnull=True))
