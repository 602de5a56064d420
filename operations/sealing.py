"""Secrets in what hosts answer: steps keep them encrypted, and the saga sees them as they were said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.fernet import InvalidToken

from cloudweb.encryption import decrypt, encrypt
from cloudweb.objects import VersionedObject


def sealed(result: Any) -> Any:
    """Return an answer as a step may keep it."""
    return _with_secrets(result, encrypt)


def opened(result: Any) -> Any:
    """Return an answer as its host gave it."""
    return _with_secrets(result, _decrypted)


def _decrypted(text: str) -> str:
    try:
        return decrypt(text)
    except InvalidToken:  # of a step that an older release kept
        return text


def _with_secrets(result: Any, change: Callable[[str], str]) -> Any:
    kind = (
        VersionedObject.REGISTRY.get(str(result.get("object")))
        if isinstance(result, dict)
        else None
    )
    names = [name for name in kind.SECRETS if result["data"].get(name)] if kind else []
    if not names:
        return result
    data = result["data"]
    return {**result, "data": {**data, **{name: change(data[name]) for name in names}}}
