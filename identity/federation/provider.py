"""Speaking OpenID Connect to one provider: the authorization code flow, bearer tokens, log-out.

Loaded only where somebody logs in by a provider.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from identity.federation import claims as words
from identity.federation import discovery
from identity.federation.client import OidcClient
from identity.federation.exceptions import ClaimsRefused
from identity.federation.outgoing import fetch


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider says of someone; ``id_token`` is its text, which a log-out needs."""

    claims: dict[str, Any]
    id_token: str = field(default="", repr=False)


def authorization_url(
    client: OidcClient, *, redirect_uri: str, state: str, nonce: str, verifier: str
) -> str:
    """Return where to send the browser."""
    return str(
        prepare_grant_uri(
            discovery.endpoint(client, "authorization_endpoint"),
            client_id=client.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=client.scopes,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
    )


def exchange(
    client: OidcClient, *, code: str, redirect_uri: str, nonce: str, verifier: str
) -> Vouched:
    """Return whom a code stands for; raise ClaimsRefused or ProviderUnavailable."""
    status, answer = fetch(
        client,
        discovery.endpoint(client, "token_endpoint"),
        form={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        },
        refusals=(400, 401, 403),
    )
    text = answer.get("id_token")
    if status != 200 or not isinstance(text, str):
        raise ClaimsRefused(detail=f"token endpoint: {status} {answer.get('error')!r}")
    claims = words.id_token(client, text, nonce=nonce)
    access_token = answer.get("access_token")
    if client.asks_userinfo and isinstance(access_token, str):
        claims = {**_userinfo(client, access_token, claims["sub"]), **claims}
    return Vouched(claims, text)


def bearer(client: OidcClient, text: str) -> Vouched:
    """Return whom a token that someone brings stands for; raise ClaimsRefused or ProviderUnavailable."""
    signed = words.looks_like_jwt(text)
    claims = words.bearer_jwt(client, text) if signed else _introspected(client, text)
    if client.asks_userinfo and "nonce" not in claims:  # an ID token opens no userinfo
        claims = {**_userinfo(client, text, claims["sub"]), **claims}
    return Vouched(claims)


def _introspected(client: OidcClient, text: str) -> dict[str, Any]:
    if len(text) > words.LONGEST or not text.isascii() or not text.isprintable():
        raise ClaimsRefused(detail="no token")
    if not client.client_secret or not discovery.has_endpoint(client, "introspection_endpoint"):
        raise ClaimsRefused(detail="an opaque token, and the provider offers no introspection")
    url = discovery.endpoint(client, "introspection_endpoint")
    status, said = fetch(client, url, form={"token": text}, refusals=(400,))
    if status != 200:
        raise ClaimsRefused(detail="introspection refused the token")
    words.hold_introspected(client, said)
    return said


def _userinfo(client: OidcClient, access_token: str, subject: str) -> dict[str, Any]:
    url = discovery.endpoint(client, "userinfo_endpoint")
    status, said = fetch(client, url, bearer=access_token, refusals=(401, 403))
    if status != 200 or said.get("sub") != subject:
        raise ClaimsRefused(detail="userinfo speaks of someone else")
    return said


def logout_url(client: OidcClient, *, id_token: str, back_to: str) -> str | None:
    """Return where a browser ends its log-in at the provider; None if the provider has no such."""
    if not discovery.has_endpoint(client, "end_session_endpoint"):
        return None
    url = discovery.endpoint(client, "end_session_endpoint")
    query = {"client_id": client.client_id, "post_logout_redirect_uri": back_to}
    if id_token:
        query["id_token_hint"] = id_token
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
