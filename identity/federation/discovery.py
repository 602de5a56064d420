"""A provider's discovery document and keys, remembered for a while by each process."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from identity.federation.client import OidcClient
from identity.federation.exceptions import ProviderUnavailable
from identity.federation.outgoing import fetch

DOCUMENT_FOR = 600.0
KEYS_FOR = 3600.0
#: An unknown key id makes us ask again, but not more often than this, whatever ids callers invent.
ASK_AGAIN_AFTER = 10.0


@dataclass(slots=True)
class _Kept:
    value: dict[str, Any]
    at: float


_documents: dict[str, _Kept] = {}
_keys: dict[str, _Kept] = {}
_lock = threading.Lock()


def document(client: OidcClient) -> dict[str, Any]:
    """Return the discovery document; raise ProviderUnavailable, also if it is another issuer's."""
    kept = _documents.get(client.issuer)
    if kept is not None and time.monotonic() - kept.at < DOCUMENT_FOR:
        return kept.value
    url = f"{client.issuer.rstrip('/')}/.well-known/openid-configuration"
    found = fetch(client, url)[1]
    if found.get("issuer") != client.issuer:
        detail = f"discovery names the issuer {found.get('issuer')!r}"
        raise ProviderUnavailable(client.provider_id, detail=detail)
    _documents[client.issuer] = _Kept(found, time.monotonic())
    return found


def endpoint(client: OidcClient, name: str) -> str:
    """Return an endpoint's URL, on a host of the provider's; raise ProviderUnavailable."""
    url = document(client).get(name)
    if not isinstance(url, str) or not client.accepts(url):
        detail = f"{name} {url!r} is missing or on a foreign host"
        raise ProviderUnavailable(client.provider_id, detail=detail)
    return url


def has_endpoint(client: OidcClient, name: str) -> bool:
    """Tell whether the provider offers an endpoint."""
    return isinstance(document(client).get(name), str)


def keys(client: OidcClient, *, again: bool = False) -> list[dict[str, Any]]:
    """Return the provider's keys; ``again`` after one was missing (it may have changed them)."""
    with _lock:
        kept = _keys.get(client.issuer)
        age = time.monotonic() - kept.at if kept else KEYS_FOR
        if kept is None or age >= (ASK_AGAIN_AFTER if again else KEYS_FOR):
            kept = _Kept(fetch(client, endpoint(client, "jwks_uri"))[1], time.monotonic())
            _keys[client.issuer] = kept
    listed = kept.value.get("keys")
    return [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []


def forget() -> None:
    """Ask anew next time (after a provider was changed, and in tests)."""
    _documents.clear()
    _keys.clear()
