"""What a project still has of databases, and what goes with it."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.context import RequestContext
from cloudweb.events import on
from cloudweb.holdings import hangs_on
from databases.models import (
    Backup,
    BackupStrategy,
    Configuration,
    DatabaseInstance,
    Failover,
    PartsProject,
    ProjectAuthority,
)
from identity.events import ProjectDeleted
from identity.manager import ProjectManager


@hangs_on("project")
def count_databases(project_id: str) -> Mapping[str, int]:
    """Return what a project still holds."""
    mine = {"project_id": project_id}
    return {
        "database instances": DatabaseInstance.objects.filter(**mine).count(),
        "database backups": Backup.objects.filter(**mine).count(),
    }


@on(ProjectDeleted)
def drop_what_is_left(gone: ProjectDeleted) -> None:
    """Forget what is a project's that is gone, and is no holding; the project of its parts goes with it."""
    for kind in (Configuration, BackupStrategy, Failover, ProjectAuthority):
        kind.objects.filter(project_id=gone.project_id).delete()
    parts = PartsProject.objects.filter(project_id=gone.project_id)
    for one in parts:
        ProjectManager(RequestContext.system()).delete(one.parts_project_id)
    parts.delete()
