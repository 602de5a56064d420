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
from databases.states import LetterState

OPEN = (LetterState.POSTED, LetterState.FETCHED)


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


def waits_for(instance: DatabaseInstance, method: Method[Any]) -> bool:
    """Tell whether a guest has a letter of this method before it."""
    rows = Letter.objects.filter(instance=instance, method=method.name)
    return rows.filter(state__in=OPEN, deadline_at__gt=now()).exists()


def written_last(
    instance: DatabaseInstance, method: Method[Any], payload: VersionedObject, *, within: timedelta
) -> Letter:
    """Put a letter into a guest's mailbox that no operation reads; those before it are forgotten."""
    forget(instance, method)
    return written(instance, method, payload, within=within)


def forget(instance: DatabaseInstance, method: Method[Any]) -> None:
    """Take back the letters of a method that no operation reads."""
    Letter.objects.filter(instance=instance, method=method.name, operation=None).delete()


def payload_of(letter: Letter) -> Any:
    """Return what a letter's method is to take."""
    kind: type[VersionedObject] = Method.REGISTRY[letter.method].payload
    return kind.load(orjson.loads(decrypt(letter.payload)))
