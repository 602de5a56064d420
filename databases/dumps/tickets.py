"""The paths by which a guest writes or reads one part of one backup, signed for that alone.

A guest asks for them at the metadata address, so neither a store's credentials nor its address is near
one. Whoever has the path may do that one thing until it expires; who else asks is refused.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from django.core.signing import BadSignature, TimestampSigner

from cloudweb.exceptions import Forbidden

#: Longer than any transfer may take (seconds).
LIFETIME = 24 * 3600
#: Where guests find the parts, under the metadata address.
FOLDER = "openstack/database/dumps"

#: Those of a log are in a folder of theirs.
LOGS = f"{FOLDER}/log"

Purpose = Literal["write", "read", "write_log", "read_log"]


def path_of(purpose: Purpose, backup_id: UUID, number: int, *, instance_id: UUID) -> str:
    """Return the path of a part for the guest of one instance."""
    folder = LOGS if purpose.endswith("_log") else FOLDER
    signature = signature_of(purpose, backup_id, number, instance_id=instance_id)
    return f"{folder}/{backup_id}/{number}/{signature}"


def log_path(archive_id: UUID, *, instance_id: UUID) -> str:
    """Return the path by which a guest writes its log; ``{number}`` is a piece's, which the guest counts."""
    signature = signature_of("write_log", archive_id, 0, instance_id=instance_id)
    return f"{LOGS}/{archive_id}/{{number}}/{signature}"


def signature_of(purpose: Purpose, backup_id: UUID, number: int, *, instance_id: UUID) -> str:
    """Return what makes a path count."""
    said = _said(purpose, backup_id, number, instance_id)
    return _signer().sign(said).removeprefix(f"{said}:")


def check(
    purpose: Purpose,
    backup_id: UUID,
    number: int,
    signature: str,
    *,
    instance_id: UUID,
    lifetime: int | None = LIFETIME,
) -> None:
    """Raise Forbidden unless the path was made for this guest and this purpose, not long ago.

    With no ``lifetime`` it counts until what it is for says otherwise.
    """
    said = _said(purpose, backup_id, number, instance_id)
    try:
        _signer().unsign(f"{said}:{signature}", max_age=lifetime)
    except BadSignature as error:
        raise Forbidden("The signature is wrong or has expired.", detail=str(error)) from error


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="databases.dumps", sep=":")


def _said(purpose: Purpose, backup_id: UUID, number: int, instance_id: UUID) -> str:
    return f"{purpose}/{backup_id}/{number}/{instance_id}"
