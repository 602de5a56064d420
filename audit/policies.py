"""Who may read the audit log: a project's readers their project's, operators and the system's readers all of it.

Role reader is enough. Whoever audits a project should need no right to change it, and a record holds
nothing that its readers may not see otherwise: no secret ever enters one.
"""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.policy import (
    authenticated,
    declare,
    project_reader,
    system_reader,
    the_cloud_itself,
)


def auditor(context: RequestContext) -> bool:
    """Allow reader and above in the token's project or on the system, and admins."""
    return project_reader(context) or system_reader(context)


declare(
    {
        "audit:records:list": auditor,
        "audit:records:get": auditor,
        "audit:own_records:list": authenticated,
        "audit:records:list_all_projects": system_reader,
        "audit:records:forget": the_cloud_itself,
    }
)
