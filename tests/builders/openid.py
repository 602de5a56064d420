"""A real OpenID Connect provider of the suite's own: Authlib's server on the loopback."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

from tests.infrastructure import PATIENCE

CLIENT_ID = "cloudweb"
CLIENT_SECRET = "secret-of-the-client"
PASSWORD = "right"


@dataclass
class Account:
    """Someone the provider knows."""

    sub: str
    claims: dict[str, Any] = field(default_factory=dict)

    def get_user_id(self) -> str:
        """Return the subject."""
        return self.sub


class _Client:
    """The one registration, as Authlib's server asks about it."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.client_id = CLIENT_ID

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return ""

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(one for one in scope.split() if one in ("openid", "profile", "email"))

    def check_redirect_uri(self, uri: str) -> bool:
        return uri.endswith("/login/oidc/callback")

    def check_client_secret(self, secret: str) -> bool:
        return secrets.compare_digest(secret, CLIENT_SECRET)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, kind: str) -> bool:
        return kind == "code"

    def check_grant_type(self, kind: str) -> bool:
        return kind in ("authorization_code", "password")

    @property
    def id_token_signed_response_alg(self) -> str:
        return "RS256"


@dataclass
class _Code:
    """An authorization code that waits to be exchanged."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    user: Account

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> str:
        return "0"

    def get_amr(self) -> list[str]:
        return ["pwd"]


@dataclass
class Provider:
    """A running provider; tests change what it says by its fields."""

    port: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)
    codes: dict[str, _Code] = field(default_factory=dict)
    opaque: dict[str, Account] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: new_key())
    #: Claims of ID tokens that tests bend.
    bent: dict[str, Any] = field(default_factory=dict)
    #: Entries of the discovery document that tests bend.
    document: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """Its name and address."""
        return f"http://127.0.0.1:{self.port}"

    def add(self, name: str, **claims: Any) -> Account:
        """Add someone who logs in with PASSWORD."""
        account = Account(f"sub-{name}", {"preferred_username": name, **claims})
        self.accounts[name] = account
        return account

    def change_keys(self) -> None:
        """Sign by another key from now on, and forget the old one."""
        self.key = new_key()

    def claims(self, account: Account, **more: Any) -> dict[str, Any]:
        """Return the claims of a token that fits."""
        now = int(time.time())
        fitting = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": account.sub,
            "iat": now,
            "exp": now + 300,
            **account.claims,
        }
        return {name: value for name, value in {**fitting, **more}.items() if value is not None}

    def token(self, account: Account, **more: Any) -> str:
        """Return a signed token with these claims changed."""
        return sign(self.claims(account, **more), self.key)

    def opaque_token(self, account: Account) -> str:
        """Return an access token that only introspection can read."""
        token = secrets.token_hex(20)
        self.opaque[token] = account
        return token


def new_key() -> RSAKey:
    """Return a fresh signing key."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


def sign(claims: dict[str, Any], key: Any, algorithm: str = "RS256", **header: Any) -> str:
    """Return claims as a signed token."""
    headers = {"alg": algorithm, "kid": key.kid, **header}
    return jwt.encode(headers, claims, key, algorithms=[algorithm])


class _ServedCode(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]
    provider: Provider

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        self.provider.codes[code] = _Code(
            code=code,
            redirect_uri=request.payload.redirect_uri,
            scope=request.payload.scope,
            nonce=data.get("nonce", ""),
            code_challenge=data.get("code_challenge", ""),
            code_challenge_method=data.get("code_challenge_method", ""),
            user=request.user,
        )

    def query_authorization_code(self, code: str, client: Any) -> _Code | None:
        return self.provider.codes.get(code)

    def delete_authorization_code(self, code: _Code) -> None:
        self.provider.codes.pop(code.code, None)

    def authenticate_user(self, code: _Code) -> Account:
        return code.user


class _ServedPassword(grants.ResourceOwnerPasswordCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]
    provider: Provider

    def authenticate_user(self, username: str, password: str) -> Account | None:
        return self.provider.accounts.get(username) if password == PASSWORD else None


class _ServedIdToken(OpenIDCode):
    def __init__(self, provider: Provider) -> None:
        super().__init__(require_nonce=False)
        self.provider = provider

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return False

    def resolve_client_private_key(self, client: Any) -> RSAKey:
        return self.provider.key

    def get_client_claims(self, client: Any) -> dict[str, Any]:
        return {"iss": self.provider.issuer}

    def get_encode_header(self, client: Any) -> dict[str, Any]:
        return {"alg": "RS256", "kid": self.provider.key.kid}

    def generate_user_info(self, user: Account, scope: str) -> UserInfo:
        return UserInfo(sub=user.sub, **{**user.claims, **self.provider.bent})


def application(provider: Provider) -> Flask:
    """Return the provider as a web application."""
    app = Flask("openid")
    client = _Client(provider)

    def signed(client: Any, grant_type: str, user: Account, scope: str) -> str:
        return provider.token(user, aud=["account", CLIENT_ID], azp=CLIENT_ID)

    app.config["OAUTH2_ACCESS_TOKEN_GENERATOR"] = signed
    server = AuthorizationServer(
        app,
        query_client=lambda client_id: client if client_id == CLIENT_ID else None,
        save_token=lambda token, request: None,
    )
    code = type("Code", (_ServedCode,), {"provider": provider})
    password = type("Password", (_ServedPassword,), {"provider": provider})
    server.register_grant(code, [_ServedIdToken(provider), CodeChallenge(required=True)])
    server.register_grant(password)

    @app.before_request
    def note() -> None:
        provider.asked.append(request.path)

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        base = provider.issuer
        return jsonify(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/keys",
                "userinfo_endpoint": f"{base}/userinfo",
                "introspection_endpoint": f"{base}/introspect",
                "end_session_endpoint": f"{base}/logout",
                "grant_types_supported": ["authorization_code", "password"],
                **provider.document,
            }
        )

    @app.get("/favicon.ico")
    def icon() -> Any:
        return "", 204

    @app.get("/keys")
    def keys() -> Response:
        return jsonify(KeySet([provider.key]).as_dict(private=False))

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        if request.method == "GET":
            return (
                "<!doctype html><title>Provider</title><form method=post>"
                "<input name=username><input name=password type=password>"
                "<button>Sign in</button></form>"
            )
        user = provider.accounts.get(request.form["username"])
        if user is None or request.form["password"] != PASSWORD:
            return "wrong", 403
        grant = server.get_consent_grant(end_user=user)
        return server.create_authorization_response(grant_user=user, grant=grant)

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    @app.post("/introspect")
    def introspect() -> Any:
        basic = request.authorization
        if basic is None or basic.username != CLIENT_ID:
            return jsonify(error="invalid_client"), 401
        account = provider.opaque.get(request.form["token"])
        if account is None:
            return jsonify(active=False)
        return jsonify(
            {"active": True, "client_id": CLIENT_ID, "sub": account.sub, **account.claims}
        )

    @app.get("/userinfo")
    def userinfo() -> Any:
        subject = next(iter(provider.accounts.values()))
        return jsonify({"sub": subject.sub, "groups": ["from-userinfo"], **subject.claims})

    @app.get("/logout")
    def logout() -> Any:
        return redirect(request.args["post_logout_redirect_uri"])

    return app


@contextlib.contextmanager
def running_provider() -> Iterator[Provider]:
    """Run a provider in a thread on a free port of the loopback."""
    provider = Provider()
    server = make_server("127.0.0.1", 0, application(provider), threaded=True)
    provider.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()
