"""Letters are written, and read as the guest reads them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from cloudweb.database.clock import now
from cloudweb.encryption import decrypt, encrypt
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from databases.models import DatabaseInstance, Letter


def written(
    instance: DatabaseInstance,
    method: Method[Any],
    payload: VersionedObject,
    *,
    within: timedelta,
    operation: UUID | None = None,
    epoch: int = 0,
) -> Letter:
    """Put a letter into a guest's mailbox, in the caller's transaction."""
    return Letter.objects.create(
        instance=instance,
        operation=operation,
        epoch=epoch,
        method=method.name,
        payload=encrypt(orjson.dumps(payload.dump()).decode()),
        deadline_at=now() + within,
    )


def payload_of(letter: Letter) -> Any:
    """Return what a letter's method is to take."""
    kind: type[VersionedObject] = Method.REGISTRY[letter.method].payload
    return kind.load(orjson.loads(decrypt(letter.payload)))
