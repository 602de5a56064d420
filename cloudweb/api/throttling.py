"""How often a client may ask: log-ins by address, all else by project.

Whom a log-in is about only identity knows (identity/attempts.py). Views need nothing of their own: DRF
asks ``Throttle`` before each handler (settings).
"""

from __future__ import annotations

import re
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
    r"^/identity/v3/(auth/tokens|(ec2|s3)tokens|OS-OAUTH1/(request|access)_token|"
    r"users/[^/]+/password|(?P<federated>OS-FEDERATION/.*/auth))\Z"
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
        elif isinstance(request.auth, RequestContext):
            whose = request.auth.project_id or request.auth.user_id or ""
            admit("read" if request.method in _READS else "write", whose)
        return True


def admit_log_in(request: HttpRequest) -> None:
    """Count one attempt to log in by its address."""
    admit("login_address", one_client(remote_address(request)))
