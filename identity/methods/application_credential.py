"""Log-in by application credential."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from django.contrib.auth.hashers import make_password

from cloudweb.database import clock
from cloudweb.exceptions import Unauthorized
from identity import attempts
from identity.authentication import check_secret, find_user
from identity.methods.base import Proof, Proven
from identity.models import ApplicationCredential, User


@dataclass(frozen=True, slots=True)
class ApplicationCredentialProof(Proof):
    """An application credential by id, or by its name and user; and its secret."""

    method: ClassVar[str] = "application_credential"
    secret: str = field(repr=False)
    credential_id: str | None = None
    name: str = ""
    user_id: str | None = None
    user_name: str = ""
    domain_id: str | None = None
    domain_name: str | None = None

    @property
    def claimed(self) -> str:
        """The user that is named, or the credential's id."""
        return self.user_id or self.user_name or self.credential_id or ""

    def prove(self) -> Proven:
        """Return the credential's user if the secret is right and its time not over."""
        user, row = self._find()
        said = attempts.named(
            user_id=self.user_id, name=self.user_name, domain=self.domain_id or self.domain_name
        )
        attempts.count(user, claimed=self.credential_id or said)
        right = check_secret(self.secret, row.secret if row else None, rehash=partial(_keep, row))
        if not right or row is None:
            raise Unauthorized(detail="wrong application credential or secret")
        if row.expires_at is not None and row.expires_at <= clock.now():
            raise Unauthorized(detail=f"application credential {row.pk} expired")
        return Proven(row.user, credential=row)

    def _find(self) -> tuple[User | None, ApplicationCredential | None]:
        """Return the user it is about, and the credential if he has it."""
        rows = ApplicationCredential.objects.select_related("user__domain", "project__domain")
        if self.credential_id is not None:
            row = rows.filter(pk=self.credential_id).first()
            return row.user if row else None, row
        user = find_user(
            user_id=self.user_id,
            name=self.user_name,
            domain_id=self.domain_id,
            domain_name=self.domain_name,
        )
        return user, rows.filter(user=user, name=self.name).first() if user else None


def _keep(row: ApplicationCredential | None, secret: str) -> None:
    """Keep a right secret as it would be hashed today."""
    if row is not None:
        rows = ApplicationCredential.objects.filter(pk=row.pk, secret=row.secret)
        rows.update(secret=make_password(secret))
