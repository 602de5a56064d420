"""Credentials: secrets users keep here, encrypted; EC2 keys and one-time password seeds among them."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import Conflict, Forbidden, InvalidInput
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import passcodes
from identity.exceptions import CredentialNotFound, NoSuchReference, ProjectNotFound
from identity.ids import undashed
from identity.manager.own import changeable_user_id, own_user_id, readable_user_id, refuse_programs
from identity.manager.writing import insert
from identity.models import Credential, Project, User
from identity.querysets import effective_roles
from identity.scopes import Place

EC2 = "ec2"


@dataclass(frozen=True, slots=True)
class Opened:
    """A credential with its secret readable."""

    row: Credential
    blob: str


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An EC2 key pair: ``access`` names it, ``secret`` signs."""

    access: str
    secret: str
    user_id: str
    project_id: str
    trust_id: str | None = None


class CredentialManager(Manager):
    """A user's secrets; operators see and change everyone's."""

    @policy("identity:credentials:list")
    def list(self, *, user_id: str | None = None) -> QuerySet[Credential]:
        """Return one's own; for who reads all those of everyone, or of one user."""
        rows = self._visible()
        return rows if user_id is None else rows.filter(user_id=undashed(user_id))

    @policy("identity:credentials:get")
    def get(self, credential_id: str) -> Opened:
        """Return one with its secret; raise CredentialNotFound."""
        return opened(self._found(credential_id))

    @policy("identity:credentials:create")
    def create(
        self,
        *,
        user_id: str,
        type: str,
        blob: str,
        project_id: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Opened:
        """Keep a secret for oneself, or as an operator for anyone.

        Raises InvalidInput for an EC2 key that is none, Conflict for one that is here already.
        """
        refuse_programs(self.context)
        if undashed(user_id) != self.context.user_id and not self.context.is_admin:
            raise Forbidden("Only operators keep credentials for others.")
        user = User.objects.filter(pk=undashed(user_id)).first()
        if user is None:
            raise NoSuchReference(f"Could not find user: {user_id[:64]}.")
        row = Credential(
            user=user,
            project=_project(project_id),
            type=type,
            encrypted_blob=encrypt(blob),
            extra=extra or {},
        )
        if type == EC2:
            row.pk = _ec2_id(blob, project_id=project_id)
        insert(row, taken=Conflict("There is such a credential already."))
        return Opened(row, blob)

    @policy("identity:credentials:update")
    def update(self, /, credential_id: str, **changes: Any) -> Opened:
        """Change type, blob or project; whose it is stays. Raises CredentialNotFound."""
        refuse_programs(self.context)
        row = self._found(credential_id)
        if not self.context.is_admin and row.user_id != self.context.user_id:
            raise CredentialNotFound(credential_id)
        if "project_id" in changes:
            row.project = _project(changes["project_id"])
        row.type = changes.get("type", row.type)
        blob = changes.get("blob", opened(row).blob)
        if row.type == EC2 and _ec2_id(blob, project_id=row.project_id) != row.pk:
            raise InvalidInput(field="blob", value=None, reason="The access key cannot be changed.")
        row.encrypted_blob = encrypt(blob)
        row.save(update_fields=["project", "type", "encrypted_blob"])
        return Opened(row, blob)

    @policy("identity:credentials:delete")
    def delete(self, credential_id: str) -> None:
        """Remove one; raise CredentialNotFound."""
        refuse_programs(self.context)
        row = self._found(credential_id)
        if not self.context.is_admin and row.user_id != self.context.user_id:
            raise CredentialNotFound(credential_id)
        row.delete()

    def _visible(self) -> QuerySet[Credential]:
        """Return one's own, or everyone's; a restricted program never sees its user's second factor."""
        rows = Credential.objects.all()
        if self.context.restricted:
            rows = rows.exclude(type=passcodes.TYPE)
        return rows if self.context.reads_all else rows.filter(user_id=self.context.user_id)

    def _found(self, credential_id: str) -> Credential:
        row = self._visible().filter(pk=credential_id).first()
        if row is None:
            raise CredentialNotFound(credential_id)
        return row

    # EC2 keys

    @policy("identity:ec2_credentials:list")
    def list_access_keys(self, user_id: str) -> Sequence[AccessKey]:
        """Return the EC2 keys of a user, oldest first."""
        own = readable_user_id(self.context, user_id)
        rows = Credential.objects.filter(user_id=own, type=EC2).order_by("created_at", "id")
        return [_access_key(opened(row)) for row in rows]

    @policy("identity:ec2_credentials:get")
    def get_access_key(self, user_id: str, access: str) -> AccessKey:
        """Return one; raise CredentialNotFound."""
        own = readable_user_id(self.context, user_id)
        return _access_key(opened(_by_access(own, access)))

    @policy("identity:ec2_credentials:create")
    def create_access_key(self, user_id: str, *, project_id: str) -> AccessKey:
        """Draw a key for oneself on a project one has a role on, or as an operator for anyone."""
        if not self.context.is_admin:
            own_user_id(self.context, user_id)
        own = changeable_user_id(self.context, user_id)
        project = _project(project_id)
        assert project is not None
        if not effective_roles(own, Place(project=project)):
            raise ProjectNotFound(project_id)
        key = AccessKey(secrets.token_hex(16), secrets.token_hex(16), own, project.pk)
        blob = json.dumps({"access": key.access, "secret": key.secret, "trust_id": None})
        with transaction.atomic():
            Credential.objects.create(
                pk=_digest(key.access),
                user_id=own,
                project=project,
                type=EC2,
                encrypted_blob=encrypt(blob),
            )
        return key

    @policy("identity:ec2_credentials:delete")
    def delete_access_key(self, user_id: str, access: str) -> None:
        """Remove one; raise CredentialNotFound."""
        _by_access(changeable_user_id(self.context, user_id), access).delete()


def opened(row: Credential) -> Opened:
    """Return a credential with its secret readable."""
    return Opened(row, decrypt(row.encrypted_blob))


def _digest(access: str) -> str:
    return hashlib.sha256(access.encode()).hexdigest()


def _ec2_id(blob: str, *, project_id: str | None) -> str:
    """Return the id that an EC2 key has; raise InvalidInput for a blob that holds none."""
    try:
        access = json.loads(blob)["access"]
    except (ValueError, TypeError, KeyError):
        access = None
    if not isinstance(access, str) or not access:
        reason = "It must be a JSON object with 'access' and 'secret'."
        raise InvalidInput(field="blob", value=None, reason=reason)
    if not project_id:
        raise InvalidInput(field="project_id", value=None, reason="An EC2 key needs a project.")
    return _digest(access)


def _access_key(one: Opened) -> AccessKey:
    kept = json.loads(one.blob)
    return AccessKey(
        access=kept["access"],
        secret=kept.get("secret", ""),
        user_id=one.row.user_id,
        project_id=str(one.row.project_id),
        trust_id=kept.get("trust_id"),
    )


def _by_access(user_id: str, access: str) -> Credential:
    row = Credential.objects.filter(pk=_digest(access), user_id=user_id, type=EC2).first()
    if row is None:
        raise CredentialNotFound(access)
    return row


def _project(project_id: str | None) -> Project | None:
    if not project_id:
        return None
    project = Project.objects.select_related("domain").filter(pk=undashed(project_id)).first()
    if project is None:
        raise NoSuchReference(f"Could not find project: {project_id[:64]}.")
    return project
