"""Users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import QuerySet

from cloudweb import events
from cloudweb.exceptions import Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.authentication import verify
from identity.exceptions import DuplicateName, NoSuchReference, UserNotFound, WrongPassword
from identity.ids import undashed
from identity.manager.projects import merged
from identity.manager.writing import change, insert, refuse_foreign, refuse_moves
from identity.models import Domain, Project, User


class UserManager(Manager):
    """People and programs that log in."""

    @policy("identity:users:list")
    def list(self) -> QuerySet[User]:
        """Return every user."""
        return User.objects.all()

    @policy("identity:users:get")
    def get(self, user_id: str) -> User:
        """Return a user; anyone but an operator sees himself only. Raises UserNotFound."""
        user_id = undashed(user_id)
        user = User.objects.select_related("domain").filter(pk=user_id).first()
        if user is None or not (self.context.is_admin or user.pk == self.context.user_id):
            raise UserNotFound(user_id)
        return user

    @policy("identity:users:create")
    def create(
        self,
        /,
        *,
        name: str,
        domain_id: str,
        password: str | None = None,
        default_project_id: str | None = None,
        extra: dict[str, Any] | None = None,
        **attributes: Any,
    ) -> User:
        """Record a user; without a password nobody can log in as it.

        Raises DuplicateName, or NoSuchReference for the domain or default project.
        """
        if not Domain.objects.filter(pk=domain_id).exists():
            raise NoSuchReference(f"Could not find domain: {domain_id}.")
        user = User(
            name=name,
            domain_id=domain_id,
            password=make_password(password),
            default_project=_project(default_project_id),
            extra=extra or {},
            **attributes,
        )
        insert(user, taken=DuplicateName(kind="user", name=name, domain_id=domain_id))
        return user

    @policy("identity:users:update")
    def update(
        self, /, user_id: str, *, fixed: Mapping[str, Any] | None = None, **changes: Any
    ) -> User:
        """Change a user; a new password or disabling voids all tokens at once.

        ``extra`` is merged: a null removes a key; ``fixed`` attributes must be what they are.
        Raises UserNotFound, DuplicateName, NoSuchReference, InvalidInput.
        """
        user = self.get(user_id)
        refuse_moves(user, fixed or {})
        refuse_foreign(user, changes)
        if "password" in changes:
            changes["password"] = make_password(changes["password"])
        if "extra" in changes:
            changes["extra"] = merged(user.extra, changes["extra"])
        if "default_project_id" in changes:
            changes["default_project"] = _project(changes.pop("default_project_id"))
        with transaction.atomic():
            taken = DuplicateName(
                kind="user", name=changes.get("name", ""), domain_id=user.domain_id
            )
            changed = change(user, changes, taken=taken)
            if "password" in changed or ("enabled" in changed and not user.enabled):
                revocations.revoke(user_id=user.pk)
        return user

    @policy("identity:user_passwords:change")
    def change_password(self, user_id: str, *, original_password: str, password: str) -> None:
        """Let a user change his own password, which voids all his tokens.

        Raises UserNotFound for anyone else's, WrongPassword, and Forbidden where it is locked.
        """
        if user_id != self.context.user_id:
            raise UserNotFound(user_id)
        user = self.get(user_id)
        refuse_foreign(user, {"password": password})
        if user.lock_password:
            raise Forbidden("An operator locked the password of this user.")
        if not verify(user, original_password):
            raise WrongPassword
        self._replace_password(user, make_password(password))

    def _replace_password(self, user: User, hashed: str) -> None:
        with transaction.atomic():
            changed = User.objects.filter(pk=user.pk, password=user.password).update(
                password=hashed
            )
            if not changed:  # someone else changed it while we were hashing
                raise WrongPassword
            revocations.revoke(user_id=user.pk)

    @policy("identity:users:delete")
    def delete(self, user_id: str) -> None:
        """Remove a user with its assignments; emits ``user.deleted`` with the id."""
        user = self.get(user_id)
        with transaction.atomic():
            key = user.pk
            user.delete()
            events.emit("user.deleted", user_id=key)
            revocations.revoke(user_id=key)


def _project(project_id: str | None) -> Project | None:
    if project_id is None:
        return None
    project = Project.objects.filter(pk=undashed(project_id)).first()
    if project is None:
        raise NoSuchReference(f"Could not find project: {project_id}.")
    return project
