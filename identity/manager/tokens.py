"""Tokens: log-in, rescoping, validation, log-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.exceptions import Unauthorized
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.authentication import find_user, verify
from identity.exceptions import TokenNotFound
from identity.ids import undashed
from identity.models import DEFAULT_DOMAIN_ID, Project, Role, User
from identity.querysets import active_user, effective_roles, usable_projects
from identity.tokens import Token, valid


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """A user by id, or by name and domain, and his password."""

    password: str
    user_id: str | None = None
    name: str = ""
    domain_id: str | None = None
    domain_name: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectScope:
    """A project by id, or by name and domain."""

    project_id: str | None = None
    name: str = ""
    domain_id: str | None = None
    domain_name: str | None = None


class Unscoped:
    """The explicit wish for a token without a project."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token with the rows its body shows."""

    token: Token
    user: User
    project: Project | None
    roles: Sequence[Role]


class TokenManager(Manager):
    """Everything under /auth."""

    @policy("identity:tokens:issue")
    def issue(
        self,
        *,
        methods: Sequence[str],
        password: PasswordProof | None = None,
        token: str | None = None,
        scope: ProjectScope | Unscoped | None = None,
    ) -> IssuedToken:
        """Log in, or rescope a token; without a scope the user's default project is taken.

        Raises Unauthorized for a wrong user, password, token or project alike.
        """
        seen = revocations.mark().number  # before any row of the user is read
        parent = valid(token) if token is not None else None
        user = self._proven(password) if password is not None else None
        if parent is not None:
            if user is not None and user.pk != parent.user_id:
                raise Unauthorized(detail="password and token of different users")
            user = active_user(parent.user_id)
        if user is None:
            raise Unauthorized(detail="log-in failed")
        project, roles = self._scoped(user, scope)
        earlier = parent.methods if parent else ()
        return IssuedToken(
            Token.issue(
                user=user,
                project=project,
                roles=[role.name for role in roles],
                methods=list(dict.fromkeys([*earlier, *methods])),
                seen=seen,
                parent=parent,
            ),
            user,
            project,
            roles,
        )

    def _proven(self, proof: PasswordProof) -> User:
        user = find_user(
            user_id=proof.user_id,
            name=proof.name,
            domain_id=proof.domain_id,
            domain_name=proof.domain_name,
        )
        if not verify(user, proof.password) or user is None:
            raise Unauthorized(detail=f"wrong user or password: {proof.user_id or proof.name!r}")
        return user

    def _scoped(
        self, user: User, scope: ProjectScope | Unscoped | None
    ) -> tuple[Project | None, list[Role]]:
        if isinstance(scope, Unscoped) or (scope is None and user.default_project_id is None):
            return None, []
        wanted = scope or ProjectScope(project_id=user.default_project_id)
        project = self._find_project(wanted)
        roles = effective_roles(user.pk, project.pk) if project else []
        if project is not None and roles:
            return project, roles
        if scope is None:  # the default project is gone, disabled or no longer his
            return None, []
        raise Unauthorized(detail="no role on the project asked for")

    def _find_project(self, scope: ProjectScope) -> Project | None:
        rows = Project.objects.select_related("domain").filter(enabled=True, domain__enabled=True)
        if scope.project_id is not None:
            return rows.filter(pk=undashed(scope.project_id)).first()
        rows = rows.filter(name=scope.name)
        if scope.domain_id is None and scope.domain_name is not None:
            return rows.filter(domain__name=scope.domain_name).first()
        return rows.filter(domain_id=scope.domain_id or DEFAULT_DOMAIN_ID).first()

    @policy("identity:tokens:validate")
    def validate(self, text: str, *, allow_expired: bool = False) -> IssuedToken:
        """Return what a token says; anyone but operators and services may ask about his own.

        Raises TokenNotFound for one that is not valid, or not the caller's.
        """
        token = self._subject(text, allow_expired=allow_expired)
        user = active_user(token.user_id)
        project = Project.objects.select_related("domain").filter(pk=token.project_id).first()
        if user is None or (token.project_id and project is None):
            raise TokenNotFound
        roles = Role.objects.filter(name__in=token.roles).order_by("name")
        return IssuedToken(token, user, project, list(roles))

    @policy("identity:tokens:revoke")
    def revoke(self, text: str) -> None:
        """Void a token (log-out); raise TokenNotFound as ``validate`` does."""
        token = self._subject(text)
        with transaction.atomic():
            revocations.revoke(audit_id=token.audit_ids[0])

    def _subject(self, text: str, *, allow_expired: bool = False) -> Token:
        try:
            token = valid(text, allow_expired=allow_expired)
        except Unauthorized as error:
            raise TokenNotFound(detail=error.detail) from error
        trusted = self.context.is_admin or "service" in self.context.roles
        if not trusted and token.user_id != self.context.user_id:
            raise TokenNotFound(detail="another user's token")
        return token

    @policy("identity:auth_projects:list")
    def projects(self) -> QuerySet[Project]:
        """Return the projects the caller may scope to."""
        return usable_projects(str(self.context.user_id))
