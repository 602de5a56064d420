"""Users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import QuerySet

from cloudweb.exceptions import Forbidden, Unauthorized
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import attempts, lockout, multifactor, passwords, revocations, second_step
from identity.authentication import find_user, proves
from identity.exceptions import (
    DomainNotFound,
    DuplicateName,
    MadeByProgram,
    NoSuchReference,
    UserNotFound,
    WrongPasscode,
    WrongPassword,
)
from identity.ids import undashed
from identity.manager.projects import merged
from identity.manager.writing import change, insert, refuse_foreign, refuse_moves
from identity.models import Domain, Project, User
from identity.querysets import in_reach
from identity.reach import manages, reads, refuse_privileged_user

#: What decides over how a user logs in: what acts for him leaves his own alone.
_LOG_IN = frozenset({"password", "options", "lock_password"})


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

        Raises WeakPassword, DuplicateName, DomainNotFound, or NoSuchReference for the default project.
        """
        if not manages(self.context, domain_id):
            raise Forbidden("Users can be created in one's own domain only.")
        if not Domain.objects.filter(pk=domain_id).exists():
            raise DomainNotFound(domain_id)
        user = User(
            name=name,
            domain_id=domain_id,
            default_project=self._project(default_project_id),
            extra=extra or {},
            **self._new_password(password, options=attributes.get("options", {})),
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
        what they are. Raises UserNotFound, DuplicateName, NoSuchReference, InvalidInput,
        WeakPassword. A new password, and enabling him, open a locked account.
        """
        user = self._managed(user_id)
        if (
            self.context.is_delegated
            and user.pk == self.context.user_id
            and _LOG_IN & changes.keys()
        ):
            raise MadeByProgram
        refuse_moves(user, fixed or {})
        refuse_foreign(user, changes)
        before = user.password
        for name in {"extra", "options"} & changes.keys():
            changes[name] = merged(getattr(user, name), changes[name])
        if changes.get("enabled"):
            changes.update(failed_logins=0, last_failed_at=None)
        if "password" in changes:
            options = changes.get("options", user.options)
            changes.update(self._new_password(changes["password"], options=options))
        if "default_project_id" in changes:
            changes["default_project"] = self._project(changes.pop("default_project_id"))
        with transaction.atomic():
            taken = DuplicateName(
                kind="user", name=changes.get("name", ""), domain_id=user.domain_id
            )
            changed = change(user, changes, taken=taken)
            if "password" in changed:
                passwords.remember(user, before)
            if "password" in changed or ("enabled" in changed and not user.enabled):
                revocations.revoke(user_id=user.pk)
        return user

    @policy("identity:user_passwords:change")
    def change_password(
        self, user_id: str, *, original_password: str, password: str, passcode: str = ""
    ) -> None:
        """Let a user change his own password, which voids all his tokens; he needs none for it.

        Another's token counts as none. Raises WrongPassword, WrongPasscode (without his token
        Unauthorized for both), TooManyRequests, Forbidden where it is locked or his rules ask for
        more than he shows, WeakPassword, PasswordReused, PasswordTooYoung.
        """
        user = find_user(user_id=user_id)
        attempts.count(user, claimed=attempts.named(user_id=user_id, name="", domain=None))
        own = user is not None and user.pk == self.context.user_id
        if own and user is not None:
            refuse_foreign(user, {"password": password})
        if not proves(user, original_password) or user is None:
            if own:
                raise WrongPassword
            raise Unauthorized(detail=f"wrong user or original password: {user_id!r}")
        self._refuse_half_shown(user, passcode, own=own)
        if user.lock_password:
            raise Forbidden("An operator locked the password of this user.")
        passwords.check_strength(password, user)
        passwords.check_age(user)
        passwords.check_history(user, password)
        self._replace_password(user, password)

    def _refuse_half_shown(self, user: User, passcode: str, *, own: bool) -> None:
        """Refuse who knows the password alone of a user that shows more than that to log in."""
        shown = {"password"}
        if second_step.has_factor(user):
            if not second_step.passed(user, passcode):
                if own:
                    raise WrongPasscode
                raise Unauthorized(
                    "A passcode of this user's second factor is required, too.",
                    detail=f"wrong passcode for a new password: {user.pk}",
                )
            shown.add("totp")
        if own and not self.context.is_delegated:
            shown |= self.context.methods
        if not multifactor.enough(user, shown):
            raise Forbidden(
                "This user shows more than a password to log in, and this is not all of it. Ask an "
                "operator for a new password."
            )
        lockout.forget(user)

    def _replace_password(self, user: User, password: str) -> None:
        columns = passwords.replaced(make_password(password), options=user.options, own=True)
        with transaction.atomic():
            changed = User.objects.filter(pk=user.pk, password=user.password).update(**columns)
            if not changed:  # someone else changed it while we were hashing
                raise WrongPassword
            passwords.remember(user, user.password)
            revocations.revoke(user_id=user.pk)

    def _new_password(self, password: str | None, *, options: dict[str, Any]) -> dict[str, Any]:
        """Return the columns of a password that an operator sets.

        What the cloud sets for itself is drawn, or asked for on its own machine: it is not judged.
        """
        lasting = self.context.is_system
        if password is not None and not lasting:
            passwords.check_strength(password)
        hashed = make_password(password)
        return passwords.replaced(hashed, options=options, own=False, lasting=lasting)

    @policy("identity:users:delete")
    def delete(self, user_id: str) -> None:
        """Remove a user with its assignments."""
        user = self._managed(user_id)
        with transaction.atomic():
            key = user.pk
            user.delete()
            revocations.revoke(user_id=key)

    def _project(self, project_id: str | None) -> Project | None:
        if project_id is None:
            return None
        project = Project.objects.filter(pk=undashed(project_id)).first()
        if project is None or not manages(self.context, project.domain_id):
            raise NoSuchReference(f"Could not find project: {project_id}.")
        return project
