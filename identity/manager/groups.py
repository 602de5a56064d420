"""Groups and who is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.exceptions import Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.exceptions import (
    DomainNotFound,
    DuplicateName,
    GroupNotFound,
    MemberNotFound,
    UserNotFound,
)
from identity.ids import undashed
from identity.manager.projects import merged
from identity.manager.voiding import void_grants
from identity.manager.writing import (
    change,
    insert,
    refuse_foreign_group,
    refuse_foreign_membership,
    refuse_moves,
)
from identity.models import Domain, Group, Membership, User
from identity.models.user import Source
from identity.querysets import in_reach
from identity.reach import manages, reads, refuse_privileged


class GroupManager(Manager):
    """Several users who get a role by one assignment."""

    @policy("identity:groups:list")
    def list(self) -> QuerySet[Group]:
        """Return every group, or for a domain's reader those of his domain."""
        return in_reach(self.context, Group.objects.all())

    @policy("identity:groups:get")
    def get(self, group_id: str) -> Group:
        """Return a group; raise GroupNotFound, also for one of another domain."""
        group = Group.objects.filter(pk=undashed(group_id)).first()
        if group is None or not reads(self.context, group.domain_id):
            raise GroupNotFound(group_id)
        return group

    @policy("identity:groups:create")
    def create(self, /, *, name: str, domain_id: str, **attributes: Any) -> Group:
        """Record a group; raise DuplicateName, NoSuchReference, Forbidden for another domain."""
        if not manages(self.context, domain_id):
            raise Forbidden("Groups can be created in one's own domain only.")
        if not Domain.objects.filter(pk=domain_id).exists():
            raise DomainNotFound(domain_id)
        group = Group(name=name, domain_id=domain_id, **attributes)
        insert(group, taken=DuplicateName(kind="group", name=name, domain_id=domain_id))
        return group

    @policy("identity:groups:update")
    def update(
        self, /, group_id: str, *, fixed: Mapping[str, Any] | None = None, **changes: Any
    ) -> Group:
        """Change a group; ``extra`` is merged. Raises GroupNotFound, DuplicateName, InvalidInput."""
        group = self._managed(group_id)
        refuse_moves(group, fixed or {})
        refuse_foreign_group(group, changes)
        if "extra" in changes:
            changes["extra"] = merged(group.extra, changes["extra"])
        name = changes.get("name", "")
        change(
            group,
            changes,
            taken=DuplicateName(kind="group", name=name, domain_id=group.domain_id),
        )
        return group

    @policy("identity:groups:delete")
    def delete(self, group_id: str) -> None:
        """Remove a group; what its members had by it ends at once."""
        group = self._managed(group_id)
        with transaction.atomic():
            grants = tuple(group.assignments.select_related("project", "domain", "role"))
            group.delete()
            void_grants(grants)

    @policy("identity:group_members:list")
    def members(self, group_id: str) -> QuerySet[User]:
        """Return the users in a group."""
        return User.objects.filter(memberships__group=self.get(group_id))

    @policy("identity:group_members:check")
    def check_member(self, group_id: str, user_id: str) -> None:
        """Raise MemberNotFound unless the user is in the group."""
        user, group = self._user(user_id), self.get(group_id)
        if not Membership.objects.filter(group=group, user=user).exists():
            raise MemberNotFound

    @policy("identity:group_members:add")
    def add_member(self, group_id: str, user_id: str) -> None:
        """Put a user into a group, for good even if an identity provider put him there before.

        Raises Forbidden where another system decides who is in the group.
        """
        group, user = self._managed(group_id), self._user(user_id)
        refuse_foreign_group(group, {"members": user_id})
        Membership.objects.update_or_create(group=group, user=user, defaults={"source": Source.SQL})

    @policy("identity:group_members:remove")
    def remove_member(self, group_id: str, user_id: str) -> None:
        """Take a user out, which voids his tokens at once.

        Raises MemberNotFound, Forbidden where another system put him there.
        """
        group, user = self._managed(group_id), self._user(user_id)
        refuse_foreign_group(group, {"members": user_id})
        with transaction.atomic():
            held = Membership.objects.select_for_update().filter(group=group, user=user).first()
            if held is None:
                raise MemberNotFound
            refuse_foreign_membership(held)
            held.delete()
            revocations.revoke(user_id=user.pk)

    @policy("identity:user_groups:list")
    def list_of_user(self, user_id: str) -> QuerySet[Group]:
        """Return the groups a user is in: one's own, or those of anyone one may read."""
        user_id = undashed(user_id)
        if user_id != self.context.user_id:
            self._user(user_id)
        return Group.objects.filter(memberships__user_id=user_id)

    def _managed(self, group_id: str) -> Group:
        """Return a group the caller may change; raise Forbidden where it makes operators."""
        group = Group.objects.filter(pk=undashed(group_id)).first()
        if group is None or not manages(self.context, group.domain_id):
            raise GroupNotFound(group_id)
        refuse_privileged(self.context, group.assignments.all())
        return group

    def _user(self, user_id: str) -> User:
        user = User.objects.filter(pk=undashed(user_id)).first()
        if user is None or not reads(self.context, user.domain_id):
            raise UserNotFound(user_id)
        return user
