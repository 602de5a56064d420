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
from identity.querysets import in_reach
from identity.reach import manages, reads, refuse_privileged_user


class UserManager(Manager):
    """People and programs that log in."""

    @policy("identity:users:list")
    def list(self) -> QuerySet[User]:
        """Return every user, or for a domain's reader those of his domain."""
        return in_reach(self.context, User.objects.all())

    @policy("identity:users:get")
    def get(self, user_id: str) -> User:
        """Return a user; whoever does not read his domain sees himself only. Raises UserNotFound."""
        user = User.objects.select_related("domain").filter(pk=undashed(user_id)).first()
        context = self.context
        if user is None or not (reads(context, user.domain_id) or user.pk == context.user_id):
            raise UserNotFound(user_id)
        return user

    def _managed(self, user_id: str) -> User:
        """Return a user the caller may change; raise Forbidden where he has more rights than that."""
        user = User.objects.select_related("domain").filter(pk=undashed(user_id)).first()
        if user is None or not manages(self.context, user.domain_id):
            raise UserNotFound(user_id)
        refuse_privileged_user(self.context, user)
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
        if not manages(self.context, domain_id):
            raise Forbidden("Users can be created in one's own domain only.")
        if not Domain.objects.filter(pk=domain_id).exists():
            raise NoSuchReference(f"Could not find domain: {domain_id}.")
        user = User(
            name=name,
            domain_id=domain_id,
            password=make_password(password),
            default_project=self._project(default_project_id),
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

        ``extra`` and ``options`` are merged: a null removes a key; ``fixed`` attributes must be
        what they are. Raises UserNotFound, DuplicateName, NoSuchReference, InvalidInput.
        """
        user = self._managed(user_id)
        refuse_moves(user, fixed or {})
        refuse_foreign(user, changes)
        if "password" in changes:
            changes["password"] = make_password(changes["password"])
        for name in {"extra", "options"} & changes.keys():
            changes[name] = merged(getattr(user, name), changes[name])
        if "default_project_id" in changes:
            changes["default_project"] = self._project(changes.pop("default_project_id"))
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
        user = self._managed(user_id)
        with transaction.atomic():
            key = user.pk
            user.delete()
            events.emit("user.deleted", user_id=key)
            revocations.revoke(user_id=key)

    def _project(self, project_id: str | None) -> Project | None:
        if project_id is None:
            return None
        project = Project.objects.filter(pk=undashed(project_id)).first()
        if project is None or not manages(self.context, project.domain_id):
            raise NoSuchReference(f"Could not find project: {project_id}.")
        return project
