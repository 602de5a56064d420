"""Assignments: who has which role where."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from identity.models.domain import Domain
from identity.models.group import Group
from identity.models.project import Project
from identity.models.role import Role
from identity.models.user import User


class Assignment(models.Model):
    """A role of a user or a group on a project, a domain or the system.

    An ``inherited`` one counts on every project below its project or domain, and not there itself.
    """

    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="assignments"
    )
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, related_name="assignments"
    )
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="assignments"
    )
    domain = models.ForeignKey(
        Domain, null=True, blank=True, on_delete=models.CASCADE, related_name="assignments"
    )
    system = models.BooleanField(default=False)
    inherited = models.BooleanField(default=False)
    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="assignments")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # A NULL equals nothing, so each of these sees its own kind of row alone.
            models.UniqueConstraint(
                fields=["user", "project", "role", "inherited"], name="user_on_project_once"
            ),
            models.UniqueConstraint(
                fields=["user", "domain", "role", "inherited"], name="user_on_domain_once"
            ),
            models.UniqueConstraint(
                fields=["group", "project", "role", "inherited"], name="group_on_project_once"
            ),
            models.UniqueConstraint(
                fields=["group", "domain", "role", "inherited"], name="group_on_domain_once"
            ),
            models.UniqueConstraint(
                fields=["user", "role"], condition=Q(system=True), name="user_on_system_once"
            ),
            models.UniqueConstraint(
                fields=["group", "role"], condition=Q(system=True), name="group_on_system_once"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(group__isnull=True), name="one_holder"
            ),
            models.CheckConstraint(
                condition=(
                    Q(project__isnull=False, domain__isnull=True, system=False)
                    | Q(project__isnull=True, domain__isnull=False, system=False)
                    | Q(project__isnull=True, domain__isnull=True, system=True, inherited=False)
                ),
                name="one_place",
            ),
        ]

    def __str__(self) -> str:
        place = self.project_id or self.domain_id or "the system"
        return f"{self.role_id} of {self.user_id or self.group_id} on {place}"
