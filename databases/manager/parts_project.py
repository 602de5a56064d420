"""The project that a tenant's databases have their parts in."""

from __future__ import annotations

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.locks import locked
from databases.models import PartsProject
from identity import quotas
from identity.manager import ProjectManager


def ensure_parts_project(project_id: str) -> str:
    """Return the id of a tenant's project of parts, made if it is the first time.

    Nobody has a role on it, so no tenant sees it; what it may have is limited by the tenant's own quota
    of databases alone.
    """
    found = PartsProject.objects.filter(project_id=project_id).first()
    if found is not None:
        return found.parts_project_id
    projects = ProjectManager(RequestContext.system())
    tenant = projects.get(project_id)
    with transaction.atomic():
        locked(type(tenant).objects.filter(pk=tenant.pk)).first()  # one at a time
        again = PartsProject.objects.filter(project_id=project_id).first()
        if again is not None:
            return again.parts_project_id
        made = projects.create(
            name=f"databases-{tenant.pk}",
            domain_id=tenant.domain_id,
            description=f"Parts of the databases of project {tenant.pk}",
        )
        for service in ("compute", "volume", "network"):
            unlimited = dict.fromkeys(quotas.defaults(service), quotas.UNLIMITED)
            quotas.update(made.pk, service, unlimited)
        PartsProject.objects.create(project_id=project_id, parts_project_id=made.pk)
    return str(made.pk)
