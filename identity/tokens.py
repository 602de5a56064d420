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
from identity import revocations
from identity.models import Project, User

FORMAT = 1
LONGEST = 8_000  # what fits into one header line of the usual servers
_SALT = "cloudweb.identity.token"


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. ``audit_ids`` are its own and, after a rescope, its chain's first."""

    user_id: str
    user_name: str
    user_domain_id: str
    project_id: str
    project_name: str
    project_domain_id: str
    roles: tuple[str, ...]
    methods: tuple[str, ...]
    audit_ids: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    seen: int  # revocations that were known before the user's rows were read

    @classmethod
    def issue(
        cls,
        *,
        user: User,
        project: Project | None,
        roles: Sequence[str],
        methods: Sequence[str],
        seen: int,
        parent: Self | None = None,
    ) -> Self:
        """Make a token; one made from a parent keeps the parent's expiry and names its chain."""
        now = clock.now()
        audit_id = new_audit_id()
        return cls(
            user_id=user.pk,
            user_name=user.name,
            user_domain_id=user.domain_id,
            project_id=project.pk if project else "",
            project_name=project.name if project else "",
            project_domain_id=project.domain_id if project else "",
            roles=tuple(roles) if project else (),
            methods=tuple(methods),
            audit_ids=(audit_id, parent.audit_ids[-1]) if parent else (audit_id,),
            issued_at=now,
            expires_at=parent.expires_at
            if parent
            else now + timedelta(seconds=settings.TOKEN_LIFETIME),
            seen=seen,
        )

    def signed(self) -> str:
        """Return the text that travels in X-Auth-Token."""
        claims = [
            FORMAT,
            [self.user_id, self.user_name, self.user_domain_id],
            [self.project_id, self.project_name, self.project_domain_id],
            list(self.roles),
            list(self.methods),
            list(self.audit_ids),
            _micros(self.issued_at),
            _micros(self.expires_at),
            self.seen,
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
        _, user, project, roles, methods, audit_ids, issued_at, expires_at, seen = claims
        return cls(
            user_id=user[0],
            user_name=user[1],
            user_domain_id=user[2],
            project_id=project[0],
            project_name=project[1],
            project_domain_id=project[2],
            roles=tuple(roles),
            methods=tuple(methods),
            audit_ids=tuple(audit_ids),
            issued_at=_moment(issued_at),
            expires_at=_moment(expires_at),
            seen=seen,
        )

    @property
    def is_expired(self) -> bool:
        """Tell whether its time is over."""
        return self.expires_at <= clock.now()

    @property
    def is_revoked(self) -> bool:
        """Tell whether it was made void; also if it comes from a later database than this one."""
        revoked = revocations.current()
        return self.seen > revoked.mark.number or revoked.covers(
            seen=self.seen,
            audit_id=self.audit_ids[0],
            user_id=self.user_id,
            project_id=self.project_id,
            domain_ids=(self.user_domain_id, self.project_domain_id),
        )


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


def context_of(token: str, *, request_id: str, remote_address: str) -> RequestContext:
    """Return the context of a request with this token (settings: CLOUDWEB_TOKEN_CONTEXT)."""
    found = valid(token)
    return RequestContext(
        request_id=request_id,
        user_id=found.user_id,
        user_name=found.user_name,
        user_domain_id=found.user_domain_id,
        project_id=found.project_id or None,
        project_name=found.project_name,
        project_domain_id=found.project_domain_id,
        roles=frozenset(found.roles),
        remote_address=remote_address,
    )
