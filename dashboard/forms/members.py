"""Members of a project."""

from __future__ import annotations

from django import forms

from dashboard.forms.fields import NameField, RefusableForm
from identity.exceptions import RoleNotFound, UserNotFound

ROLES = (("reader", "Reader"), ("member", "Member"), ("manager", "Manager"))


class RoleForm(RefusableForm):
    """A role that a project's manager gives."""

    FIELDS = {RoleNotFound: "role"}

    role = forms.ChoiceField(choices=ROLES)


class NewMemberForm(RoleForm):
    """An existing user, by his name."""

    FIELDS = {RoleNotFound: "role", UserNotFound: "user_name"}

    user_name = NameField(label="User name")
