"""Application credentials: log-ins of programs, with a part of their user's rights on one project."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet

from cloudweb.audit import note
from cloudweb.database import clock
from cloudweb.exceptions import BadRequest, Forbidden, InvalidInput
from cloudweb.listing import Page, paginate
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import ceilings, revocations
from identity.exceptions import (
    AccessRuleInUse,
    AccessRuleNotFound,
    ApplicationCredentialNotFound,
    DuplicateName,
    MadeByProgram,
    NoSuchReference,
)
from identity.manager.own import changeable_user_id, own_user_id, readable_user_id
from identity.manager.writing import insert
from identity.models import AccessRule, ApplicationCredential, Project, Role
from identity.querysets import effective_roles
from identity.scopes import Place


@dataclass(frozen=True, slots=True)
class Wanted:
    """A role or an access rule as a body names it: by id, or by what it is."""

    id: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class WantedRule:
    """An access rule by id, or by service, method and path."""

    id: str | None = None
    service: str = ""
    method: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Created:
    """A new application credential and its secret, which is never shown again."""

    row: ApplicationCredential
    secret: str


class ApplicationCredentialManager(Manager):
    """A user's application credentials and their access rules; a restricted one sees itself alone."""

    @policy("identity:application_credentials:list")
    def list(self, user_id: str) -> QuerySet[ApplicationCredential]:
        """Return those of a user, with roles and rules."""
        return self._seen(user_id)

    @policy("identity:application_credentials:list")
    def page(
        self,
        user_id: str,
        *,
        words: str | None = None,
        order: Sequence[str] = ("name", "id"),
        limit: int,
        marker: str | None = None,
    ) -> Page[ApplicationCredential]:
        """Return a page of those of a user; ``words`` is a part of the name or the id.

        Raises BadRequest for an unknown marker.
        """
        rows = self._seen(user_id)
        after = rows.filter(pk=marker).first() if marker else None
        if marker and after is None:
            raise BadRequest(f"marker [{marker[:64]}] not found")
        if words is not None:
            rows = rows.filter(Q(name__icontains=words) | Q(pk=words))
        return paginate(rows, limit=limit, marker=after, order=order)

    @policy("identity:application_credentials:get")
    def get(self, user_id: str, credential_id: str) -> ApplicationCredential:
        """Return one; raise ApplicationCredentialNotFound."""
        row = self._seen(user_id).filter(pk=credential_id).first()
        if row is None:
            raise ApplicationCredentialNotFound(credential_id)
        return row

    def _seen(self, user_id: str) -> QuerySet[ApplicationCredential]:
        rows = _rows(readable_user_id(self.context, user_id))
        return rows.filter(pk=self.context.credential_id) if self._is_narrow else rows

    @property
    def _is_narrow(self) -> bool:
        return self.context.restricted and not self.context.reads_all

    @policy("identity:application_credentials:create")
    def create(
        self,
        user_id: str,
        *,
        name: str,
        description: str = "",
        secret: str | None = None,
        roles: Sequence[Wanted] = (),
        access_rules: Sequence[WantedRule] = (),
        expires_at: datetime | None = None,
        unrestricted: bool = False,
    ) -> Created:
        """Record one on the token's project, with all the token's roles unless some are named.

        A secret is drawn unless one is given. Raises InvalidInput, NoSuchReference, DuplicateName,
        MadeByProgram, TooManyOfUser. What a program makes has no role, no time and no request more
        than it has itself.
        """
        own = own_user_id(self.context, user_id)
        expires_at = self._bounded(expires_at)
        project = Project.objects.select_related("domain").get(pk=self.context.scoped_project_id)
        granted = self._roles(own, project, roles)
        if expires_at is not None and expires_at <= clock.now():
            raise InvalidInput(field="expires_at", value=str(expires_at), reason="It is over.")
        secret = secret or secrets.token_urlsafe(64)
        hashed = make_password(secret)  # takes its time: before the transaction
        row = ApplicationCredential(
            user_id=own,
            project=project,
            name=name,
            description=description,
            secret=hashed,
            unrestricted=unrestricted,
            ruled=bool(access_rules),
            expires_at=expires_at,
        )
        with transaction.atomic():
            rows = ApplicationCredential.objects.filter(user_id=own)
            ceilings.hold(own, "application_credentials", used=rows.count)
            rules = [self._rule(own, rule) for rule in access_rules]
            if rules:
                kept = AccessRule.objects.filter(user_id=own)
                ceilings.hold(own, "access_rules", used=kept.count, more=0)
            insert(row, taken=DuplicateName(kind="application credential", name=name))
            row.roles.set(granted)
            row.access_rules.set(rules)
        note(target_id=row.pk)
        return Created(_found(own, row.pk), secret)

    def _bounded(self, expires_at: datetime | None) -> datetime | None:
        """Return when what this token makes ends; raise MadeByProgram for one under access rules."""
        if not self.context.credential_id:
            return expires_at
        maker = ApplicationCredential.objects.get(pk=self.context.credential_id)
        if maker.ruled:
            raise MadeByProgram
        ends = [one for one in (expires_at, maker.expires_at) if one is not None]
        return min(ends, default=None)

    def _roles(self, user_id: str, project: Project, wanted: Sequence[Wanted]) -> Sequence[Role]:
        """Return the roles named: any the user has now, but for a program those it has itself."""
        held = effective_roles(user_id, Place(project=project))
        carried = [role for role in held if role.name in self.context.roles]
        if not carried:
            raise Forbidden("A role on the project is required.")
        if not wanted:
            return carried
        if self.context.is_delegated:
            held = carried
        by_id, by_name = {role.pk: role for role in held}, {role.name: role for role in held}
        found = []
        for one in wanted:
            role = by_id.get(one.id) if one.id else by_name.get(one.name)
            if role is None:
                raise NoSuchReference(f"Could not find role: {(one.id or one.name)[:64]}.")
            found.append(role)
        return found

    def _rule(self, user_id: str, wanted: WantedRule) -> AccessRule:
        if wanted.id is not None:
            rule = AccessRule.objects.filter(pk=wanted.id, user_id=user_id).first()
            if rule is None:
                raise NoSuchReference(f"Could not find access rule: {wanted.id[:64]}.")
            return rule
        return AccessRule.objects.get_or_create(
            user_id=user_id, service=wanted.service, method=wanted.method, path=wanted.path
        )[0]

    @policy("identity:application_credentials:delete")
    def delete(self, user_id: str, credential_id: str) -> None:
        """Remove one, which voids its tokens at once."""
        row = _found(changeable_user_id(self.context, user_id), credential_id)
        note(target_id=row.pk, target_name=row.name)
        with transaction.atomic():
            key = row.pk
            row.delete()
            revocations.revoke(credential_id=key)

    @policy("identity:access_rules:list")
    def list_rules(self, user_id: str) -> QuerySet[AccessRule]:
        """Return the access rules of a user."""
        return self._seen_rules(user_id)

    def _seen_rules(self, user_id: str) -> QuerySet[AccessRule]:
        rows = AccessRule.objects.filter(user_id=readable_user_id(self.context, user_id))
        own = self.context.credential_id
        return rows.filter(application_credentials=own) if self._is_narrow else rows

    @policy("identity:access_rules:get")
    def get_rule(self, user_id: str, rule_id: str) -> AccessRule:
        """Return one; raise AccessRuleNotFound."""
        return _found_rule(self._seen_rules(user_id), rule_id)

    @policy("identity:access_rules:delete")
    def delete_rule(self, user_id: str, rule_id: str) -> None:
        """Remove one that no application credential uses; raise AccessRuleInUse."""
        own = changeable_user_id(self.context, user_id)
        rule = _found_rule(AccessRule.objects.filter(user_id=own), rule_id)
        with transaction.atomic():
            if rule.application_credentials.exists():
                raise AccessRuleInUse
            rule.delete()


def _rows(user_id: str) -> QuerySet[ApplicationCredential]:
    rows = ApplicationCredential.objects.select_related("project").filter(user_id=user_id)
    return rows.prefetch_related(
        Prefetch("roles", Role.objects.order_by("name")),
        Prefetch("access_rules", AccessRule.objects.order_by("created_at", "id")),
    )


def _found(user_id: str, credential_id: str) -> ApplicationCredential:
    row = _rows(user_id).filter(pk=credential_id).first()
    if row is None:
        raise ApplicationCredentialNotFound(credential_id)
    return row


def _found_rule(rows: QuerySet[AccessRule], rule_id: str) -> AccessRule:
    rule = rows.filter(pk=rule_id).first()
    if rule is None:
        raise AccessRuleNotFound(rule_id)
    return rule
