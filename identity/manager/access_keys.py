"""EC2 keys: a name and a secret with which programs sign requests, kept as credentials."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from cloudweb.encryption import encrypt
from cloudweb.exceptions import InvalidInput
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import ceilings, revocations
from identity.exceptions import CredentialNotFound, ProjectNotFound
from identity.manager.own import changeable_user_id, own_user_id, readable_user_id
from identity.manager.secrets import opened, project_named, shows
from identity.models import Credential
from identity.querysets import effective_roles
from identity.scopes import Place

EC2 = "ec2"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An EC2 key: ``access`` names it, ``secret`` signs; None for who does not get to see it."""

    access: str
    secret: str | None = field(repr=False)
    user_id: str
    project_id: str
    trust_id: str | None = None


class AccessKeyManager(Manager):
    """A user's EC2 keys; operators see and remove everyone's. No program and no trustee comes here."""

    @policy("identity:ec2_credentials:list")
    def list(self, user_id: str) -> Sequence[AccessKey]:
        """Return the EC2 keys of a user, oldest first, without their secrets."""
        own = readable_user_id(self.context, user_id)
        rows = Credential.objects.filter(user_id=own, type=EC2).order_by("created_at", "id")
        return [_key_of(row, secret=False) for row in rows]

    @policy("identity:ec2_credentials:get")
    def get(self, user_id: str, access: str) -> AccessKey:
        """Return one, with its secret where the caller gets to see that; raise CredentialNotFound."""
        row = _by_access(readable_user_id(self.context, user_id), access)
        return _key_of(row, secret=shows(self.context, row))

    @policy("identity:ec2_credentials:create")
    def create(self, user_id: str, *, project_id: str) -> AccessKey:
        """Draw a key for oneself on a project one has a role on, or as an operator for anyone.

        Keystone draws one for any project. Without a role there it would sign for nothing, and its
        success would tell strangers which projects exist: it is refused as for one that does not.
        """
        if not self.context.is_admin:
            own_user_id(self.context, user_id)
        own = changeable_user_id(self.context, user_id)
        project = project_named(project_id)
        if project is None or not effective_roles(own, Place(project=project)):
            raise ProjectNotFound(project_id)
        key = AccessKey(secrets.token_hex(16), secrets.token_hex(16), own, project.pk)
        blob = json.dumps({"access": key.access, "secret": key.secret, "trust_id": None})
        digest = digest_of(key.access)
        with transaction.atomic():
            ceilings.hold(own, "credentials", used=Credential.objects.filter(user_id=own).count)
            Credential.objects.create(
                pk=digest,
                access_digest=digest,
                user_id=own,
                project=project,
                type=EC2,
                encrypted_blob=encrypt(blob),
            )
        return key

    @policy("identity:ec2_credentials:delete")
    def delete(self, user_id: str, access: str) -> None:
        """Remove one, and void what it signed for; raise CredentialNotFound."""
        row = _by_access(changeable_user_id(self.context, user_id), access)
        with transaction.atomic():
            key = row.pk
            row.delete()
            revocations.revoke(key_id=key)


def digest_of(access: str) -> str:
    """Return what an EC2 key is found by; a new one has it as its id, as clients compute it."""
    return hashlib.sha256(access.encode(errors="replace")).hexdigest()


def access_of(blob: str, *, project_id: str | None) -> str:
    """Return the name of the EC2 key in a blob; raise InvalidInput for a blob that holds none."""
    try:
        kept = json.loads(blob)
        access = kept["access"]
        json.dumps(
            kept, ensure_ascii=False
        ).encode()  # no half characters, which no answer can hold
    except (ValueError, TypeError, KeyError, RecursionError):
        access = None
    if not isinstance(access, str) or not access:
        reason = "It must be a JSON object with 'access' and 'secret'."
        raise InvalidInput(field="blob", value=None, reason=reason)
    if not project_id:
        raise InvalidInput(field="project_id", value=None, reason="An EC2 key needs a project.")
    return access


def _key_of(row: Credential, *, secret: bool) -> AccessKey:
    kept = json.loads(opened(row).blob or "{}")
    found, trust_id = kept.get("secret", ""), kept.get("trust_id")
    return AccessKey(
        access=kept["access"],
        secret=str(found) if secret else None,
        user_id=row.user_id,
        project_id=str(row.project_id),
        trust_id=trust_id if isinstance(trust_id, str) else None,
    )


def _by_access(user_id: str, access: str) -> Credential:
    rows = Credential.objects.filter(user_id=user_id, type=EC2)
    row = rows.filter(access_digest=digest_of(access)).first()
    if row is None:
        raise CredentialNotFound(access)
    return row
