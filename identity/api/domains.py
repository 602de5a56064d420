"""/domains."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.domains import domain_body
from identity.api.views import IdentityViewSet
from identity.manager import DomainManager

HINTS = Hints(exact=("name",), flags=("enabled",))


class DomainViewSet(IdentityViewSet):
    """Name spaces of users and projects."""

    manager = DomainManager

    @extend_schema(
        operation_id="identity_domains_list", parameters=HINTS.parameters, responses={200: dict}
    )
    def list(self, request: Request) -> Response:
        """Return the domains; hints name and enabled."""
        http = request._request
        rows = DomainManager(self.context).list()
        rows = hinted(http, rows, HINTS)
        return listed(http, "domains", rows, domain_body)

    @extend_schema(operation_id="identity_domains_get", responses={200: dict})
    def retrieve(self, request: Request, domain_id: str) -> Response:
        """Return one domain."""
        domain = DomainManager(self.context).get(domain_id)
        return Response({"domain": domain_body(request._request, domain)})
