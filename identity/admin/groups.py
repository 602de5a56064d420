"""Groups and memberships in the operator's console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import GroupManager
from identity.models import Group, Membership


@admin.register(Group)
class GroupAdmin(EditableAdmin):
    """Several users who get a role by one assignment."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "id", "domain", "source", "created_at")
    list_filter = ("domain", "source")
    list_select_related = ("domain",)
    search_fields = ("name", "id")
    fields = ("name", "domain", "description")

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> list[str]:
        """Keep an existing group in its domain."""
        return ["domain"] if obj else []

    def create(self, request: HttpRequest, values: Values) -> Group:
        """Create it."""
        return GroupManager(self.context(request)).create(
            name=values["name"],
            domain_id=values["domain"].pk,
            description=values["description"],
        )

    def update(self, request: HttpRequest, row: Group, values: Values) -> None:
        """Change it."""
        GroupManager(self.context(request)).update(row.pk, **values)

    def remove(self, request: HttpRequest, row: Group) -> None:
        """Delete it; its members lose what they had by it."""
        GroupManager(self.context(request)).delete(row.pk)


@admin.register(Membership)
class MembershipAdmin(EditableAdmin):
    """Who is in which group; leaving ends a user's tokens."""

    can_add = True
    can_delete = True
    list_display = ("group", "user", "source", "created_at")
    list_select_related = ("group", "user")
    search_fields = ("group__name", "user__name")
    fields = ("group", "user")
    autocomplete_fields = ("group", "user")

    def create(self, request: HttpRequest, values: Values) -> Membership:
        """Put the user into the group."""
        group, user = values["group"], values["user"]
        GroupManager(self.context(request)).add_member(group.pk, user.pk)
        return Membership.objects.get(group=group, user=user)

    def remove(self, request: HttpRequest, row: Membership) -> None:
        """Take the user out."""
        GroupManager(self.context(request)).remove_member(row.group_id, row.user_id)
