"""Encryption at rest: what stands in the database and must be readable again."""

from __future__ import annotations

from functools import cache

from cryptography.fernet import Fernet

from cloudweb.conf import var_dir
from cloudweb.keeping import kept_secret


@cache
def _box() -> Fernet:
    key = kept_secret(var_dir() / "secrets" / "fernet", fresh=Fernet.generate_key().decode())
    return Fernet(key)


def encrypt(text: str) -> str:
    """Return text as it may stand in the database."""
    return _box().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Return what was encrypted; raises cryptography's InvalidToken for anything else."""
    return _box().decrypt(token.encode()).decode()
