"""A REST client that acts under a context, without tokens."""

from __future__ import annotations

from typing import Any

import orjson
from rest_framework.test import APIClient

from cloudweb.api.auth import Caller
from cloudweb.context import RequestContext


class ApiClient(APIClient):
    """Speaks JSON under one prefix, at one microversion of a service."""

    def __init__(
        self,
        context: RequestContext | None = None,
        *,
        version: str | None = None,
        prefix: str = "",
        service: str = "compute",
    ) -> None:
        super().__init__(raise_request_exception=False)
        self.prefix = prefix
        self.version = version
        self.service = service
        if context is not None:
            self.force_authenticate(user=Caller(context), token=context)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request; a body that is not bytes goes as JSON."""
        if self.version is not None:
            headers.setdefault("OpenStack-API-Version", f"{self.service} {self.version}")
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        return self.generic(
            method,
            self.prefix + path,
            data if data is not None else b"",
            content_type="application/json",
            headers=headers,
        )
