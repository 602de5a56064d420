"""OAuth 1.0a consumers: programs that act for users who let them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.encryption import encrypt
from cloudweb.exceptions import Conflict
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.exceptions import ConsumerNotFound
from identity.ids import undashed
from identity.manager.projects import merged
from identity.manager.writing import change
from identity.models import Consumer


@dataclass(frozen=True, slots=True)
class NewConsumer:
    """A consumer and its secret, which is shown once."""

    row: Consumer
    secret: str = field(repr=False)


class ConsumerManager(Manager):
    """Consumers; operators say who they are."""

    @policy("identity:consumers:list")
    def list(self) -> QuerySet[Consumer]:
        """Return every consumer."""
        return Consumer.objects.all()

    @policy("identity:consumers:get")
    def get(self, consumer_id: str) -> Consumer:
        """Return a consumer; raise ConsumerNotFound."""
        found = Consumer.objects.filter(pk=undashed(consumer_id)).first()
        if found is None:
            raise ConsumerNotFound(consumer_id)
        return found

    @policy("identity:consumers:create")
    def create(self, *, description: str = "", extra: dict[str, Any] | None = None) -> NewConsumer:
        """Record a consumer with a secret drawn for it."""
        secret = secrets.token_hex(24)
        row = Consumer.objects.create(
            description=description, encrypted_secret=encrypt(secret), extra=extra or {}
        )
        return NewConsumer(row, secret)

    @policy("identity:consumers:update")
    def update(self, /, consumer_id: str, **changes: Any) -> Consumer:
        """Change what is said about a consumer; ``extra`` is merged. Raises ConsumerNotFound."""
        found = self.get(consumer_id)
        if "extra" in changes:
            changes["extra"] = merged(found.extra, changes["extra"])
        change(found, changes, taken=Conflict("There is such a consumer already."))
        return found

    @policy("identity:consumers:delete")
    def delete(self, consumer_id: str) -> None:
        """Remove a consumer with its tokens: what it does for users ends at once."""
        found = self.get(consumer_id)
        with transaction.atomic():
            tokens = sorted(found.access_tokens.values_list("pk", flat=True))
            found.delete()
            for key in tokens:
                revocations.revoke(key_id=key)
