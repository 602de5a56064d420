"""Whether a token is the provider's word: signature, issuer, audience, times, nonce."""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import JWSRegistry, extract_compact

from identity.federation import discovery
from identity.federation.client import OidcClient
from identity.federation.exceptions import ClaimsRefused

#: Signatures by a private key alone: never ``none``, and never HMAC, whose key would be public.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
SKEW = 60
LONGEST = 16_384
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


def id_token(client: OidcClient, text: str, *, nonce: str) -> dict[str, Any]:
    """Return the claims of an ID token that answers our own request; raise ClaimsRefused."""
    claims = _signed(client, text)
    _hold(client, claims, audiences=[client.client_id])
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise ClaimsRefused(detail="another nonce")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client.client_id) != client.client_id:
        raise ClaimsRefused(detail="issued to another client (azp)")
    return claims


def bearer_jwt(client: OidcClient, text: str) -> dict[str, Any]:
    """Return the claims of an ID or access token that someone brings; raise ClaimsRefused."""
    claims = _signed(client, text)
    _hold(client, claims, audiences=[client.client_id, *client.audiences])
    return claims


def hold_introspected(client: OidcClient, claims: dict[str, Any]) -> None:
    """Check what introspection said of an opaque token; raise ClaimsRefused."""
    if claims.get("active") is not True:
        raise ClaimsRefused(detail="introspection: not active")
    given = claims.get("aud", [])
    audiences = [*(given if isinstance(given, list) else [given]), claims.get("client_id")]
    said = {"iss": client.issuer, "exp": time.time() + 1, **claims}
    said["aud"] = [one for one in audiences if isinstance(one, str)]
    _hold(client, said, audiences=[client.client_id, *client.audiences])


def looks_like_jwt(text: str) -> bool:
    """Tell a signed token from an opaque one."""
    return text.count(".") == 2 and text.startswith("ey")


def _hold(client: OidcClient, claims: dict[str, Any], *, audiences: Sequence[str]) -> None:
    registry = jwt.JWTClaimsRegistry(
        leeway=SKEW,
        iss={"essential": True, "value": client.issuer},
        sub={"essential": True},
        aud={"essential": True, "values": list(audiences)},
        exp={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise ClaimsRefused(detail=f"claims: {error}") from error
    if len(claims["sub"]) > 255 or not claims["sub"].isprintable():
        raise ClaimsRefused(detail="an absurd subject")
    if "events" in claims:
        raise ClaimsRefused(detail="a log-out token is none to log in with")


def _signed(client: OidcClient, text: str) -> dict[str, Any]:
    if len(text) > LONGEST or not text.isascii():
        raise ClaimsRefused(detail="no token")
    try:
        header = extract_compact(text.encode()).headers()
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise ClaimsRefused(detail=f"signed by {algorithm!r}")
        key = _key(client, str(algorithm), header.get("kid"))
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        return jwt.decode(text, key, registry=registry).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ClaimsRefused(detail=f"{type(error).__name__}: {error}") from error


def _key(client: OidcClient, algorithm: str, kid: object) -> Key:
    """Return the provider's key of this id, asking it again once: it may have changed its keys."""
    for again in (False, True):
        fitting = [
            key
            for key in discovery.keys(client, again=again)
            if key.get("kty") == _KEY_TYPES[algorithm[:2]]
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
            and (kid is None or key.get("kid") == kid)
        ]
        if len(fitting) == 1:
            public = {name: fitting[0][name] for name in _PUBLIC if name in fitting[0]}
            return JWKRegistry.import_key(public)
    raise ClaimsRefused(detail=f"no key, or several, with the id {kid!r}")


_PUBLIC = ("kty", "kid", "n", "e", "crv", "x", "y")
