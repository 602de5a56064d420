"""Tokens: signed, self-contained, void at once when revoked.

A token carries who, where, which roles and until when, under the cloud's key. Reading one costs a
signature check and one row, the revocation counter (DESIGN section 6).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.core import signing

from cloudweb.context import RequestContext
from cloudweb.database import clock
from cloudweb.exceptions import Unauthorized
from identity import access_rules, revocations
from identity.models import AccessToken, ApplicationCredential, Trust, User
from identity.scopes import Place

FORMAT = 2
LONGEST = 8_000  # what fits into one header line of the usual servers
#: Tokens of one log-in, each got by the one before; all are named, for each may be revoked.
LONGEST_CHAIN = 32
_SALT = "cloudweb.identity.token"


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. ``audit_ids`` are its own and those of the tokens it was rescoped from.

    At most one of ``project_id``, ``domain_id`` and ``system`` is set. ``domain_name`` is that of
    the scope's domain. ``ruled`` and ``restricted`` say what its application credential forbids;
    ``key_id`` is the EC2 key or OAuth access token that signed for it.
    """

    user_id: str
    user_name: str
    user_domain_id: str
    project_id: str
    project_name: str
    project_domain_id: str
    domain_id: str
    domain_name: str
    system: bool
    roles: tuple[str, ...]
    methods: tuple[str, ...]
    audit_ids: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    seen: int  # revocations that were known before the user's rows were read
    credential_id: str = ""
    restricted: bool = False
    ruled: bool = False
    trust_id: str = ""
    trustor_id: str = ""
    trustee_id: str = ""
    provider_id: str = ""
    protocol: str = ""
    key_id: str = ""

    @classmethod
    def issue(
        cls,
        *,
        user: User,
        place: Place,
        roles: Sequence[str],
        methods: Sequence[str],
        seen: int,
        parent: Self | None = None,
        credential: ApplicationCredential | None = None,
        trust: Trust | None = None,
        provider_id: str = "",
        protocol: str = "",
        key_id: str = "",
        access: AccessToken | None = None,
    ) -> Self:
        """Make a token; one made from a parent keeps the parent's expiry and ends with it.

        It never outlives its application credential, trust or OAuth access token. Raises Unauthorized
        for one that would have too many ancestors to name.
        """
        if parent and len(parent.audit_ids) >= LONGEST_CHAIN:
            raise Unauthorized(detail="rescoped too often: log in again")
        now = clock.now()
        audit_id = new_audit_id()
        ends = [parent.expires_at if parent else now + timedelta(seconds=settings.TOKEN_LIFETIME)]
        limits = (credential, trust, access)
        ends += [one.expires_at for one in limits if one and one.expires_at]
        project, domain = place.project, place.domain
        return cls(
            user_id=user.pk,
            user_name=user.name,
            user_domain_id=user.domain_id,
            project_id=project.pk if project else "",
            project_name=project.name if project else "",
            project_domain_id=project.domain_id if project else "",
            domain_id=domain.pk if domain else "",
            domain_name=domain.name if domain else "",
            system=place.system,
            roles=tuple(roles) if place.is_somewhere else (),
            methods=tuple(methods),
            audit_ids=(audit_id, *parent.audit_ids) if parent else (audit_id,),
            issued_at=now,
            expires_at=min(ends),
            seen=seen,
            credential_id=credential.pk if credential else "",
            restricted=credential is not None and not credential.unrestricted,
            ruled=credential is not None and credential.ruled,
            trust_id=trust.pk if trust else "",
            trustor_id=trust.trustor_id if trust else "",
            trustee_id=trust.trustee_id if trust else "",
            provider_id=provider_id or (parent.provider_id if parent else ""),
            protocol=protocol or (parent.protocol if parent else ""),
            key_id=key_id,
        )

    def signed(self) -> str:
        """Return the text that travels in X-Auth-Token."""
        claims = [
            FORMAT,
            [self.user_id, self.user_name, self.user_domain_id],
            [self.project_id, self.project_name, self.project_domain_id],
            [self.domain_id, self.domain_name, self.system],
            list(self.roles),
            list(self.methods),
            list(self.audit_ids),
            _micros(self.issued_at),
            _micros(self.expires_at),
            self.seen,
            [self.credential_id, self.restricted, self.ruled] if self.credential_id else [],
            [self.trust_id, self.trustor_id, self.trustee_id] if self.trust_id else [],
            [self.provider_id, self.protocol] if self.provider_id else [],
            *([self.key_id] if self.key_id else []),
        ]
        return signing.Signer(salt=_SALT).sign_object(claims, compress=True)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what a signed text says; raise Unauthorized if we did not sign it."""
        if len(text) > LONGEST:
            raise Unauthorized(detail="token too long")
        try:
            claims: Any = signing.Signer(salt=_SALT).unsign_object(text)
        except signing.BadSignature as error:
            raise Unauthorized(detail="bad token signature") from error
        if claims[0] != FORMAT:
            raise Unauthorized(detail=f"token format {claims[0]}")
        _, user, project, domain, roles, methods, audit_ids, issued_at, expires_at, seen = claims[
            :10
        ]
        credential, trust, federation = claims[10:13]
        credential_id, restricted, ruled = credential or ("", False, False)
        trust_id, trustor_id, trustee_id = trust or ("", "", "")
        provider_id, protocol = federation or ("", "")
        return cls(
            user_id=user[0],
            user_name=user[1],
            user_domain_id=user[2],
            project_id=project[0],
            project_name=project[1],
            project_domain_id=project[2],
            domain_id=domain[0],
            domain_name=domain[1],
            system=domain[2],
            roles=tuple(roles),
            methods=tuple(methods),
            audit_ids=tuple(audit_ids),
            issued_at=_moment(issued_at),
            expires_at=_moment(expires_at),
            seen=seen,
            credential_id=credential_id,
            restricted=restricted,
            ruled=ruled,
            trust_id=trust_id,
            trustor_id=trustor_id,
            trustee_id=trustee_id,
            provider_id=provider_id,
            protocol=protocol,
            key_id=claims[13] if len(claims) > 13 else "",
        )

    @property
    def is_expired(self) -> bool:
        """Tell whether its time is over."""
        return self.expires_at <= clock.now()

    @property
    def is_scoped(self) -> bool:
        """Tell whether its roles count anywhere."""
        return bool(self.project_id or self.domain_id or self.system)

    @property
    def is_revoked(self) -> bool:
        """Tell whether it was made void; also if it comes from a later database than this one."""
        revoked = revocations.current()
        if self.seen > revoked.mark.number:
            return True
        # An older token answers to something only if a revocation came after it.
        return self.seen < revoked.mark.number and revoked.covers(
            self.revocation_keys(), seen=self.seen
        )

    def revocation_keys(self) -> list[str]:
        """Return every key by which it can be revoked."""
        key = revocations.key_of
        scope: dict[str, Any] = {
            "project_id": self.project_id,
            "domain_id": self.domain_id,
            "system": self.system,
        }
        users = {self.user_id, self.trustor_id, self.trustee_id} - {""}
        domains = {self.user_domain_id, self.project_domain_id, self.domain_id} - {""}
        keys = [key(audit_id=one) for one in self.audit_ids]
        keys += [key(user_id=one) for one in users]
        keys += [key(within_domain_id=one) for one in domains]
        keys += [key(role=one) for one in self.roles]
        if self.credential_id:
            keys.append(key(credential_id=self.credential_id))
        if self.trust_id:
            keys.append(key(trust_id=self.trust_id))
        if self.key_id:
            keys.append(key(key_id=self.key_id))
        if self.is_scoped:
            keys.append(key(**scope))
            keys += [key(user_id=one, **scope) for one in users]
            keys += [key(role=one, **scope) for one in self.roles]
        return keys


def new_audit_id() -> str:
    """Return an id by which a token can be named without being shown."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def valid(text: str, *, allow_expired: bool = False) -> Token:
    """Return a token that holds now; raise Unauthorized if it is forged, expired or revoked."""
    token = Token.read(text)
    if token.is_expired and not allow_expired:
        raise Unauthorized(detail="token expired")
    if token.is_revoked:
        raise Unauthorized(detail="token revoked")
    return token


def context_of(
    token: str, *, request_id: str, remote_address: str, method: str = "", path: str = ""
) -> RequestContext:
    """Return the context of a request with this token (settings: CLOUDWEB_TOKEN_CONTEXT).

    Raises Unauthorized, and Forbidden for a request that its access rules do not allow.
    """
    found = valid(token)
    if found.ruled:
        access_rules.enforce(found.credential_id, method=method, path=path)
    return RequestContext(
        request_id=request_id,
        user_id=found.user_id,
        user_name=found.user_name,
        user_domain_id=found.user_domain_id,
        project_id=found.project_id or None,
        project_name=found.project_name,
        project_domain_id=found.project_domain_id,
        domain_id=found.domain_id or None,
        system_scope=found.system,
        roles=frozenset(found.roles),
        methods=frozenset(found.methods),
        restricted=found.restricted or bool(found.trust_id or found.key_id),
        credential_id=found.credential_id,
        trust_id=found.trust_id,
        remote_address=remote_address,
    )
