"""/domains."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.domains import DomainCreate, DomainUpdate, domain_body, extra_of
from identity.api.views import IdentityViewSet, described, given
from identity.manager import DomainManager
from identity.models import Domain

HINTS = Hints(exact=("name",), flags=("enabled",), any_case=("name",))


class DomainViewSet(IdentityViewSet):
    """Name spaces of users and projects."""

    manager = DomainManager

    @extend_schema(
        operation_id="identity_domains_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the domains; hints name and enabled."""
        http = request._request
        rows = DomainManager(self.context).list()
        rows = hinted(http, rows, HINTS)
        return listed(http, "domains", rows, domain_body)

    @extend_schema(
        operation_id="identity_domains_create", request=DomainCreate, responses={201: dict}
    )
    def create(self, request: Request) -> Response:
        """Record a domain."""
        body = self.wanted("domain", DomainCreate)
        domain = DomainManager(self.context).create(
            name=body.name,
            domain_id=body.explicit_domain_id,
            description=body.description or "",
            enabled=body.enabled,
            immutable=bool(body.options.immutable),
            tags=sorted(set(body.tags)),
            extra=extra_of(body),
        )
        return self._answer(domain, status=201)

    @extend_schema(operation_id="identity_domains_get", responses={200: dict})
    def retrieve(self, request: Request, domain_id: str) -> Response:
        """Return one domain."""
        return self._answer(DomainManager(self.context).get(domain_id))

    @extend_schema(
        operation_id="identity_domains_update", request=DomainUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, domain_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("domain", DomainUpdate)
        changes: dict[str, Any] = given(body, "name", "enabled", "tags") | described(body)
        if extra := extra_of(body):
            changes["extra"] = extra
        return self._answer(DomainManager(self.context).update(domain_id, **changes))

    @extend_schema(operation_id="identity_domains_delete", responses={204: None})
    def destroy(self, request: Request, domain_id: str) -> Response:
        """Remove a disabled domain whose projects are empty."""
        DomainManager(self.context).delete(domain_id)
        return empty(204)

    def _answer(self, domain: Domain, *, status: int = 200) -> Response:
        return Response({"domain": domain_body(self.request._request, domain)}, status=status)
