"""An OAuth 1.0a consumer as its library signs, and what it gets from the cloud."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from oauthlib.oauth1 import Client

from cloudweb.context import RequestContext
from identity.manager import ConsumerManager
from identity.models import Project
from tests.builders.identity import ApiClient

BASE = "/identity/v3/OS-OAUTH1"
TOKENS = "/identity/v3/auth/tokens"


@dataclass(frozen=True)
class Pair:
    """A token and its secret."""

    key: str = ""
    secret: str = ""


@dataclass
class Program:
    """A consumer; ``host`` is where it believes the cloud to be."""

    consumer: Pair
    host: str = "http://testserver"
    client: ApiClient = field(default_factory=ApiClient)

    def header(self, path: str, token: Pair | None = None, **more: Any) -> str:
        """Return the header Authorization for a POST."""
        token = token or Pair()
        signer = Client(
            self.consumer.key,
            client_secret=self.consumer.secret,
            resource_owner_key=token.key or None,
            resource_owner_secret=token.secret or None,
            **more,
        )
        return str(signer.sign(f"{self.host}{path}", http_method="POST")[1]["Authorization"])

    def post(self, path: str, header: str, body: Any = None, **headers: str) -> Any:
        """Send what was signed."""
        return self.client.send("POST", path, body, Authorization=header, **headers)

    def request_token(self, project: Project, **more: Any) -> Any:
        """Ask for a request token."""
        path = f"{BASE}/request_token"
        header = self.header(path, callback_uri="oob", **more)
        return self.post(path, header, **{"Requested-Project-Id": project.pk})

    def access_token(self, token: Pair, verifier: str, **more: Any) -> Any:
        """Exchange a request token."""
        path = f"{BASE}/access_token"
        return self.post(path, self.header(path, token, verifier=verifier, **more))

    def log_in(self, token: Pair, **more: Any) -> Any:
        """Ask for a token of the user who let it act."""
        return self.post(TOKENS, self.header(TOKENS, token, **more), LOG_IN)


LOG_IN = {"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}}


def make_program(**more: Any) -> Program:
    """Record a consumer."""
    made = ConsumerManager(RequestContext.system()).create(description="a program", extra={})
    return Program(Pair(made.row.pk, made.secret), **more)


def pair_of(answer: Any) -> Pair:
    """Return the token in a form."""
    assert answer.status_code == 201, answer.content
    found = parse_qs(answer.content.decode())
    return Pair(found["oauth_token"][0], found["oauth_token_secret"][0])


def allow(user: ApiClient, token: Pair, *roles: str) -> Any:
    """Let a consumer act with these roles, by name."""
    body = {"roles": [{"name": name} for name in roles]}
    return user.send("PUT", f"{BASE}/authorize/{token.key}", body)


def allowed(program: Program, user: ApiClient, project: Project, *roles: str) -> Pair:
    """Go the whole way; return the access token."""
    asked = pair_of(program.request_token(project))
    verifier = allow(user, asked, *roles).json()["token"]["oauth_verifier"]
    return pair_of(program.access_token(asked, verifier))
