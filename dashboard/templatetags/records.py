"""Records of the audit log in the operator console, by names and with what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from cloudweb.api.auth import operator_context
from dashboard.components.activity import Done, done_of
from dashboard.components.names import names_of
from identity.manager import ProjectManager

if TYPE_CHECKING:
    from audit.models import Record

register = template.Library()
#: Kinds of targets whose id is a project's.
ABOUT_PROJECTS = ("project", "quota")


@register.simple_tag(takes_context=True)
def told(context: Any, records: Sequence[Record]) -> Sequence[tuple[Done, str, str]]:
    """Return each record with its project's name and where its request's operations are."""
    caller = operator_context(context["request"])
    about = {record.target_id for record in records if record.target_kind in ABOUT_PROJECTS}
    ids = {record.project_id for record in records} | about
    projects = ProjectManager(caller).list().filter(id__in=ids - {""})
    names = {project.pk: project.name for project in projects}
    targets = {(kind, key): name for kind in ABOUT_PROJECTS for key, name in names.items()}
    operations = reverse("admin:operations_operation_changelist")
    return [
        (
            done,
            names.get(done.record.project_id, done.record.project_id),
            f"{operations}?{urlencode({'q': done.record.request_id})}",
        )
        for done in done_of(records, names={**names_of(caller, records), **targets})
    ]
