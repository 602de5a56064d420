"""Trusts: a user lets another act with some of his roles on a project."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from cloudweb.database import clock
from cloudweb.exceptions import Forbidden, InvalidInput, PolicyNotAuthorized
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import ceilings, revocations
from identity.exceptions import MadeByProgram, NoSuchReference, RoleNotFound, TrustNotFound
from identity.ids import undashed
from identity.manager.application_credentials import Wanted
from identity.models import Project, Role, Trust, User
from identity.querysets import effective_roles
from identity.scopes import Place

MOST_REDELEGATIONS = 3
NO_ROLE = "A trust delegates roles that the trustor has on the project."
#: So long a trust that ended is kept, for its id may be asked for.
KEPT = timedelta(days=1)


class TrustManager(Manager):
    """What users delegate to each other; only the two of a trust and operators see it.

    A token of a trust sees that one and those it was handed on as.
    """

    @policy("identity:trusts:list")
    def list(
        self, *, trustor_user_id: str | None = None, trustee_user_id: str | None = None
    ) -> QuerySet[Trust]:
        """Return the trusts one gave or holds; for who reads all those of everyone."""
        rows = self._rows()
        if trustor_user_id is not None:
            rows = rows.filter(trustor_id=undashed(trustor_user_id))
        if trustee_user_id is not None:
            rows = rows.filter(trustee_id=undashed(trustee_user_id))
        return rows

    @policy("identity:trusts:get")
    def get(self, trust_id: str) -> Trust:
        """Return one; raise TrustNotFound, also once its time is over."""
        row = self._rows().filter(pk=trust_id).first()
        if row is None or not is_alive(row):
            raise TrustNotFound(trust_id)
        return row

    def _rows(self) -> QuerySet[Trust]:
        rows = Trust.objects.filter(deleted_at=None).prefetch_related("roles")
        if self.context.reads_all:
            return rows
        if self.context.trust_id:
            acting = self.context.trust_id
            return rows.filter(Q(pk=acting) | Q(redelegated_from=acting))
        own = self.context.user_id
        return rows.filter(Q(trustor_id=own) | Q(trustee_id=own))

    @policy("identity:trusts:create")
    def create(
        self,
        *,
        trustor_user_id: str,
        trustee_user_id: str,
        impersonation: bool,
        project_id: str | None = None,
        roles: Sequence[Wanted] = (),
        expires_at: datetime | None = None,
        remaining_uses: int | None = None,
        redelegation_count: int = 0,
    ) -> Trust:
        """Delegate some of one's own roles on a project; a program those of its own on its own.

        With a token of a trust that allows it, the trust is handed on, never widened. Raises
        Forbidden, NoSuchReference, InvalidInput, MadeByProgram, TooManyOfUser.
        """
        parent = self._parent()
        trustor_id = parent.trustor_id if parent else self.context.user_id
        if undashed(trustor_user_id) != trustor_id:
            raise PolicyNotAuthorized("identity:trusts:create")
        trustee = User.objects.filter(pk=undashed(trustee_user_id)).first()
        if trustee is None:
            raise NoSuchReference(f"Could not find user: {trustee_user_id[:64]}.")
        if expires_at is not None and expires_at <= clock.now():
            raise InvalidInput(field="expires_at", value=str(expires_at), reason="It is over.")
        project = self._project(project_id)
        if (project is None) != (not roles):
            raise Forbidden("A trust names a project and at least one role, or neither.")
        if parent is not None:
            self._check_redelegation(parent, impersonation, expires_at, remaining_uses)
            redelegation_count = parent.redelegation_count - 1
        elif not 0 <= redelegation_count <= MOST_REDELEGATIONS:
            raise Forbidden(f"A trust is handed on at most {MOST_REDELEGATIONS} times.")
        granted = self._roles(str(trustor_id), project, roles, parent) if project else []
        with transaction.atomic():
            self._make_room(str(trustor_id))
            trust = Trust.objects.create(
                trustor_id=trustor_id,
                trustee=trustee,
                project=project,
                impersonation=impersonation,
                expires_at=expires_at or (parent.expires_at if parent else None),
                remaining_uses=remaining_uses,
                redelegation_count=redelegation_count,
                redelegated_from=parent,
            )
            trust.roles.set(granted)
        return trust

    def _make_room(self, trustor_id: str) -> None:
        """Forget what ended long ago, for a trust is kept a while; refuse one too many."""
        rows = Trust.objects.filter(trustor_id=trustor_id)
        ceilings.hold(trustor_id, "trusts", used=lambda: _room_taken(rows))

    def _parent(self) -> Trust | None:
        """Return the trust this token acts under; refuse other programs."""
        if self.context.trust_id:
            trust = Trust.objects.filter(pk=self.context.trust_id).first()
            if trust is None or trust.redelegation_count < 1:
                raise Forbidden("This trust may not be handed on.")
            return trust
        if self.context.restricted:
            raise MadeByProgram
        return None

    def _check_redelegation(
        self,
        parent: Trust,
        impersonation: bool,
        expires_at: datetime | None,
        remaining_uses: int | None,
    ) -> None:
        if parent.remaining_uses is not None:
            raise Forbidden("A trust whose uses are counted cannot be handed on.")
        longer = parent.expires_at and expires_at and expires_at > parent.expires_at
        if longer or remaining_uses is not None or (impersonation and not parent.impersonation):
            raise Forbidden("A trust that is handed on cannot allow more than it does.")

    def _project(self, project_id: str | None) -> Project | None:
        if project_id is None:
            return None
        if self.context.is_delegated and undashed(project_id) != self.context.project_id:
            raise Forbidden("A trust that a program makes is for the project of its token.")
        row = Project.objects.select_related("domain").filter(pk=undashed(project_id)).first()
        if row is None:
            raise Forbidden(NO_ROLE)
        return row

    def _roles(
        self, trustor_id: str, project: Project, wanted: Sequence[Wanted], parent: Trust | None
    ) -> Sequence[Role]:
        held = effective_roles(trustor_id, Place(project=project))
        if self.context.is_delegated:
            held = [role for role in held if role.name in self.context.roles]
        if parent is not None:
            allowed = set(parent.roles.values_list("pk", flat=True))
            held = [role for role in held if role.pk in allowed]
        by_id, by_name = {role.pk: role for role in held}, {role.name: role for role in held}
        found = []
        for one in wanted:
            role = by_id.get(one.id) if one.id else by_name.get(one.name)
            if role is None:
                raise Forbidden(NO_ROLE)
            found.append(role)
        return found

    @policy("identity:trusts:delete")
    def delete(self, trust_id: str) -> None:
        """End a trust and those it was handed on as, with their tokens, at once; the trustor's right."""
        row = self._rows().filter(pk=trust_id).first()
        if row is None:
            raise TrustNotFound(trust_id)
        if row.trustor_id != self.context.user_id and not self.context.is_admin:
            raise Forbidden("Only the trustor ends a trust.")
        if self.context.restricted:
            raise MadeByProgram
        with transaction.atomic():
            frontier = [row.pk]
            now = clock.now()
            while frontier:
                Trust.objects.filter(pk__in=frontier).update(deleted_at=now)
                for key in frontier:
                    revocations.revoke(trust_id=key)
                below = Trust.objects.filter(redelegated_from_id__in=frontier, deleted_at=None)
                frontier = list(below.values_list("pk", flat=True))

    @policy("identity:trusts:list_roles")
    def roles_of(self, trust_id: str) -> QuerySet[Role]:
        """Return the roles a trust delegates."""
        return Role.objects.filter(pk__in=self.get(trust_id).roles.values("pk"))

    @policy("identity:trusts:get_role")
    def role_of(self, trust_id: str, role_id: str) -> Role:
        """Return one of them; raise RoleNotFound."""
        role = self.get(trust_id).roles.filter(pk=role_id).first()
        if role is None:
            raise RoleNotFound(role_id)
        return role


def _room_taken(rows: QuerySet[Trust]) -> int:
    """Count a trustor's trusts after those were removed that ended long ago."""
    before = clock.now() - KEPT
    rows.filter(Q(deleted_at__lt=before) | Q(expires_at__lt=before)).delete()
    return rows.count()


def is_alive(trust: Trust) -> bool:
    """Tell whether a trust still counts: not deleted, not expired, not used up."""
    expired = trust.expires_at is not None and trust.expires_at <= clock.now()
    return trust.deleted_at is None and not expired and trust.remaining_uses != 0
