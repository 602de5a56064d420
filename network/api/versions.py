"""Version documents (contract 1.3)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, Link, listing
from cloudweb.api.links import base_url
from cloudweb.api.views import ServiceViewSet

COLLECTIONS = {
    "network": "networks",
    "subnet": "subnets",
    "port": "ports",
    "security_group": "security-groups",
    "security_group_rule": "security-group-rules",
    "subnetpool": "subnetpools",
    "address_scope": "address-scopes",
    "address_group": "address-groups",
    "default_security_group_rule": "default-security-group-rules",
    "network_ip_availability": "network-ip-availabilities",
    "rbac_policy": "rbac-policies",
    "trunk": "trunks",
    "quota": "quotas",
    "extension": "extensions",
    "availability_zone": "availability_zones",
}


class VersionShown(Answer):
    """A version of the API."""

    id: str
    status: str
    links: list[Link]


class CollectionShown(Answer):
    """What is under a version."""

    name: str
    collection: str
    links: list[Link]


class RootViewSet(ServiceViewSet):
    """GET /network: which versions there are; no token is needed."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="network_versions", responses={200: listing("versions", VersionShown)}
    )
    def list(self, request: Request) -> Response:
        """Return the one version."""
        href = f"{base_url(request._request)}/network/v2.0/"
        version = {"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": href}]}
        return Response({"versions": [version]})


class ResourcesViewSet(ServiceViewSet):
    """GET /network/v2.0: what is under this version."""

    @extend_schema(
        operation_id="network_resources", responses={200: listing("resources", CollectionShown)}
    )
    def list(self, request: Request) -> Response:
        """Return the collections."""
        root = f"{base_url(request._request)}/network/v2.0"
        found = [
            {
                "name": name,
                "collection": collection.replace("-", "_"),
                "links": [{"rel": "self", "href": f"{root}/{collection}"}],
            }
            for name, collection in COLLECTIONS.items()
        ]
        return Response({"resources": found})
