"""Tokens: log-in, rescoping, validation, log-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, QuerySet

from cloudweb import audit
from cloudweb.exceptions import Unauthorized
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import lockout, multifactor, revocations
from identity.exceptions import TokenNotFound
from identity.manager.scoping import Scope, TrustScope, Unscoped, found_place
from identity.manager.trusts import is_alive
from identity.methods import Proof, Proven
from identity.models import AccessToken, ApplicationCredential, Domain, Project, Role, Trust, User
from identity.querysets import (
    active_user,
    effective_roles,
    has_system_role,
    usable_domains,
    usable_projects,
    with_implied,
)
from identity.receipts import MoreMethodsRequired, Receipt
from identity.scopes import NOWHERE, SYSTEM, Place
from identity.tokens import Token, valid


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token with the rows its body shows."""

    token: Token
    user: User
    place: Place
    roles: Sequence[Role]
    credential: ApplicationCredential | None = None
    trust: Trust | None = None
    access: AccessToken | None = None


class TokenManager(Manager):
    """Everything under /auth."""

    @policy("identity:tokens:issue")
    def issue(
        self, *, proofs: Sequence[Proof], scope: Scope | None = None, receipt: str | None = None
    ) -> IssuedToken:
        """Log in, or rescope a token; without a scope the user's default project is taken.

        A receipt stands for what was shown before. Raises Unauthorized for a wrong user, password,
        token, receipt or project alike, MoreMethodsRequired with a receipt for what was right.
        """
        audit.note(user_name=next((proof.claimed for proof in proofs if proof.claimed), ""))
        seen = revocations.mark().number  # before any row of the user is read
        # Before anything is shown: a passcode that goes with a bad receipt still counts afterwards.
        earlier = Receipt.read(receipt) if receipt is not None else None
        proven = self._proven(proofs)
        user = proven.user
        if earlier is not None and earlier.user_id != user.pk:
            raise Unauthorized(detail="another user's receipt")
        audit.note(user_id=user.pk, user_name=user.name, user_domain_id=user.domain_id)
        shown = [*(proven.parent.methods if proven.parent else ())]
        shown += earlier.methods if earlier else ()
        methods = list(dict.fromkeys([*shown, *(proof.method for proof in proofs)]))
        if not multifactor.enough(proven.user, methods):
            if proven.parent:  # a receipt would outlive the token
                raise Unauthorized(detail="more methods are required of this user")
            made = Receipt.issue(user, methods, seen=seen)
            raise MoreMethodsRequired(user, made, multifactor.rules_of(user))
        if multifactor.rules_of(user) and {"password", "totp"} & {one.method for one in proofs}:
            lockout.forget(user)
        if isinstance(scope, TrustScope):
            return self._on_trust(proven, scope, methods=methods, seen=seen)
        place, roles = self._scoped(proven, scope)
        _note(place)
        token = Token.issue(
            user=proven.user,
            place=place,
            roles=[role.name for role in roles],
            methods=methods,
            seen=seen,
            parent=proven.parent,
            credential=proven.credential,
            key_id=proven.key_id,
            access=proven.access,
        )
        return IssuedToken(
            token, proven.user, place, roles, credential=proven.credential, access=proven.access
        )

    def _proven(self, proofs: Sequence[Proof]) -> Proven:
        """Return who all proofs name; raise Unauthorized unless that is one active user."""
        results = [proof.prove() for proof in proofs]
        if len({one.user.pk for one in results}) != 1:
            raise Unauthorized(detail="log-in failed: no method, or different users")
        user = results[0].user
        if not user.is_active:
            raise Unauthorized(detail="the user is disabled")
        return Proven(
            user,
            parent=next((one.parent for one in results if one.parent), None),
            credential=next((one.credential for one in results if one.credential), None),
            key_id=next((one.key_id for one in results if one.key_id), ""),
            access=next((one.access for one in results if one.access), None),
        )

    def _scoped(self, proven: Proven, scope: Scope | None) -> tuple[Place, list[Role]]:
        """Return where the token counts and the roles there; raise Unauthorized without any role."""
        user, credential = proven.user, proven.credential
        if credential is not None:  # it has one place, whatever the client asks for
            return self._of_program(credential)
        if proven.access is not None:
            return self._of_program(proven.access)
        if isinstance(scope, Unscoped) or (scope is None and user.default_project_id is None):
            return NOWHERE, []
        place = found_place(scope, default_project_id=user.default_project_id)
        if place.is_somewhere and place.is_usable:
            roles = effective_roles(user.pk, place)
            if roles:
                return place, roles
        if scope is None:  # the default project is gone, disabled or no longer his
            return NOWHERE, []
        raise Unauthorized(detail="no role where the token should count")

    def _of_program(self, program: ApplicationCredential | AccessToken) -> tuple[Place, list[Role]]:
        """Return its project, and its roles as far as the user still has them."""
        place = Place(project=program.project)
        chosen = with_implied(program.roles.values_list("pk", flat=True))
        held = {role.pk for role in effective_roles(program.user_id, place)}
        roles = [role for role in chosen if role.pk in held]
        if not roles or not place.is_usable:
            raise Unauthorized(detail="its user has none of the program's roles any more")
        return place, roles

    def _on_trust(
        self, proven: Proven, scope: TrustScope, *, methods: Sequence[str], seen: int
    ) -> IssuedToken:
        """Return a token with what a trust delegates; using it is counted.

        Raises Unauthorized unless the user is its trustee and the trustor still has the roles.
        """
        rows = Trust.objects.select_related("trustor__domain", "project__domain")
        trust = rows.filter(pk=scope.trust_id).first()
        if trust is None or not is_alive(trust) or trust.trustee_id != proven.user.pk:
            raise Unauthorized(detail="no such trust for this user")
        if proven.credential or proven.access or not trust.trustor.is_active:
            raise Unauthorized(detail="the trust cannot be used")
        place = Place(project=trust.project) if trust.project else NOWHERE
        chosen = with_implied(trust.roles.values_list("pk", flat=True))
        held = {role.pk for role in effective_roles(trust.trustor_id, place)}
        if not place.is_usable or not {role.pk for role in chosen} <= held:
            raise Unauthorized(detail="the trustor has not all of the trust's roles any more")
        if trust.remaining_uses is not None:
            left = Trust.objects.filter(pk=trust.pk, remaining_uses__gt=0)
            if not left.update(remaining_uses=F("remaining_uses") - 1):
                raise Unauthorized(detail="the trust is used up")
        _note(place)
        user = trust.trustor if trust.impersonation else proven.user
        token = Token.issue(
            user=user,
            place=place,
            roles=[role.name for role in chosen],
            methods=methods,
            seen=seen,
            parent=proven.parent,
            trust=trust,
            key_id=proven.key_id,
        )
        return IssuedToken(token, user, place, chosen, trust=trust)

    @policy("identity:tokens:validate")
    def validate(self, text: str, *, allow_expired: bool = False) -> IssuedToken:
        """Return what a token says; anyone but operators and services may ask about his own.

        Raises TokenNotFound for one that is not valid, or not the caller's.
        """
        token = self._subject(text, allow_expired=allow_expired)
        user = active_user(token.user_id)
        project = Project.objects.select_related("domain").filter(pk=token.project_id).first()
        domain = Domain.objects.filter(pk=token.domain_id).first()
        gone = (token.project_id and project is None) or (token.domain_id and domain is None)
        if user is None or gone:
            raise TokenNotFound
        credential = None
        if token.credential_id:
            credential = ApplicationCredential.objects.filter(pk=token.credential_id).first()
        roles = Role.objects.filter(name__in=token.roles, domain=None).order_by("name")
        place = Place(project=project, domain=domain, system=token.system)
        trust = Trust.objects.filter(pk=token.trust_id).first() if token.trust_id else None
        access = AccessToken.objects.filter(pk=token.key_id).first() if token.key_id else None
        return IssuedToken(token, user, place, list(roles), credential, trust, access)

    @policy("identity:tokens:revoke")
    def revoke(self, text: str) -> None:
        """Void a token and what was scoped from it (log-out); raise TokenNotFound as ``validate`` does."""
        token = self._subject(text)
        with transaction.atomic():
            revocations.revoke(audit_id=token.audit_ids[0], until=token.expires_at)

    def _subject(self, text: str, *, allow_expired: bool = False) -> Token:
        try:
            token = valid(text, allow_expired=allow_expired)
        except Unauthorized as error:
            raise TokenNotFound(detail=error.detail) from error
        trusted = self.context.reads_all or "service" in self.context.roles
        if not trusted and token.user_id != self.context.user_id:
            raise TokenNotFound(detail="another user's token")
        return token

    @policy("identity:auth_projects:list")
    def projects(self) -> QuerySet[Project]:
        """Return the projects the caller may scope to."""
        return usable_projects(str(self.context.user_id))

    @policy("identity:auth_domains:list")
    def domains(self) -> QuerySet[Domain]:
        """Return the domains the caller may scope to."""
        return usable_domains(str(self.context.user_id))

    @policy("identity:auth_system:get")
    def system(self) -> Place | None:
        """Return the system if the caller may scope to it."""
        return SYSTEM if has_system_role(str(self.context.user_id)) else None


def _note(place: Place) -> None:
    """Tell the audit log where the token counts."""
    audit.note(
        project_id=place.project.pk if place.project else "",
        domain_id=place.domain.pk if place.domain else "",
    )
