"""Credentials: secrets users keep here, encrypted; EC2 keys and one-time password seeds among them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import Conflict, Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import ceilings, passcodes, revocations
from identity.exceptions import CredentialNotFound, NoSuchReference
from identity.ids import undashed
from identity.manager.access_keys import EC2, access_of, digest_of
from identity.manager.second_factor import SecondFactorManager
from identity.manager.secrets import Opened, Proof, opened, project_named, shows
from identity.manager.writing import insert, write
from identity.models import Credential, User

TAKEN = Conflict("There is such a credential already.")
NO_PROOF = Proof()


class CredentialManager(Manager):
    """A user's secrets; operators see and change everyone's. No program and no trustee comes here."""

    @policy("identity:credentials:list")
    def list(self, *, user_id: str | None = None) -> QuerySet[Credential]:
        """Return one's own; for who reads all those of everyone, or of one user."""
        rows = self._visible()
        return rows if user_id is None else rows.filter(user_id=undashed(user_id))

    @policy("identity:credentials:get")
    def get(self, credential_id: str) -> Opened:
        """Return one, with its secret where the caller gets to see that; raise CredentialNotFound."""
        row = self._found(credential_id)
        return opened(row) if shows(self.context, row) else Opened(row)

    @policy("identity:credentials:create")
    def create(
        self,
        *,
        user_id: str,
        type: str,
        blob: str,
        project_id: str | None = None,
        extra: dict[str, Any] | None = None,
        proof: Proof = NO_PROOF,
    ) -> Opened:
        """Keep a secret for oneself, or as an operator for anyone.

        Raises InvalidInput for an EC2 key that is none, Conflict for one that is here already; for a
        second factor of one's own what ``Proof.check`` raises; Forbidden for one too many.
        """
        if undashed(user_id) != self.context.user_id and not self.context.is_admin:
            raise Forbidden("Only operators keep credentials for others.")
        user = User.objects.select_related("domain").filter(pk=undashed(user_id)).first()
        if user is None:
            raise NoSuchReference(f"Could not find user: {user_id[:64]}.")
        if type == passcodes.TYPE:
            self._prove(user, proof)
        row = Credential(
            user=user,
            project=project_named(project_id),
            type=type,
            encrypted_blob=encrypt(blob),
            extra=extra or {},
        )
        if type == EC2:
            row.pk = row.access_digest = digest_of(access_of(blob, project_id=project_id))
        with transaction.atomic():
            ceilings.hold(user.pk, "credentials", used=user.credentials.count)
            insert(row, taken=TAKEN)
        return Opened(row, blob)

    @policy("identity:credentials:update")
    def update(self, /, credential_id: str, *, proof: Proof = NO_PROOF, **changes: Any) -> Opened:
        """Change type, blob or project; whose it is stays, and an EC2 key's id, too.

        Raises CredentialNotFound, and what ``create`` raises.
        """
        row = self._changeable(credential_id)
        if passcodes.TYPE in (row.type, changes.get("type")):
            self._prove(row.user, proof)
        if "project_id" in changes:
            row.project = project_named(changes["project_id"])
        row.type = changes.get("type", row.type)
        blob: str = changes.get("blob") or decrypt(row.encrypted_blob)
        was_key, row.access_digest = row.access_digest is not None, None
        if row.type == EC2:
            row.access_digest = digest_of(access_of(blob, project_id=row.project_id))
        row.encrypted_blob = encrypt(blob)
        with transaction.atomic():
            write(row, "project", "type", "encrypted_blob", "access_digest", taken=TAKEN)
            if was_key:
                revocations.revoke(key_id=row.pk)
        return Opened(row, blob if "blob" in changes or shows(self.context, row) else None)

    @policy("identity:credentials:delete")
    def delete(self, credential_id: str, *, proof: Proof = NO_PROOF) -> None:
        """Remove one, and void what an EC2 key signed for; raise CredentialNotFound.

        A second factor of one's own goes as ``SecondFactorManager.remove`` lets it.
        """
        row = self._changeable(credential_id)
        if row.type == passcodes.TYPE and row.user_id == self.context.user_id:
            own = SecondFactorManager(self.context)
            own.remove(row.pk, password=proof.password, passcode=proof.passcode)
            return
        with transaction.atomic():
            key, was_key = row.pk, row.access_digest is not None
            row.delete()
            if was_key:
                revocations.revoke(key_id=key)

    def _visible(self) -> QuerySet[Credential]:
        rows = Credential.objects.all()
        return rows if self.context.reads_all else rows.filter(user_id=self.context.user_id)

    def _found(self, credential_id: str) -> Credential:
        rows = self._visible().select_related("user__domain")
        row = rows.filter(pk=credential_id).first()
        if row is None:
            raise CredentialNotFound(credential_id)
        return row

    def _changeable(self, credential_id: str) -> Credential:
        row = self._found(credential_id)
        if not self.context.is_admin and row.user_id != self.context.user_id:
            raise CredentialNotFound(credential_id)
        return row

    def _prove(self, user: User, proof: Proof) -> None:
        """Let a user's own second factor change by who proves to be him; operators answer for others."""
        if user.pk == self.context.user_id:
            proof.check(user)
