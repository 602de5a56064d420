"""Recovery codes: drawn and shown once, kept as hashes, each good for one log-in."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from django.contrib.auth.hashers import make_password

from identity.authentication import check_secret
from identity.models import RecoveryCode, User

COUNT = 8
#: No letter or digit that looks like another one.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
LENGTH, GROUP = 16, 4


def draw() -> Sequence[str]:
    """Return fresh codes: 79 bits each, in groups that are easy to copy by hand."""
    codes: dict[str, str] = {}
    while len(codes) < COUNT:  # two with one beginning could not be told apart
        plain = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        codes[plain[:GROUP]] = plain
    return [
        "-".join(plain[at : at + GROUP] for at in range(0, LENGTH, GROUP))
        for plain in codes.values()
    ]


def rows_of(user_id: str, codes: Sequence[str]) -> Sequence[RecoveryCode]:
    """Return what is kept of these codes; it takes its time: before the transaction."""
    plain = [_plain(code) for code in codes]
    return [
        RecoveryCode(user_id=user_id, handle=one[:GROUP], hash=make_password(one)) for one in plain
    ]


def replace(user_id: str, rows: Sequence[RecoveryCode]) -> None:
    """Keep these, and no earlier ones; part of the caller's transaction."""
    RecoveryCode.objects.filter(user_id=user_id).delete()
    RecoveryCode.objects.bulk_create(rows)


def left(user_id: str) -> int:
    """Return how many are unused."""
    return RecoveryCode.objects.filter(user_id=user_id).count()


def use(user: User, code: str) -> bool:
    """Tell whether this is an unused code of the user, and let it count no more."""
    plain = _plain(code)
    if len(plain) != LENGTH or not plain.isascii():
        return False
    row = RecoveryCode.objects.filter(user=user, handle=plain[:GROUP]).first()
    if not check_secret(plain, row.hash if row else None):
        return False
    return row is not None and RecoveryCode.objects.filter(pk=row.pk).delete()[0] == 1


def _plain(code: str) -> str:
    return code.strip().lower().replace("-", "").replace(" ", "")
