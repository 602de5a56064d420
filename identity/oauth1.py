"""OAuth 1.0a (RFC 5849): which consumer signed a request, and for what.

A signature covers the URL as the consumer asked it, counts for ten minutes around its time, and once.
Consumers sign with HMAC; what travels in clear text or under RSA keys is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from django.db import IntegrityError, transaction
from oauthlib.oauth1 import (
    SIGNATURE_HMAC_SHA1,
    SIGNATURE_HMAC_SHA256,
    AccessTokenEndpoint,
    RequestTokenEndpoint,
    RequestValidator,
    ResourceEndpoint,
)

from cloudweb.database import clock
from cloudweb.encryption import decrypt
from cloudweb.exceptions import BadRequest, Unauthorized
from identity.models import AccessToken, Consumer, RequestToken, UsedNonce

#: A signature counts this long before and after its time.
TOLERANCE = timedelta(minutes=10)
#: What a consumer is told of a token.
SHOWN = ("oauth_token", "oauth_token_secret", "oauth_callback_confirmed")
Keep = Callable[[Mapping[str, str], Any], None]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it was asked: its method, its URL (by each name this cloud goes by), its signature."""

    method: str
    urls: Sequence[str]
    authorization: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What is signed beside the URL."""
        return {"Authorization": self.authorization}


class _Validator(RequestValidator):
    """What the library asks about consumers and tokens; what is unknown costs the same.

    ``made`` is what the library answers a right signature with.
    """

    allowed_signature_methods = (SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256)
    safe_characters = frozenset(string.ascii_letters + string.digits + "-._~")
    client_key_length = request_token_length = access_token_length = (16, 64)
    nonce_length = verifier_length = (8, 64)
    timestamp_lifetime = int(TOLERANCE.total_seconds())
    enforce_ssl = False  # the operator's choice for the whole API; secrets are never sent back
    dummy_client = dummy_request_token = dummy_access_token = ""

    def __init__(self) -> None:
        super().__init__()
        self.made: tuple[Mapping[str, str], Any] | None = None

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return Consumer.objects.filter(pk=client_key).exists()

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return _secret(Consumer.objects.filter(pk=client_key).first())

    def validate_request_token(self, client_key: str, token: str, request: Any) -> bool:
        return _request_token(client_key, token) is not None

    def get_request_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return _secret(_request_token(client_key, token))

    def validate_access_token(self, client_key: str, token: str, request: Any) -> bool:
        return access_token(client_key, token) is not None

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return _secret(access_token(client_key, token))

    def validate_verifier(self, client_key: str, token: str, verifier: str, request: Any) -> bool:
        row = _request_token(client_key, token)
        right = decrypt(row.encrypted_verifier) if row else secrets.token_hex(8)
        return hmac.compare_digest(right.encode(), verifier.encode())

    def validate_timestamp_and_nonce(self, *_: Any, **__: Any) -> bool:
        """The library has seen to the time; a nonce is used up with a right signature alone."""
        return True

    def save_request_token(self, token: Mapping[str, str], request: Any) -> None:
        self.made = token, request

    def save_access_token(self, token: Mapping[str, str], request: Any) -> None:
        self.made = token, request

    def invalidate_request_token(self, client_key: str, token: str, request: Any) -> None:
        """Whoever keeps the access token uses the other one up."""

    def validate_redirect_uri(self, *_: Any) -> bool:
        """The verifier is shown to the user, wherever a consumer would like it sent."""
        return True

    def validate_requested_realms(self, *_: Any) -> bool:
        return True

    def validate_realms(self, *_: Any, **__: Any) -> bool:
        return True

    def get_default_realms(self, *_: Any) -> list[str]:
        return []

    def get_realms(self, *_: Any) -> list[str]:
        return []


def request_token(signed: SignedRequest, *, expires_at: datetime, keep: Keep) -> dict[str, str]:
    """Return a new request token and its secret, kept by ``keep``; raise BadRequest, Unauthorized."""
    endpoint = RequestTokenEndpoint(_Validator(), token_generator=_drawn)
    return _kept(endpoint, endpoint.create_request_token_response, signed, expires_at, keep)


def exchanged(signed: SignedRequest, *, expires_at: datetime, keep: Keep) -> dict[str, str]:
    """Return a new access token and its secret, kept by ``keep``; raise BadRequest, Unauthorized."""
    endpoint = AccessTokenEndpoint(_Validator(), token_generator=_drawn)
    return _kept(endpoint, endpoint.create_access_token_response, signed, expires_at, keep)


def signer(signed: SignedRequest) -> AccessToken:
    """Return the access token with which a request was signed; raise Unauthorized."""
    endpoint = ResourceEndpoint(_Validator())
    for url in signed.urls:
        try:
            right, request = endpoint.validate_protected_resource_request(
                url, http_method=signed.method, headers=signed.headers
            )
        except ValueError as error:
            raise Unauthorized(detail=f"not signed as OAuth 1.0a: {error}") from error
        if right:
            _use_up(request)
            found = access_token(request.client_key, request.resource_owner_key)
            if found is not None:
                return found
    raise Unauthorized(detail="no such consumer or access token, or a wrong signature")


def access_token(consumer_id: str, token_id: str) -> AccessToken | None:
    """Return a consumer's access token that still counts."""
    rows = AccessToken.objects.select_related("user__domain", "project__domain")
    return rows.filter(pk=token_id, consumer_id=consumer_id, expires_at__gt=clock.now()).first()


def _request_token(consumer_id: str, token_id: str) -> RequestToken | None:
    """Return a consumer's request token that a user has authorized, and that still counts."""
    rows = RequestToken.objects.filter(pk=token_id, consumer_id=consumer_id, user__isnull=False)
    return rows.filter(expires_at__gt=clock.now()).first()


def _kept(
    endpoint: Any, ask: Callable[..., Any], signed: SignedRequest, until: datetime, keep: Keep
) -> dict[str, str]:
    """Return what was drawn for a right signature, once it is used up and ``keep`` was content."""
    status, body = 401, ""
    for url in signed.urls:
        try:
            _, body, status = ask(url, http_method=signed.method, headers=signed.headers)
        except ValueError as error:
            raise BadRequest("The request is not signed as OAuth 1.0a.") from error
        if status == 200:
            token, request = endpoint.request_validator.made
            with transaction.atomic():
                _use_up(request)
                keep(token, request)
            shown = {name: value for name, value in token.items() if name in SHOWN}
            return {**shown, "oauth_expires_at": f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"}
    if status == 400:
        said = dict(parse_qsl(body or ""))
        raise BadRequest(
            said.get("error_description") or "The request is not signed as OAuth 1.0a."
        )
    raise Unauthorized(detail="no such consumer or token, or a wrong verifier or signature")


def _use_up(request: Any) -> None:
    """Note a signature's nonce; raise Unauthorized for one that was used before."""
    now = clock.now()
    parts = (request.client_key, request.resource_owner_key, request.timestamp, request.nonce)
    digest = hashlib.sha256("\n".join(part or "" for part in parts).encode()).hexdigest()
    forget_at = datetime.fromtimestamp(int(request.timestamp), UTC) + 2 * TOLERANCE
    UsedNonce.objects.filter(forget_at__lt=now).delete()
    try:
        with transaction.atomic():
            UsedNonce.objects.create(digest=digest, forget_at=forget_at)
    except IntegrityError as error:
        raise Unauthorized(detail="this signature was used before") from error


def _secret(row: Consumer | RequestToken | AccessToken | None) -> str:
    return decrypt(row.encrypted_secret) if row is not None else _drawn()


def _drawn() -> str:
    return secrets.token_hex(24)
