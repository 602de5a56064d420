"""Assignments: who has which role where."""

from __future__ import annotations

from django.db import models

from identity.models.project import Project
from identity.models.role import Role
from identity.models.user import User


class Assignment(models.Model):
    """A role of a user on a project."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="assignments")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="assignments")
    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="assignments")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "project", "role"], name="granted_once")
        ]

    def __str__(self) -> str:
        return f"{self.role_id} of {self.user_id} on {self.project_id}"
