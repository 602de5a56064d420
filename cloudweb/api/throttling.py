"""How often a client may ask: log-ins by account and address, all else by project.

Views need nothing of their own: DRF asks ``Throttle`` before each handler (settings).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from cloudweb.api.auth import remote_address
from cloudweb.api.proxies import one_client
from cloudweb.context import RequestContext
from cloudweb.throttle import admit

#: What checks a secret that a stranger may guess; federated log-ins by any method.
_LOG_IN = re.compile(
    r"^/identity/v3/(auth/tokens|(ec2|s3)tokens|users/(?P<user>[^/]+)/password|"
    r"(?P<federated>OS-FEDERATION/.*/auth))\Z"
)
_READS = ("GET", "HEAD", "OPTIONS")


class Throttle(BaseThrottle):
    """Count each REST request; raise TooManyRequests over a limit."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Return True, or raise."""
        http = request._request
        log_in = _LOG_IN.match(http.path_info)
        if log_in is not None and (request.method == "POST" or log_in["federated"]):
            admit_log_in(http)
            for one in _accounts(request.data) | {log_in["user"] or ""} - {""}:
                admit("login", one)
        elif isinstance(request.auth, RequestContext):
            whose = request.auth.project_id or request.auth.user_id or ""
            admit("read" if request.method in _READS else "write", whose)
        return True


def admit_log_in(request: HttpRequest, *, name: str = "", domain: str = "") -> None:
    """Count one attempt to log in, by its address and then by the account it names."""
    admit("login_address", one_client(remote_address(request)))
    if name:
        admit("login", account(name=name, domain=domain))


def account(*, name: str, domain: str) -> str:
    """Return the key of a user name in a domain, however either is spelt."""
    return f"{domain.casefold() or 'default'}/{name.casefold()}"


def _accounts(body: Any) -> set[str]:
    """Return whom a log-in names: users by name or id, application and EC2 credentials."""
    found: list[Any] = [
        _part(body, word).get("access") for word in ("credentials", "ec2Credentials")
    ]
    identity = _part(_part(body, "auth"), "identity")
    for method in ("password", "totp", "application_credential"):
        user = _part(_part(identity, method), "user")
        domain = _part(user, "domain")
        if isinstance(name := user.get("name"), str):
            found.append(
                account(name=name, domain=str(domain.get("name") or domain.get("id") or ""))
            )
        found.append(user.get("id"))
    found.append(_part(identity, "application_credential").get("id"))
    return {key for key in found if isinstance(key, str) and key}


def _part(body: Any, key: str) -> Mapping[str, Any]:
    found = body.get(key) if isinstance(body, Mapping) else None
    return found if isinstance(found, Mapping) else {}
